"""Ridge regression on more features than fit in memory, read in blocks.

The strength is chosen by cross-validation in which all photos of a horse are in one fold. What is decomposed is the
smaller of two matrices: features by features, or photos by photos. If both are larger than EXACT, the features are
first turned onto the DIRECTIONS in which they vary most, found by a randomised search (Halko, Martinsson & Tropp 2011,
algorithm 4.4).

scikit-learn's RidgeCV takes either groups or one decomposition for all strengths, not both, and holds all features in
float64: 12 GB for 100,000 photos of 15,360.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainer.dataset.rows import Indexed

STRENGTHS = np.logspace(0, 6, 13)
FOLDS = 5
BLOCK = 64_000_000  # bytes of rows in float32, at once
EXACT = 3072
DIRECTIONS = 1024
PASSES = 2  # over all photos, to find the directions
SMALLEST = 1e-6  # standard deviation of a feature


@dataclass(frozen=True, slots=True)
class Standardised:
    """Features (n, p) with mean 0 and standard deviation 1 over all photos, and turned onto `directions` (p, k)."""

    features: Indexed
    mean: np.ndarray  # float32 (p,)
    deviation: np.ndarray
    directions: np.ndarray | None = None

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

    @property
    def width(self) -> int:
        """Numbers of a photo."""
        return len(self.mean) if self.directions is None else self.directions.shape[1]

    def blocks(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Some photos in blocks: their rows, and their numbers, float32 (b, k)."""
        for some in _blocks(rows, len(self.mean)):
            block = (self.features[some] - self.mean) / self.deviation
            yield some, block if self.directions is None else block @ self.directions


@dataclass(frozen=True, slots=True)
class Line:
    """A solution: the answer to standardised features x is x @ slopes + level."""

    slopes: np.ndarray  # (p,)
    level: float
    strength: float

    def seen_as(self, own: Standardised, other: Standardised) -> tuple[np.ndarray, float]:
        """Slopes (p,) and level of the same answers for features that are standardised in another way than its own."""
        slopes = self.slopes * (other.deviation.astype(np.float64) / own.deviation)
        shift = (other.mean.astype(np.float64) - own.mean) / own.deviation
        return slopes, self.level + float(shift @ self.slopes)


