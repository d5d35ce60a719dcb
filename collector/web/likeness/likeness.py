"""Keeps the feature space of the photos at hand: read when it is first asked for, and again when it has changed."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

import numpy as np
import psycopg

from collector.console.trouble import reason_of
from collector.storage.reader import OPTIONS, Reader
from collector.web.likeness.space import Space, space_of

HOLDS = 60.0  # seconds between two looks whether it has changed
# While another model takes over there are two; that of most photos counts.
STATE: LiteralString = """
SELECT model, count(*) AS vectors, max(indexed_at) AS newest,
    (SELECT count(*) FROM photo_match WHERE horse_id IS NOT NULL) AS matched
FROM photo_vector GROUP BY model ORDER BY count(*) DESC, model LIMIT 1
"""
VECTORS: LiteralString = """
SELECT DISTINCT ON (kept.digest) kept.digest, kept.vector, photo.photo, COALESCE(photo.shows, photo.photo)
FROM photo_vector AS kept JOIN photo_search AS photo USING (digest)
WHERE kept.model = %(model)s ORDER BY kept.digest, photo.dated, photo.photo
"""
NOTHING = space_of([])

logger = logging.getLogger(__name__)


class Likeness:
    """Which photos look alike."""

    def __init__(self, reader: Reader, conninfo: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader, self._conninfo, self._clock = reader, conninfo, clock
        self._state: dict[str, Any] | None = None
        self._space = NOTHING
        self._until = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._said = ""  # of what went wrong, once however often it is tried again

    async def like(self, digest: str | None, count: int) -> list[str]:
        """Ids of the photos that look most like a picture, the nearest first, one of each other horse.

        Raises:
            TryLater: the database cannot be reached.
        """
        if digest is None:
            return []
        if self._until < self._clock():
            await self._look()
        return self._space.nearest(digest, count)

    async def near(self, point: Sequence[float], model: str, digest: str, count: int) -> list[str] | None:
        """Ids of the photos nearest to a point of a model's feature space, which is that of a picture: one of each
        other horse. None: the photos have places in another one's, or none.

        Raises:
            TryLater: the database cannot be reached.
        """
        if self._until < self._clock():
            await self._look()
        if self._state is None or self._state["model"] != model or self._space.vectors.shape[1] != len(point):
            return None
        return self._space.near(np.asarray(point, np.float32), count, digest)

    async def close(self) -> None:
        """Give up what is read in the background."""
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _look(self) -> None:
        self._until = self._clock() + HOLDS
        rows = await self._reader.rows(STATE, {})
        state = rows[0] if rows else None
        if state == self._state or (self._reading and not self._reading.done()):
            return
        self._reading = asyncio.create_task(self._read(state))
        if not self._space.photos:  # who asks first waits; later ones get what there was
            await asyncio.shield(self._reading)

    async def _read(self, state: dict[str, Any] | None) -> None:
        try:
            self._space, useless = await asyncio.to_thread(self._space_of, state["model"]) if state else (NOTHING, 0)
            self._state = state
            self._warn(f"{useless} of their vectors have another length than most" if useless else "")
        except psycopg.Error as error:
            self._warn(reason_of(error))

    def _warn(self, reason: str) -> None:
        if reason and reason != self._said:
            logger.warning("photos that look alike are not up to date", extra={"reason": reason})
        self._said = reason

    def _space_of(self, model: str) -> tuple[Space, int]:
        """The space of a model, and how many vectors have no place in it."""
        with psycopg.connect(
            self._conninfo, options=OPTIONS.replace("statement_timeout=3000", "statement_timeout=60000")
        ) as connection:
            rows = connection.execute(VECTORS, {"model": model}).fetchall()
        space = space_of(rows)
        return space, len(rows) - len(space.photos)
