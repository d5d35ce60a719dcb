"""Baselines that use no photo. A model has to beat them on the same examples."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from trainer.dataset.data import Table

PRIOR = 3  # horses: a group's mean is computed as if it had this many average horses more


def constant_median(table: Table, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The median label of training, for every photo."""
    return np.full(len(outside), np.median(table.label[inside]), np.float32)


def mean_by_sex_and_age(table: Table, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The mean label of training horses of that sex and age."""
    return _group_means(table, inside, outside, lambda row: (row["sex"], row["age"]))


def mean_by_sire(table: Table, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The mean label of the sire's other offspring in training; the overall mean where the sire is new."""
    return _group_means(table, inside, outside, lambda row: row["sire"])


def _group_means(
    table: Table, inside: np.ndarray, outside: np.ndarray, key: Callable[[Mapping[str, Any]], Hashable]
) -> np.ndarray:
    overall = float(table.label[inside].mean())
    groups: dict[Hashable, dict[int, float]] = {}
    for index in inside:
        # A horse counts once in a group, no matter how many photos it has.
        groups.setdefault(key(table.rows[index]), {})[int(table.horse[index])] = float(table.label[index])
    means = {name: (sum(its.values()) + PRIOR * overall) / (len(its) + PRIOR) for name, its in groups.items()}
    return np.array([means.get(key(table.rows[index]), overall) for index in outside], np.float32)


WITHOUT_PHOTOS: dict[str, Callable[[Table, np.ndarray, np.ndarray], np.ndarray]] = {
    "constant median": constant_median,
    "mean per sex and age": mean_by_sex_and_age,
    "mean per sire": mean_by_sire,
}
