"""Ridge regression on more features than fit in memory, read in blocks; several outputs at once.

The strength is chosen for each output by cross-validation in which all photos of a horse are in one fold. There are
three ways to the solution:

- Up to EXACT features: features by features. One decomposition of their products, for each fold and distinct weight.
- More features, but up to EXACT photos: photos by photos (the dual form). The answers are the same.
- More of both: the solution is sought among STEPS directions: the label's own, and what the products of features turn
  it into, again and again (a Krylov space, which serves all strengths; Frommer & Maass 1999). Each step reads all
  photos once, for all outputs and folds, and never holds the products. The squared error on other photos was the exact
  one to 0.1 % for labels in which some directions of the features have a larger part than others, and 5 % larger where
  all had an equal part. The 1,024 directions in which features vary most, which know nothing of the label, raised it by
  5 and 27 % (docs/benchmarks.md).

scikit-learn's RidgeCV takes either groups or one decomposition for all strengths, not both, and holds all features in
float64: 12 GB for 100,000 photos of 15,360.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from trainer.dataset.rows import Indexed

STRENGTHS = np.logspace(0, 6, 13)
FOLDS = 5
BLOCK = 32_000_000  # bytes of rows in float32, at once; numpy takes new pages for larger ones each time
EXACT = 3072
STEPS = 40  # each is a pass over all photos
SMALLEST = 1e-6  # standard deviation of a feature
ROUNDING = 1e-6  # a step that is so much smaller than what it is the rest of is only rounding


@dataclass(frozen=True, slots=True)
class Standardised:
    """Features (n, p) with mean 0 and standard deviation 1 over all photos."""

    features: Indexed
    mean: np.ndarray  # float32 (p,)
    deviation: np.ndarray

    @classmethod
    def of(cls, features: Indexed) -> "Standardised":
        """Of the features of all photos of training."""
        total, squares = np.zeros(features.shape[1]), np.zeros(features.shape[1])
        for rows in _blocks(np.arange(len(features)), features.shape[1]):
            block = features[rows].astype(np.float64)
            total += block.sum(0)
            squares += np.einsum("ij,ij->j", block, block)
        mean = total / len(features)
        deviation = np.sqrt(np.maximum(squares / len(features) - mean**2, 0))
        return cls(features, mean.astype(np.float32), np.maximum(deviation, SMALLEST).astype(np.float32))

    def blocks(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Some photos in blocks: their rows, and their numbers, float32 (b, p)."""
        for some in _blocks(rows, len(self.mean)):
            block = self.features[some] - self.mean
            block /= self.deviation
            yield some, block


@dataclass(frozen=True, slots=True)
class Lines:
    """Solutions for t outputs: the answers to standardised features x (n, p) are x @ slopes + level."""

    slopes: np.ndarray  # (p, t)
    level: np.ndarray  # (t,)
    strength: np.ndarray  # (t,)

    def seen_as(self, own: Standardised, other: Standardised) -> tuple[np.ndarray, np.ndarray]:
        """Slopes (p, t) and levels (t,) of the same answers for features that are standardised in another way than
        their own."""
        slopes = self.slopes * (other.deviation.astype(np.float64) / own.deviation)[:, None]
        shift = (other.mean.astype(np.float64) - own.mean) / own.deviation
        return slopes, self.level + shift @ self.slopes


@dataclass(frozen=True, slots=True)
class _Paths:
    """Solutions for t outputs and all strengths."""

    slopes: np.ndarray  # (t, p, strengths); of photos, not features, in the dual form
    levels: np.ndarray  # (t, strengths)

    def at(self, chosen: np.ndarray) -> Lines:
        """One strength for each output, by its position."""
        outputs = np.arange(len(chosen))
        return Lines(self.slopes[outputs, :, chosen].T, self.levels[outputs, chosen], STRENGTHS[chosen])


