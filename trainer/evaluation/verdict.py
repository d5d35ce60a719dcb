"""The verdict on answers, and what explains the difference between two errors."""

from collections.abc import Iterable
from enum import StrEnum

from trainer.evaluation.gain import Gain

LEAST = 10  # horses, of which fewer decide nothing: an interval by resampling them is far too narrow
MATTERS = 0.02  # R2 against the mean label from which on answers are worth having


class Verdict(StrEnum):
    """How good answers are on the photos that they were evaluated on; each by intervals of 95 % over horses."""

    BEYOND_PEDIGREE_AND_RACE = "beyond_pedigree_and_race"  # better than the mean label and than every other baseline
    SKILL = "skill"  # better than the mean label
    UNDECIDED = "undecided"  # the gain over the mean label may be zero, and it may be one that matters; or few horses
    NO_SKILL = "no_skill"  # the gain over the mean label may be zero, and it is below MATTERS
    WORSE = "worse"  # worse than the mean label
    CONSTANT = "constant"  # the answers hardly differ from photo to photo
    LEARNT = "learnt"  # evaluated on the photos that were learnt from, which proves nothing

    @property
    def skill(self) -> bool:
        """Whether the answers are better than the mean label."""
        return self in (Verdict.SKILL, Verdict.BEYOND_PEDIGREE_AND_RACE)

    @property
    def words(self) -> str:
        """The verdict as it is printed."""
        return self.replace("_", " ").upper()


def verdict_on(mean: Gain, others: Iterable[Gain], *, constant: bool, horses: int) -> Verdict:
    """The verdict on answers to photos that were not learnt from.

    `mean`: the gain over the mean label; `others`: those over the other baselines, each of which has to be above zero
    for the strongest verdict. So it does not matter that the best of them is only known from the same photos: whichever
    is the best in truth, it was tested at full strength (an intersection-union test; Berger 1982). `constant`: the
    answers hardly differ from photo to photo. `horses`: how many these photos show.
    """
    if constant:
        return Verdict.CONSTANT
    if horses < LEAST:
        return Verdict.UNDECIDED
    if mean.low > 0:
        beyond = [gain.low > 0 for gain in others]
        return Verdict.BEYOND_PEDIGREE_AND_RACE if beyond and all(beyond) else Verdict.SKILL
    if mean.high < 0:
        return Verdict.WORSE
    return Verdict.NO_SKILL if mean.high < MATTERS else Verdict.UNDECIDED


class Gap(StrEnum):
    """What explains the difference between two errors that are compared."""

    BIAS = "bias"
    VARIANCE = "variance"
    MISMATCH = "mismatch"
    VARIANCE_AND_MISMATCH = "variance_and_mismatch"  # without a train_dev side that separates the two

    @property
    def words(self) -> str:
        """The gap in words."""
        return self.replace("_", " ")
