"""What an evaluation and a diagnosis decide, as codes, and the words for them."""

from enum import StrEnum


class Verdict(StrEnum):
    """Whether a run is worth anything on the photos that it was evaluated on."""

    SKILL = "skill"  # better than the constant, for sure
    NO_SKILL = "no_skill"  # the difference to the constant may be zero
    CONSTANT = "constant"  # its answers hardly differ from photo to photo
    LEARNT = "learnt"  # these are the photos that it has learnt from, which proves nothing


class Gap(StrEnum):
    """The step from one error to the next that an error comes from."""

    BIAS = "bias"
    VARIANCE = "variance"
    MISMATCH = "mismatch"
    VARIANCE_AND_MISMATCH = "variance_and_mismatch"  # where no side tells the two apart
    OVERFIT = "overfit_to_validation"

    @property
    def words(self) -> str:
        """The gap as people read it."""
        return self.replace("_", " ")
