"""Answers whose page is open: held in memory for a few minutes, and never anywhere else."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from trainer.inference.serving import Prediction

MOST = 100  # some 0.5 MB each
MINUTES = 15


@dataclass(frozen=True, slots=True)
class Known:
    """What the data set says of a horse that it shows."""

    row: int  # of its photo, in the data set
    horse_id: str
    horse_name: str
    photo: str
    value: float  # 0 short .. 1 long, what reviewers think
    reviews: int | None
    side: str
    page_url: str
    width: int  # px of the photo
    height: int
    distance: float | None = None  # in the run's feature space


@dataclass(slots=True)
class Answer:
    """What is told of one photo, and what its page needs."""

    prediction: Prediction
    strange: bool | None  # whether it looks like no photo that the run has learnt from; None: it cannot tell
    known: Known | None  # where the photo itself is in the data set
    similar: list[Known]
    pixels: np.ndarray
    width: int  # px, upright
    height: int
    shown: bytes | None
    name: str  # of the file, the address, the horse
    looked_at: bytes | None = field(default=None)


class Kept:
    """Answers by keys that cannot be guessed; the oldest go first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def keep(self, answer: Answer) -> str:
        """Hold an answer, and say under which key."""
        self._drop_old()
        key = secrets.token_urlsafe(16)
        self._held[key] = (self._clock(), answer)
        if len(self._held) > MOST:
            self._held.popitem(last=False)
        return key

    def find(self, key: str) -> Answer | None:
        """The answer under a key, as long as it is held."""
        self._drop_old()
        found = self._held.get(key)
        return found[1] if found else None

    def _drop_old(self) -> None:
        oldest = self._clock() - 60 * MINUTES
        while self._held and next(iter(self._held.values()))[0] < oldest:
            self._held.popitem(last=False)
