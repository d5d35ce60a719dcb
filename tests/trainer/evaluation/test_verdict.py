"""The verdict, from the intervals of the gains, and on labels whose truth is known."""

import numpy as np
import pytest

from tests.trainer.evaluation.simulated import SIRES, horses, verdict_of
from trainer.evaluation.gain import Gain
from trainer.evaluation.verdict import Verdict, verdict_on


def gain(low: float, high: float) -> Gain:
    return Gain((low + high) / 2, low, high, 0.5)


@pytest.mark.parametrize(
    ("mean", "others", "constant", "verdict"),
    [
        ((0.01, 0.09), [(0.01, 0.05), (0.02, 0.1)], False, Verdict.BEYOND_PEDIGREE_AND_RACE),
        ((0.01, 0.09), [(-0.01, 0.05), (0.02, 0.1)], False, Verdict.SKILL),
        ((0.01, 0.09), [], False, Verdict.SKILL),  # nothing is known but labels
        ((-0.01, 0.03), [(0.1, 0.2)], False, Verdict.UNDECIDED),
        ((0.0, 0.03), [], False, Verdict.UNDECIDED),
        ((-0.01, 0.019), [], False, Verdict.NO_SKILL),
        ((-0.2, -0.01), [], False, Verdict.WORSE),
        ((0.01, 0.09), [(0.01, 0.05)], True, Verdict.CONSTANT),
        ((float("nan"), float("nan")), [], False, Verdict.UNDECIDED),
    ],
)
def test_a_verdict_follows_from_the_intervals_of_the_gains(
    mean: tuple[float, float], others: list[tuple[float, float]], constant: bool, verdict: Verdict
) -> None:
    found = verdict_on(gain(*mean), [gain(*ends) for ends in others], constant=constant, horses=200)
    assert found is verdict
    assert found.skill == (verdict in (Verdict.SKILL, Verdict.BEYOND_PEDIGREE_AND_RACE))


@pytest.mark.parametrize(("horses", "verdict"), [(9, Verdict.UNDECIDED), (10, Verdict.BEYOND_PEDIGREE_AND_RACE)])
def test_fewer_than_ten_horses_decide_nothing(horses: int, verdict: Verdict) -> None:
    assert verdict_on(gain(0.9, 1.0), [gain(0.9, 1.0)], constant=False, horses=horses) is verdict


COUNT = 600


def features(shown: np.ndarray) -> np.ndarray:
    """Two photos of each horse: what is shown of it, and four numbers that say nothing."""
    draw = np.random.default_rng(8)
    numbers = np.column_stack([shown, draw.normal(size=(COUNT, 4))])
    return np.repeat(numbers, 2, axis=0) + draw.normal(0, 0.05, (2 * COUNT, numbers.shape[1]))


def labels(signal: np.ndarray, share: float) -> np.ndarray:
    noise = np.random.default_rng(9).normal(size=COUNT)
    return 0.5 + 0.15 * (np.sqrt(share) * signal + np.sqrt(1 - share) * noise)


def test_shuffled_labels_are_not_skill_however_skewed_they_are() -> None:
    draw = np.random.default_rng(10)
    shown, skewed = draw.normal(size=COUNT), draw.beta(0.4, 4.0, COUNT)
    found = [verdict_of(horses(COUNT, draw.permutation(skewed)), features(shown)) for _ in range(5)]
    assert not any(verdict.skill for verdict in found)


def test_a_planted_signal_is_beyond_pedigree_and_race() -> None:
    shown = np.random.default_rng(11).normal(size=COUNT)
    data = horses(COUNT, labels(shown, 0.15))
    assert verdict_of(data, features(shown)) is Verdict.BEYOND_PEDIGREE_AND_RACE


def test_a_signal_that_is_the_sires_alone_is_skill_and_not_beyond() -> None:
    sire = np.arange(COUNT) % SIRES
    effect = np.random.default_rng(12).normal(size=SIRES)
    data = horses(COUNT, labels((effect - effect.mean())[sire] / effect.std(), 0.2))
    assert verdict_of(data, np.repeat(np.eye(SIRES)[sire], 2, axis=0)) is Verdict.SKILL
