"""Two small regressions for baselines: means of groups as random effects, and a ridge over many columns."""

from typing import Any

import numpy as np

STRENGTHS = np.logspace(0, 5, 6)  # of the ridge; columns are 0 or 1, or parts of a spline
PARTS = 3  # of the horses, for choosing the strength


def group_means(names: np.ndarray, label: np.ndarray, horse: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The mean label of the group of each name in `asked`, drawn towards the mean of all; None is in no group.

    Groups are random effects: a mean of n horses is drawn by n / (n + s2 within / s2 between), with variances estimated
    from these horses (one-way analysis of variance; Searle, Casella & McCulloch 1992). A horse counts once in a group.
    """
    overall = float(label.mean())
    known = np.array([name is not None for name in names], bool)
    groups, its = np.unique(names[known].astype(str), return_inverse=True)
    units, of_unit, photos = np.unique(
        its * (int(horse.max(initial=0)) + 1) + horse[known], return_inverse=True, return_counts=True
    )
    group = units // (int(horse.max(initial=0)) + 1)
    value = np.bincount(of_unit, label[known], len(units)) / photos
    if not 1 < len(groups) < len(units):
        return np.full(len(asked), overall, np.float32)
    counts = np.bincount(group)
    means = np.bincount(group, value) / counts
    middle = value.mean()
    drawn = overall + _shrinkage(value, group, means, counts) * (means - middle)
    effect = dict(zip(groups.tolist(), drawn.tolist(), strict=True))
    return np.array([overall if name is None else effect.get(str(name), overall) for name in asked], np.float32)


def _shrinkage(value: np.ndarray, group: np.ndarray, means: np.ndarray, counts: np.ndarray) -> np.ndarray:
    units, groups = len(value), len(counts)
    within = ((value - means[group]) ** 2).sum() / (units - groups)
    usual = (units - (counts**2).sum() / units) / (groups - 1)  # the size of a group
    between = ((counts @ (means - value.mean()) ** 2) / (groups - 1) - within) / usual
    return counts / (counts + within / between) if between > 0 else np.zeros(groups)


def ridge(columns: Any, label: np.ndarray, horse: np.ndarray, asked: Any) -> np.ndarray:
    """The answers of a ridge regression on sparse columns (n, p) for rows `asked` (k, p).

    The strength is chosen by cross-validation over horses. The sums of products are added up once for all strengths
    and parts; scikit-learn does that only without groups, and takes thirty times as long with them.
    """
    part = np.unique(horse, return_inverse=True)[1] % PARTS
    products = [_products(columns[part == number], label[part == number]) for number in range(PARTS)]
    whole = np.sum(products, axis=0)
    errors = np.zeros(len(STRENGTHS))
    for number in range(PARTS):
        held = part == number
        if held.any() and not held.all():
            rest = whole - products[number]
            errors += [((_solve(rest, strength, columns[held]) - label[held]) ** 2).sum() for strength in STRENGTHS]
    return _solve(whole, STRENGTHS[errors.argmin()], asked).astype(np.float32)


def _products(columns: Any, label: np.ndarray) -> np.ndarray:
    """The sums of products of a column of ones, the columns and the label, (p + 2, p + 2)."""
    from scipy.sparse import csr_array, hstack

    one, last = (csr_array(np.asarray(its, float)[:, None]) for its in (np.ones(len(label)), label))
    whole = hstack([one, columns, last], format="csr")
    return (whole.T @ whole).toarray()


def _solve(products: np.ndarray, strength: float, asked: Any) -> np.ndarray:
    """The answers for the rows `asked` (k, p) of the ridge of a strength; the level is not shrunk."""
    from scipy.linalg import solve

    count, column, label = products[0, 0], products[0, 1:-1], products[0, -1]
    middle, level = column / count, label / count
    centred = products[1:-1, 1:-1] - count * np.outer(middle, middle) + strength * np.eye(len(column))
    weight = solve(centred, products[1:-1, -1] - count * middle * level, assume_a="pos")
    return level + asked @ weight - middle @ weight
