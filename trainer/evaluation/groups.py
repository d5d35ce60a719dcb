"""Errors of some of the answers: of a horse's photos together, by year, racecourse and sex, and of known horses."""

from collections import Counter

import numpy as np

from trainer.evaluation.predictions import Answered
from trainer.evaluation.scores import Bootstrap, Score, square

LEAST = 5  # photos that a year, a racecourse or a sex needs for a line of its own


def by_horse(answered: Answered) -> Score:
    """MSE on 1..10 of the mean answer to all photos of a horse."""
    names, its = np.unique(answered.horse, return_inverse=True)
    counts = np.bincount(its)
    means = [np.bincount(its, numbers) / counts for numbers in (answered.value, answered.label)]
    return Bootstrap(names).mean(square(*means))


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
