"""Tables whose truth is known: horses of sires, with photos, and labels that follow what the test wants."""

from datetime import date, timedelta
from typing import Any

import numpy as np

from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.evaluation.baselines import answer_without_photos
from trainer.evaluation.folds import make_folds, pool
from trainer.evaluation.gain import gain_over
from trainer.evaluation.scores import Bootstrap, is_nearly_constant, square
from trainer.evaluation.shrinking import ridge
from trainer.evaluation.verdict import Verdict, verdict_on

SIRES = 20
PLAIN: dict[str, Any] = {
    "side": Side.TRAIN, "sire": None, "sex": None, "age": None, "racecourse": None, "distance": None, "source": "s",
    "origin": None, "near_duplicate_of": None, "n": 5, "issue_date": date(2015, 1, 1),
}  # fmt: skip


def table(rows: list[dict[str, Any]]) -> Table:
    """A table of these rows; what they leave out is not known."""
    return Table("v", [PLAIN | {"photo": f"s:1/{place}"} | row for place, row in enumerate(rows)])


def horses(count: int, labels: np.ndarray) -> Table:
    """Two photos of each horse, with the label of the horse."""
    draw = np.random.default_rng(4)
    return table(
        [
            {
                "horse_id": f"h{horse:04}", "label": float(labels[horse]), "sire": f"sire {horse % SIRES}",
                "sex": "mf"[horse % 2], "distance": int(draw.choice([1200, 1600, 2400])),
                "issue_date": date(2010, 1, 1) + timedelta(days=horse),
            }
            for horse in range(count)
            for _ in range(2)
        ]
    )  # fmt: skip


def verdict_of(data: Table, features: np.ndarray) -> Verdict:
    """The verdict on a ridge regression on features (n, p), out of fold."""
    from scipy.sparse import csr_array

    folds = make_folds(data, pool(data))
    examples = np.concatenate([fold.outside for fold in folds])
    value = np.concatenate(
        [
            ridge(
                csr_array(features[fold.inside]), data.label[fold.inside], data.horse[fold.inside],
                csr_array(features[fold.outside]),
            )
            for fold in folds
        ]
    )  # fmt: skip
    label, bootstrap = data.label[examples], Bootstrap(data.horse[examples])
    without = answer_without_photos(data, folds)
    gains = {name: gain_over(square(its, label), square(value, label), bootstrap) for name, its in without.items()}
    mean = gains.pop(next(iter(gains)))
    return verdict_on(
        mean, gains.values(), constant=is_nearly_constant(value, label), horses=len(np.unique(data.horse))
    )
