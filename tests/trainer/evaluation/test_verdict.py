"""The verdict on a run, from what its evaluation found."""

import pytest

from trainer.dataset.examples import Side
from trainer.evaluation.verdict import Verdict, verdict_on


@pytest.mark.parametrize(
    ("side", "lowest_gain", "constant", "verdict"),
    [
        (Side.TEST, 0.01, False, Verdict.SKILL),
        (Side.TEST, 0.0, False, Verdict.NO_SKILL),
        (Side.TEST, -0.5, False, Verdict.NO_SKILL),
        (Side.TEST, 0.01, True, Verdict.CONSTANT),
        (Side.VALIDATION, 0.01, False, Verdict.SKILL),
        (Side.TRAIN, 0.01, False, Verdict.LEARNT),
        (Side.TRAIN, 0.01, True, Verdict.LEARNT),
    ],
)
def test_a_verdict_needs_a_gain_whose_interval_is_above_zero(
    side: Side, lowest_gain: float, constant: bool, verdict: Verdict
) -> None:
    assert verdict_on(side, lowest_gain, constant=constant) is verdict
