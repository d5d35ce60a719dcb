"""Errors of some of the answers: of a horse's photos together, by year, racecourse and sex, and of known horses."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from trainer.evaluation.gain import Gain, gain_over
from trainer.evaluation.predictions import Answered
from trainer.evaluation.scores import Bootstrap, Score, square, within

LEAST = 5  # photos that a year, a racecourse or a sex needs for a line of its own


@dataclass(frozen=True, slots=True)
class Averaging:
    """What the mean of a horse's photos is worth, on horses with several photos; each horse counts once."""

    horses: int
    one: Score  # MSE on 1..10 of the answer to one of a horse's photos
    mean: Score  # and of the mean of the answers to all
    gain: Gain  # the share of the squared error of one photo that the mean saves
    one_covered: Score | None  # share of labels within the interval of one photo; None without intervals
    mean_covered: Score | None  # and within the mean of the intervals' ends


def by_horse(answered: Answered) -> Score:
    """MSE on 1..10 of the mean answer to all photos of a horse."""
    value, label = _means(answered.horse, answered.value, answered.label)
    return Bootstrap(np.unique(answered.horse)).mean(square(value, label))


def averaging(answered: Answered) -> Averaging | None:
    """What the mean of a horse's photos is worth; None if no horse has several."""
    _, its, counts = np.unique(answered.horse, return_inverse=True, return_counts=True)
    several = answered.some(np.flatnonzero(counts[its] > 1))
    if not len(several.examples):
        return None
    names = np.unique(several.horse)
    value, label, one = _means(several.horse, several.value, several.label, square(several.value, several.label))
    bootstrap, mean = Bootstrap(names), square(value, label)
    covered = []
    if several.interval:
        (by_photo,) = _means(several.horse, within(several.label, *several.interval))
        covered = [by_photo, within(label, *_means(several.horse, *several.interval))]
    shares = [bootstrap.mean(share) for share in covered] or [None, None]
    return Averaging(len(names), bootstrap.mean(one), bootstrap.mean(mean), gain_over(one, mean, bootstrap), *shares)


def _means(horse: np.ndarray, *columns: np.ndarray) -> list[np.ndarray]:
    """The means of columns (n,) over the photos of each horse, in the order of np.unique, (horses,) each."""
    _, its, counts = np.unique(horse, return_inverse=True, return_counts=True)
    return [np.bincount(its, column) / counts for column in columns]


def by_group(answered: Answered) -> dict[str, dict[str, tuple[int, float, float]]]:
    """Photos, MSE and MAE by year, course and sex."""
    errors, misses = square(answered.value, answered.label), np.abs(answered.value - answered.label)
    columns = {
        "year": [str(row["issue_date"].year) for row in answered.rows],
        "course": [row["racecourse"] or "not known" for row in answered.rows],
        "sex": [row["sex"] or "not known" for row in answered.rows],
    }
    found: dict[str, dict[str, tuple[int, float, float]]] = {}
    for column, names in columns.items():
        found[column] = {}
        for name, count in sorted(Counter(names).items()):
            its = np.array(names) == name
            if count >= LEAST:
                found[column][name] = (count, float(errors[its].mean()), float(misses[its].mean()))
    return found


def leak_of(answered: Answered, inside: np.ndarray) -> dict[str, tuple[int, float]] | None:
    """Photos and MSE of horses that are in training and of new ones; None if all horses are new."""
    known = np.isin(answered.horse, answered.table.horse[inside])
    errors = square(answered.value, answered.label)
    if not known.any():
        return None
    return {
        name: (int(its.sum()), float(errors[its].mean()))
        for name, its in (("horses that training knew", known), ("new horses", ~known))
        if its.any()
    }
