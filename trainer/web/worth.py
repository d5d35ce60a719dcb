"""What an answer is worth: by what the model has shown on other horses, and by the photo that was given."""

from enum import StrEnum

from trainer.dataset.examples import Side
from trainer.evaluation.verdict import Verdict
from trainer.web.about import Quality
from trainer.web.answer import Answer
from trainer.web.together import Together


class Worth(StrEnum):
    """What an answer is worth. Only one that is `proven` is shown large; one that is `UNLIKE` has no chart."""

    UNLIKE = "unlike"  # a photo is unlike all that the model has learnt from
    LEARNT = "learnt"  # the model has learnt from this very photo
    UNTESTED = "untested"  # nobody has evaluated the model
    UNDECIDED = Verdict.UNDECIDED.value
    NO_SKILL = Verdict.NO_SKILL.value
    WORSE = Verdict.WORSE.value
    CONSTANT = Verdict.CONSTANT.value
    SKILL = Verdict.SKILL.value
    BEYOND_PEDIGREE_AND_RACE = Verdict.BEYOND_PEDIGREE_AND_RACE.value

    @property
    def proven(self) -> bool:
        """Whether the model does better than the same answer for every horse, on horses that it had never seen."""
        return self in (Worth.SKILL, Worth.BEYOND_PEDIGREE_AND_RACE)


def worth_of(answer: Answer | Together, quality: Quality | None) -> Worth:
    """What an answer of a model of this quality is worth; what is wrong with the photo comes first."""
    if answer.strange:
        return Worth.UNLIKE
    if answer.known and answer.known.side == Side.TRAIN:
        return Worth.LEARNT
    return Worth(quality.verdict) if quality else Worth.UNTESTED
