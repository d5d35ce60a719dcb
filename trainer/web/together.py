"""What several photos of one horse say together."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.web.server.problems import Problem
from trainer.dataset.examples import Side
from trainer.inference.serving import Prediction
from trainer.web.answer import Answer, Known

PHOTOS = 8  # of a horse in one request, at most
SIMILAR = 6  # similar horses in an answer


@dataclass(frozen=True, slots=True)
class Unread:
    """A photo that has no answer, and why."""

    name: str  # of the file, the address, the id
    problem: Problem


@dataclass(frozen=True, slots=True)
class Together:
    """The answer for a horse, and those for its photos."""

    prediction: Prediction
    photos: Sequence[Answer | Unread]  # in the order in which they were named

    @property
    def answers(self) -> list[Answer]:
        """The answers for the photos that could be read."""
        return [photo for photo in self.photos if isinstance(photo, Answer)]

    @property
    def unread(self) -> list[Unread]:
        """The photos that could not be read."""
        return [photo for photo in self.photos if isinstance(photo, Unread)]

    @property
    def strange(self) -> bool | None:
        """Whether a photo is unlike all training photos; None: the run cannot judge it."""
        judged = [answer.strange for answer in self.answers if answer.strange is not None]
        return any(judged) if judged else None

    @property
    def known(self) -> Known | None:
        """The first photo that is in the data set; one that was learnt from comes first, as it proves nothing."""
        known = [answer.known for answer in self.answers if answer.known]
        return min(known, key=lambda one: one.side != Side.TRAIN, default=None)

    @property
    def similar(self) -> list[Known]:
        """The horses that are most similar to any of the photos, each once, without the horse itself."""
        own = {answer.known.horse_id for answer in self.answers if answer.known}
        seen = [one for answer in self.answers for one in answer.similar if one.horse_id not in own]
        nearest: dict[str, Known] = {}
        for one in sorted(seen, key=lambda one: one.distance or 0.0):
            nearest.setdefault(one.horse_id, one)
        return list(nearest.values())[:SIMILAR]
