"""Answers for their pages, kept for a few minutes, only in memory."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from trainer.inference.serving import Prediction

MOST = 100  # answers of about 0.5 MB
MINUTES = 15

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class Known:
    """A photo of the data set, with its horse and label."""

    row: int  # in the data set's table
    horse_id: str
    horse_name: str
    photo: str
    value: float | None  # the label, 0..1; None: it has other labels alone
    reviews: int | None  # or starts behind the label
    side: str
    page_url: str
    width: int  # px of the photo
    height: int
    distance: float | None = None  # in the run's feature space
    origin: str | None = None  # who took it, or where it was published; None: on its page


@dataclass(slots=True)
class Answer:
    """The answer for one photo, with all that its page needs."""

    prediction: Prediction
    strange: bool | None  # whether it is unlike all training photos; None: the run cannot judge it
    known: Known | None  # the photo itself, if it is in the data set
    similar: list[Known]
    pixels: np.ndarray
    width: int  # px, upright
    height: int
    shown: bytes | None
    name: str  # of the file, the address, the horse
    looked_at: bytes | None = field(default=None)


class AnswerCache(Generic[Held]):
    """Answers by keys that cannot be guessed; the oldest answers are dropped first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, Held]] = OrderedDict()

    def add(self, answer: Held) -> str:
        """Hold an answer; returns its key."""
        self._drop_old()
        key = secrets.token_urlsafe(16)
        self._held[key] = (self._clock(), answer)
        if len(self._held) > MOST:
            self._held.popitem(last=False)
        return key

    def find(self, key: str) -> Held | None:
        """The answer with this key; None if it was dropped."""
        self._drop_old()
        found = self._held.get(key)
        return found[1] if found else None

    def _drop_old(self) -> None:
        oldest = self._clock() - 60 * MINUTES
        while self._held and next(iter(self._held.values()))[0] < oldest:
            self._held.popitem(last=False)