def solve(data: Standardised, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> Line:
    """The ridge regression of the strength that cross-validation over horses chooses."""
    photos, features = len(data.features), data.width
    if min(photos, features) > EXACT:
        turned = Standardised(data.features, data.mean, data.deviation, _main_directions(data))
        line = _solve_by_features(turned, label, horse, weight)
        assert turned.directions is not None
        return Line(turned.directions @ line.slopes, line.level, line.strength)
    if photos < features:
        return _solve_by_photos(data, label, horse, weight)
    return _solve_by_features(data, label, horse, weight)


def _solve_by_features(data: Standardised, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> Line:
    """All of it follows from one matrix for each fold: the weighted products of features, a one, and the label."""
    folds = _folds(horse)
    products = [_products(data, rows, label, weight) for rows in folds]
    whole = np.sum(products, axis=0)
    errors = np.zeros(len(STRENGTHS))
    for outside in products if len(folds) > 1 else ():
        slopes, levels = _path(whole - outside, STRENGTHS)
        # The weighted squares of label - slopes x - level, summed over the photos of the fold.
        asked = np.vstack([-slopes, -levels, np.ones(len(STRENGTHS))])
        errors += np.einsum("ps,ps->s", asked, outside @ asked)
    strength = _best(errors)
    slopes, levels = _path(whole, np.array([strength]))
    return Line(slopes[:, 0], float(levels[0]), strength)


def _products(data: Standardised, rows: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    found = np.zeros((data.width + 2, data.width + 2))
    for some, block in data.blocks(rows):
        beside = np.column_stack([block.astype(np.float64), np.ones(len(some)), label[some]])
        beside *= np.sqrt(weight[some].astype(np.float64))[:, None]
        found += beside.T @ beside
    return found


def _path(products: np.ndarray, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (p, strengths) and levels (strengths,) from one decomposition of the products of features."""
    total, mass = products[:-2, -2], products[-2, -2]
    mean, level = total / mass, products[-2, -1] / mass
    values, vectors = np.linalg.eigh(products[:-2, :-2] - np.outer(total, mean))
    along = vectors.T @ (products[:-2, -1] - total * level)
    slopes = vectors @ (along[:, None] / (values.clip(min=0)[:, None] + strengths))
    return slopes, level - mean @ slopes


def _solve_by_photos(data: Standardised, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> Line:
    """The same from the products of photos, for more features than photos."""
    rows = np.arange(len(data.features))
    features = np.concatenate([block for _, block in data.blocks(rows)])
    products = np.zeros((len(rows), len(rows)))
    for columns in _blocks(np.arange(data.width), len(rows)):
        some = features[:, columns].astype(np.float64)
        products += some @ some.T
    errors = np.zeros(len(STRENGTHS))
    folds = _folds(horse)
    for outside in folds if len(folds) > 1 else ():
        inside = np.setdiff1d(rows, outside)
        mixes, levels = _mixes(products[np.ix_(inside, inside)], label[inside], weight[inside], STRENGTHS)
        values = products[np.ix_(outside, inside)] @ mixes + levels
        errors += weight[outside] @ (values - label[outside, None]) ** 2
    strength = _best(errors)
    mixes, levels = _mixes(products, label, weight, np.array([strength]))
    return Line(features.T @ mixes[:, 0].astype(np.float32), float(levels[0]), strength)


def _mixes(
    products: np.ndarray, label: np.ndarray, weight: np.ndarray, strengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The slopes as mixes of photos, (photos, strengths), and the levels (strengths,)."""
    share, root = weight.astype(np.float64) / weight.sum(dtype=np.float64), np.sqrt(weight.astype(np.float64))
    level, middle = share @ label, products @ share  # of the mean photo with each photo
    centred = products - middle[:, None] - middle + share @ middle
    values, vectors = np.linalg.eigh(root[:, None] * centred * root)
    along = vectors.T @ ((label - level) * root)
    held = root[:, None] * (vectors @ (along[:, None] / (values.clip(min=0)[:, None] + strengths)))
    mixes = held - share[:, None] * held.sum(0)  # the mean photo is taken from each
    return mixes, level - middle @ mixes


def _main_directions(data: Standardised) -> np.ndarray:
    """Orthogonal directions, float32 (p, DIRECTIONS), which hold nearly all that the features vary."""
    draw = np.random.default_rng(0)
    found = draw.standard_normal((data.width, min(DIRECTIONS, data.width)), dtype=np.float32)
    for _ in range(PASSES):
        spread = np.zeros_like(found)
        for _, block in data.blocks(np.arange(len(data.features))):
            spread += block.T @ (block @ found)
        found = np.linalg.qr(spread)[0]
    return found


def _folds(horse: np.ndarray) -> list[np.ndarray]:
    """The photos of each fold; all photos if there is only one horse."""
    from sklearn.model_selection import GroupKFold

    folds = min(FOLDS, len(np.unique(horse)))
    if folds < 2:
        return [np.arange(len(horse))]
    return [outside for _, outside in GroupKFold(folds).split(horse, groups=horse)]


def _best(errors: np.ndarray) -> float:
    """The strength of the smallest error; the middle one where there was nothing to choose by."""
    return float(STRENGTHS[errors.argmin()] if errors.any() else STRENGTHS[len(STRENGTHS) // 2])


def _blocks(rows: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Rows in pieces of BLOCK bytes."""
    size = max(1, BLOCK // (4 * width))
    yield from (rows[begin : begin + size] for begin in range(0, len(rows), size))
