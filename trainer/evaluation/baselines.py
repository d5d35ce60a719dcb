"""Answers that use no photo, fitted to the same horses as the model. A model has to beat them on the same examples."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from math import log
from typing import Any

import numpy as np

from trainer.dataset.data import Table
from trainer.evaluation.folds import Fold
from trainer.evaluation.shrinking import group_means, ridge

RARE = 3  # photos that a name needs for a column of its own in the ridge
KNOTS = 5  # of the spline of a number


class Baseline(StrEnum):
    """What answers without a photo."""

    MEAN = "mean"  # of the labels
    SIRE = "sire"
    DAMSIRE = "damsire"
    SEX = "sex"
    AGE = "age"
    HORSE_WEIGHT = "horse_weight"
    RACECOURSE = "racecourse"
    DISTANCE = "distance"  # of the photo's own race
    SOURCE = "source"  # the site, and the photographer where one is named
    ALL = "all"  # all of them together


WORDS = {
    Baseline.MEAN: "the mean label",
    Baseline.SIRE: "the sire",
    Baseline.DAMSIRE: "the dam's sire",
    Baseline.SEX: "the sex",
    Baseline.AGE: "the age",
    Baseline.HORSE_WEIGHT: "the body weight",
    Baseline.RACECOURSE: "the racecourse",
    Baseline.DISTANCE: "the distance of the photo's race",
    Baseline.SOURCE: "the photographer or site",
    Baseline.ALL: "all of these together",
}
NAMES = (Baseline.SIRE, Baseline.DAMSIRE, Baseline.SEX, Baseline.AGE, Baseline.RACECOURSE, Baseline.SOURCE)
NUMBERS: dict[Baseline, Callable[[float], float]] = {Baseline.HORSE_WEIGHT: float, Baseline.DISTANCE: log}
Pair = tuple[Any, Any]  # of the examples that a baseline is fitted to, and of those that it answers


def answer_without_photos(table: Table, folds: Sequence[Fold]) -> dict[Baseline, np.ndarray]:
    """Each baseline's answers for the folds' examples, one fold after the other.

    A baseline whose column is the same for all of them, or is not in the data set, is left out.
    """
    columns = {name: _column(table, name) for name in (*NAMES, *NUMBERS)}
    examples = np.concatenate([fold.outside for fold in folds])
    known = {name: its for name, its in columns.items() if len(set(its[examples].tolist())) > 1}
    parts = [_answer_fold(table, fold, known) for fold in folds]
    return {name: np.concatenate([part[name] for part in parts]) for name in Baseline if name in parts[0]}


def _answer_fold(table: Table, fold: Fold, columns: Mapping[Baseline, np.ndarray]) -> dict[Baseline, np.ndarray]:
    from scipy.sparse import hstack

    label, horse = table.label[fold.inside].astype(float), table.horse[fold.inside]
    pairs = {name: (its[fold.inside], its[fold.outside]) for name, its in columns.items()}
    wide = {name: _spread_names(pair) if name in NAMES else _spread_numbers(pair) for name, pair in pairs.items()}
    found = {Baseline.MEAN: np.full(len(fold.outside), label.mean(), np.float32)}
    for name, (inside, outside) in pairs.items():
        if name in NAMES:
            found[name] = group_means(inside, label, horse, outside)
        else:
            found[name] = ridge(wide[name][0], label, horse, wide[name][1])
    if len(columns) > 1:
        inside, outside = (hstack([pair[place] for pair in wide.values()], format="csr") for place in (0, 1))
        found[Baseline.ALL] = ridge(inside, label, horse, outside)
    return found


def _column(table: Table, name: Baseline) -> np.ndarray:
    """The column of a baseline as objects (n,), None where it is not known."""
    found = np.empty(len(table), object)
    found[:] = [_value(row, name) for row in table.rows]
    return found


def _value(row: Mapping[str, Any], name: Baseline) -> Any:
    if name is Baseline.SOURCE:
        return f"{row.get('source')} {row.get('origin') or ''}"
    value = row.get(name)
    return NUMBERS[name](value) if value and name in NUMBERS else value or None


def _spread_names(pair: Pair) -> Pair:
    """Sparse columns for the ridge, one a name."""
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE)
    inside, outside = (np.array([["" if one is None else str(one)] for one in its], object) for its in pair)
    return encoder.fit_transform(inside), encoder.transform(outside)


def _spread_numbers(pair: Pair) -> Pair:
    """Sparse columns for the ridge, the parts of a spline; one says that the number is not known."""
    from scipy.sparse import csr_array
    from sklearn.preprocessing import SplineTransformer

    inside, outside = (its.astype(float) for its in pair)  # None becomes NaN
    known = inside[~np.isnan(inside)]
    knots = np.unique(np.quantile(known, np.linspace(0, 1, KNOTS)))[:, None] if len(known) else np.zeros((0, 1))
    if len(knots) < 2:
        return csr_array((len(inside), 1)), csr_array((len(outside), 1))
    spline = SplineTransformer(knots=knots, extrapolation="constant").fit(knots)  # pyright: ignore[reportArgumentType]

    def spread(its: np.ndarray) -> csr_array:
        missing = np.isnan(its)
        return csr_array(
            np.hstack([spline.transform(np.where(missing, np.median(known), its)[:, None]), missing[:, None]])
        )

    return spread(inside), spread(outside)
