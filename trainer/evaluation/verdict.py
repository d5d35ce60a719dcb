"""The codes that an evaluation and a diagnosis decide on."""

from enum import StrEnum


class Verdict(StrEnum):
    """How good a run is on the photos that it was evaluated on."""

    SKILL = "skill"  # better than the constant median; the interval of the difference is above zero
    NO_SKILL = "no_skill"  # the difference to the constant median may be zero
    CONSTANT = "constant"  # its answers hardly differ from photo to photo
    LEARNT = "learnt"  # evaluated on its training photos, which proves nothing


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
