"""Answers about uploaded photos for their pages, kept for a few minutes, only in memory."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

MOST = 100  # answers of about 0.5 MB
MINUTES = 15

Held = TypeVar("Held")


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
