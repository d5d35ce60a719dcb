"""What a model's answer is worth, as both servers show it."""

from enum import StrEnum


class Worth(StrEnum):
    """What an answer is worth. Only one that is `proven` is shown large; one that is `UNLIKE` has no chart.

    The last six are the verdicts of `trainer evaluate` on horses that the model had never seen.
    """

    UNLIKE = "unlike"  # a photo is unlike all that the model has learnt from
    LEARNT = "learnt"  # the model has learnt from this very photo
    UNTESTED = "untested"  # nobody has evaluated the model
    UNDECIDED = "undecided"
    NO_SKILL = "no_skill"
    WORSE = "worse"
    CONSTANT = "constant"
    SKILL = "skill"
    BEYOND_PEDIGREE_AND_RACE = "beyond_pedigree_and_race"

    @property
    def proven(self) -> bool:
        """Whether the model does better than the same answer for every horse, on horses that it had never seen."""
        return self in (Worth.SKILL, Worth.BEYOND_PEDIGREE_AND_RACE)