def solve(data: Standardised, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> Lines:
    """The ridge regressions on n photos for t outputs, each of the strength that cross-validation over horses chooses.

    `label` and `weight` are (n, t), `horse` (n,). A label is NaN where a photo has none; each output has some photos
    with a label and a weight. Each solution is what the output alone would get: the folds and the standardisation are
    those of all photos. Outputs of equal weights share their decompositions.

    Memory, whatever the number of photos and outputs: twelve matrices of min(n, p) numbers squared, at most 1 GB; in
    the dual form also the features. In steps instead: 20 MB for each output with 15,360 features, and 120 bytes for
    each of its photos.
    """
    known = ~np.isnan(label) & (weight > 0)
    label, weight = np.where(known, label, 0), np.where(known, weight, 0).astype(np.float64)
    folds, photos, features = _folds(horse), len(data.features), len(data.mean)
    if min(photos, features) > EXACT:
        return _solve_by_steps(data, label, folds, weight)
    # Products cost far more than reading, so they are made for one distinct weight after the other.
    groups: dict[bytes, list[int]] = {}
    for output in range(label.shape[1]):
        groups.setdefault(weight[:, output].tobytes(), []).append(output)
    asked = [(label[:, group], weight[:, group[0]]) for group in groups.values()]
    solved = (_solve_by_photos if photos < features else _solve_by_features)(data, asked, folds)
    order = np.argsort(np.concatenate(list(groups.values())))
    return Lines(
        np.concatenate([lines.slopes for lines in solved], 1)[:, order],
        np.concatenate([lines.level for lines in solved])[order],
        np.concatenate([lines.strength for lines in solved])[order],
    )


_Asked = list[tuple[np.ndarray, np.ndarray]]  # labels (n, t) that have one weight (n,)


def _solve_by_features(data: Standardised, asked: _Asked, folds: list[np.ndarray]) -> list[Lines]:
    """All of it follows from one matrix for each fold: the weighted products of features, a one, and the labels."""
    solved = []
    for label, weight in asked:
        outputs = label.shape[1]
        products = [_products(data, rows, label, weight) for rows in folds]
        whole = np.sum(products, axis=0)
        errors = np.zeros((outputs, len(STRENGTHS)))
        for rows, outside in zip(folds, products, strict=True):
            if not np.delete(weight, rows).any():
                continue
            path = _path(whole - outside, outputs)
            # The weighted squares of label - slopes x - level, summed over the photos of the fold.
            ones = np.broadcast_to(np.eye(outputs)[:, :, None], (outputs, outputs, len(STRENGTHS)))
            line = np.concatenate([-path.slopes, -path.levels[:, None], ones], 1)
            errors += np.einsum("tps,tps->ts", line, outside @ line)
        solved.append(_path(whole, outputs).at(_best(errors)))
    return solved


def _products(data: Standardised, rows: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    size = len(data.mean) + 1 + label.shape[1]
    found = np.zeros((size, size))
    for some, block in data.blocks(rows[weight[rows] > 0]):
        beside = np.column_stack([block.astype(np.float64), np.ones(len(some)), label[some]])
        beside *= np.sqrt(weight[some])[:, None]
        found += beside.T @ beside
    return found


def _path(products: np.ndarray, outputs: int) -> _Paths:
    """All solutions from one decomposition of the products of features."""
    features = len(products) - 1 - outputs
    total, mass = products[:features, features], products[features, features]
    mean, level = total / mass, products[features, features + 1 :] / mass
    values, vectors = np.linalg.eigh(products[:features, :features] - np.outer(total, mean))
    along = vectors.T @ (products[:features, features + 1 :] - np.outer(total, level))
    slopes = vectors @ (along.T[:, :, None] / (values.clip(min=0)[:, None] + STRENGTHS))
    return _Paths(slopes, level[:, None] - mean @ slopes)


def _solve_by_photos(data: Standardised, asked: _Asked, folds: list[np.ndarray]) -> list[Lines]:
    """The same from the products of photos, for more features than photos."""
    photos = len(data.features)
    features = np.concatenate([block for _, block in data.blocks(np.arange(photos))])
    products = np.zeros((photos, photos))
    for columns in _blocks(np.arange(len(data.mean)), photos):
        some = features[:, columns].astype(np.float64)
        products += some @ some.T
    solved = []
    for label, weight in asked:
        errors = np.zeros((label.shape[1], len(STRENGTHS)))
        rows = np.flatnonzero(weight)
        for fold in folds:
            inside, outside = np.setdiff1d(rows, fold), np.intersect1d(rows, fold)
            if len(inside):
                path = _mixes(products[np.ix_(inside, inside)], label[inside], weight[inside])
                values = products[np.ix_(outside, inside)] @ path.slopes + path.levels[:, None]
                errors += weight[outside] @ (values - label[outside].T[:, :, None]) ** 2
        lines = _mixes(products[np.ix_(rows, rows)], label[rows], weight[rows]).at(_best(errors))
        mixes = np.zeros((photos, label.shape[1]), np.float32)
        mixes[rows] = lines.slopes
        solved.append(Lines(features.T @ mixes, lines.level, lines.strength))
    return solved


def _mixes(products: np.ndarray, label: np.ndarray, weight: np.ndarray) -> _Paths:
    """The slopes as mixes of photos."""
    share, root = weight / weight.sum(), np.sqrt(weight)
    level, middle = share @ label, products @ share  # of the mean photo with each photo
    centred = products - middle[:, None] - middle + share @ middle
    values, vectors = np.linalg.eigh(root[:, None] * centred * root)
    along = vectors.T @ ((label - level) * root[:, None])
    held = root[:, None] * (vectors @ (along.T[:, :, None] / (values.clip(min=0)[:, None] + STRENGTHS)))
    mixes = held - share[:, None] * held.sum(1, keepdims=True)  # the mean photo is taken from each
    return _Paths(mixes, level[:, None] - middle @ mixes)


def _solve_by_steps(data: Standardised, label: np.ndarray, folds: list[np.ndarray], weight: np.ndarray) -> Lines:
    """Nearly the same in few passes. A problem is an output without a fold; the last problems are without none."""
    (photos, outputs), parts = label.shape, len(folds) + 1
    weights = np.repeat(weight[:, None], parts, 1)
    for part, rows in enumerate(folds):
        weights[rows, part] = 0
    paths = _walk(data, np.tile(label, parts), weights.reshape(photos, -1))
    errors = np.zeros((outputs, len(STRENGTHS)))
    for part, rows in enumerate(folds):
        mine, usable = slice(part * outputs, (part + 1) * outputs), np.delete(weight, rows, 0).sum(0) > 0
        for some, block in data.blocks(rows):
            values = block @ paths.slopes[mine] + paths.levels[mine, None]
            squares = (values - label[some].T[:, :, None]) ** 2
            errors += usable[:, None] * np.einsum("bt,tbs->ts", weight[some], squares)
    return _Paths(paths.slopes[-outputs:], paths.levels[-outputs:]).at(_best(errors))


def _walk(data: Standardised, label: np.ndarray, weights: np.ndarray) -> _Paths:
    """The solutions of problems with labels and weights (n, m), in the space that the steps span for each."""
    problems, features = label.shape[1], len(data.mean)
    mass = np.where(weights.any(0), weights.sum(0), 1)  # a problem without photos is not used
    level = np.einsum("nm,nm->m", weights, label) / mass
    found = _gathered(
        data, 2 * problems, lambda some, _: np.hstack([weights[some], weights[some] * (label[some] - level)])
    )
    mean, start = (found[:problems] / mass[:, None]).astype(np.float32), found[problems:]
    basis = np.zeros((problems, STEPS, features), np.float32)
    reduced = np.zeros((problems, STEPS, STEPS))  # the centred products of features, in the basis
    step, largest = start, np.zeros(problems)
    for count in range(1, STEPS + 1):
        basis[:, count - 1] = step / np.maximum(np.linalg.norm(step, axis=1), np.finfo(float).tiny)[:, None]
        image = _image(data, basis[:, count - 1], mean, weights)
        along = np.einsum("mkp,mp->mk", basis[:, :count], image)
        reduced[:, count - 1, :count] = reduced[:, :count, count - 1] = along
        step, largest = image, np.maximum(largest, np.linalg.norm(image, axis=1))
        for _ in range(2):  # once leaves what rounding adds
            step = step - np.einsum("mk,mkp->mp", np.einsum("mkp,mp->mk", basis[:, :count], step), basis[:, :count])
        step[np.linalg.norm(step, axis=1) < ROUNDING * largest] = 0  # the steps so far span all that matters
    values, vectors = np.linalg.eigh(reduced)
    along = vectors[:, 0] * np.linalg.norm(start, axis=1)[:, None]  # the label lies along the first step
    mixes = vectors @ (along[:, :, None] / (values.clip(min=0)[:, :, None] + STRENGTHS))
    slopes = basis.transpose(0, 2, 1) @ mixes.astype(np.float32)
    return _Paths(slopes, level[:, None] - (mean[:, None] @ slopes)[:, 0])


def _image(data: Standardised, direction: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The centred products of features of each problem times its direction, (m, p)."""
    across, middle = np.ascontiguousarray(direction.T), np.einsum("mp,mp->m", mean, direction)
    products = _gathered(data, len(middle), lambda some, block: weights[some] * (block @ across - middle))
    return products.astype(np.float32)


def _gathered(data: Standardised, sums: int, mixes: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Sums of all photos, (sums, p); `mixes` gives the shares of some rows and their block, (b, sums)."""
    found = np.zeros((sums, len(data.mean)))
    for some, block in data.blocks(np.arange(len(data.features))):
        found += mixes(some, block).T.astype(np.float32) @ block
    return found


def _folds(horse: np.ndarray) -> list[np.ndarray]:
    """The photos of each fold; all photos if there is only one horse."""
    from sklearn.model_selection import GroupKFold

    folds = min(FOLDS, len(np.unique(horse)))
    if folds < 2:
        return [np.arange(len(horse))]
    return [outside for _, outside in GroupKFold(folds).split(horse, groups=horse)]


def _best(errors: np.ndarray) -> np.ndarray:
    """The position of the strength of the smallest error; the middle one where there was nothing to choose by."""
    return np.where(errors.any(1), errors.argmin(1), len(STRENGTHS) // 2)


def _blocks(rows: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Rows in pieces of BLOCK bytes."""
    size = max(1, BLOCK // (4 * width))
    yield from (rows[begin : begin + size] for begin in range(0, len(rows), size))
