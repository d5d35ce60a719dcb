"""What many pages mean, written with one statement a table."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncRawCursor

from collector.frontier.queue import DuePage
from collector.pipeline.derive import Derived
from collector.pipeline.racing_rows import Said
from collector.pipeline.store import (
    forget_failures,
    may_have_failed,
    said_by,
    store_derived,
    store_own,
    store_racing,
)


@dataclass(slots=True)
class Together:
    """What pages that could be read mean, gathered so that one statement writes it for all of them."""

    cursor: AsyncRawCursor[Any]
    well: list[int] = field(default_factory=list)  # pages without a failure
    said: list[Said] = field(default_factory=list)

    async def add(self, page: DuePage, at: datetime, derived: Derived) -> None:
        """One more page; a failure, and what is said of photos, is written at once."""
        if derived.failure or derived.parsed.flaws:
            await self.write()
            await store_derived(self.cursor, page, page.digest, at, derived)
            return
        if may_have_failed(page):
            self.well.append(page.id)
        await store_own(self.cursor, page, page.digest, at, derived)
        self.said.append(said_by(page, at, derived))

    async def write(self) -> None:
        """Write what was gathered."""
        await forget_failures(self.cursor, self.well)
        await store_racing(self.cursor, self.said)
        self.well, self.said = [], []
