"""The verdict on a run, and what explains the difference between two errors."""

from enum import StrEnum

from trainer.dataset.examples import Side


class Verdict(StrEnum):
    """How good a run is on the photos that it was evaluated on."""

    SKILL = "skill"  # better than the constant median; the interval of the difference is above zero
    NO_SKILL = "no_skill"  # the difference to the constant median may be zero
    CONSTANT = "constant"  # its answers hardly differ from photo to photo
    LEARNT = "learnt"  # evaluated on its training photos, which proves nothing


def has_skill(side: Side, lowest_gain: float) -> bool:
    """Whether a run is better than the constant median: the low end of the gain's interval is above zero.

    Never on training photos: what a run has learnt proves nothing.
    """
    return side is not Side.TRAIN and lowest_gain > 0


def verdict_on(side: Side, lowest_gain: float, *, constant: bool) -> Verdict:
    """The verdict on a run that was evaluated on a side; `constant`: its answers hardly differ from photo to photo."""
    if side is Side.TRAIN:
        return Verdict.LEARNT
    if constant:
        return Verdict.CONSTANT
    return Verdict.SKILL if has_skill(side, lowest_gain) else Verdict.NO_SKILL


class Gap(StrEnum):
    """What explains the difference between two errors that are compared."""

    BIAS = "bias"
    VARIANCE = "variance"
    MISMATCH = "mismatch"
    VARIANCE_AND_MISMATCH = "variance_and_mismatch"  # without a train_dev side that separates the two
    OVERFIT = "overfit_to_validation"

    @property
    def words(self) -> str:
        """The gap in words."""
        return self.replace("_", " ")
