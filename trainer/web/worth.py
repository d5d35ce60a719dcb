"""What an answer is worth: by what the model has shown on other horses, and by the photo that was given."""

from collector.web.server.worth import Worth
from trainer.dataset.examples import Side
from trainer.web.about import Quality
from trainer.web.answer import Answer
from trainer.web.together import Together


def worth_of(answer: Answer | Together, quality: Quality | None) -> Worth:
    """What an answer of a model of this quality is worth; what is wrong with the photo comes first."""
    if answer.strange:
        return Worth.UNLIKE
    if answer.known and answer.known.side == Side.TRAIN:
        return Worth.LEARNT
    return Worth(quality.verdict) if quality else Worth.UNTESTED
