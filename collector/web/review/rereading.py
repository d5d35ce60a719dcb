"""Everything is read again from the archive, in the background and once at a time."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from collector.console.trouble import reason_of, trouble_of
from collector.errors import PaddockError
from collector.pipeline.reparse import Changes, reparse
from collector.storage.roles import UNDATED
from collector.web.service import Service

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Reading:
    """How far one reading has come, and what it changed."""

    dry_run: bool
    done: int = 0  # pages
    total: int = 0
    changes: Changes | None = None  # None: not yet, or it failed
    trouble: str | None = None  # why it failed; nothing was changed then


class Rereading:
    """At most one reading at a time."""

    def __init__(self, service: Service, after: Callable[[], None]) -> None:
        self._service = service
        self._after = after  # is called when something was changed
        self._task: asyncio.Task[None] | None = None
        self.last: Reading | None = None

    @property
    def running(self) -> bool:
        """Whether pages are being read now."""
        return self._task is not None and not self._task.done()

    def start(self, *, dry_run: bool) -> None:
        """Begin, unless one is running."""
        if not self.running:
            self.last = Reading(dry_run)
            self._task = asyncio.create_task(self._read(self.last))

    async def close(self) -> None:
        """Give up what is running; nothing of it is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self, reading: Reading) -> None:
        def show(done: int, total: int) -> None:
            reading.done, reading.total = done, total

        try:
            async with self._service.deciding() as connection:
                reading.changes = await reparse(connection, UNDATED, dry_run=reading.dry_run, show=show)
        except (PaddockError, psycopg.Error) as error:
            reading.trouble = str(trouble_of(error) or reason_of(error))
            logger.warning("the pages could not be read again", extra={"reason": reading.trouble})
        else:
            if not reading.dry_run:
                self._after()
