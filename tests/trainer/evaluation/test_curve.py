"""The learning curve of a run whose features are known is quick, and long work says how much of it is done."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.trainer.conftest import CPU, Trained, trained
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.curve import learning_curve
from trainer.evaluation.diagnose import diagnose
from trainer.evaluation.evaluate import evaluate
from trainer.inference.saliency import SAMPLES, saliency

TINY = ("height=32", "width=48")


@pytest.fixture(scope="module")
def run_of_few(few: tuple[Directories, Version]) -> Trained:
    """A probe on few photos."""
    return trained(*few, "probe", *TINY)


class Closed:
    """Pixels that nobody may look at."""

    def __getitem__(self, _: Any) -> np.ndarray:
        raise AssertionError("a photo was looked at again")


def test_the_curve_of_a_probe_sees_no_photo_again_and_counts_trainings(run_of_few: Trained) -> None:
    run, _, material = run_of_few
    said: list[tuple[int, int]] = []
    unread: Any = Closed()
    unseen = replace(material, pixels=unread)
    curve = learning_curve(run, unseen, CPU, shares=(0.5, 1.0), progress=lambda *its: said.append(its))
    assert len(curve.points) == 2
    assert said == [(done, 4) for done in range(5)]


def test_a_diagnosis_counts_the_photos_that_it_answers(few: tuple[Directories, Version]) -> None:
    run, network, material = trained(*few, "first-cnn", "epochs=1")
    said: list[tuple[int, int]] = []
    diagnose(run, network, material, CPU, human=None, progress=lambda *its: said.append(its))
    asked = sum(len(material.table.on(side)) for side in (Side.TRAIN, Side.TRAIN_DEV, Side.VALIDATION))
    assert said[-1] == (asked, asked)


def test_an_evaluation_counts_the_photos_that_it_answers(run_of_few: Trained, few: tuple[Directories, Version]) -> None:
    run, _, material = run_of_few
    said: list[tuple[int, int]] = []
    evaluate(run, Side.VALIDATION, few[0], CPU, lambda *its: said.append(its))
    assert said[-1] == (len(material.table.on(Side.VALIDATION)),) * 2


def test_saliency_counts_the_copies_that_it_looks_at(run_of_few: Trained) -> None:
    _, network, material = run_of_few
    said: list[tuple[int, int]] = []
    saliency(network, np.array(material.pixels[:2]), CPU, lambda *its: said.append(its))
    assert said == [(done, SAMPLES) for done in range(SAMPLES + 1)]
