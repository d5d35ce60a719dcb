"""What every handler has at hand: the collection to read, its photos, its views' renewal, and who may decide."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from collector.politeness.gate import Connection
from collector.storage.reader import Reader, make_role
from collector.web.asking.client import Asking
from collector.web.likeness.likeness import Likeness
from collector.web.pictures import Pictures
from collector.web.search.loading import Held
from collector.web.search.renewal import Renewal
from collector.web.server.guards import Guard

KeepRemark = Callable[[Connection, str, str], Awaitable[None]]  # on a photo of one's own, by its id


@dataclass(slots=True)
class Service:
    """A collection that is looked at."""

    conninfo: str  # with every right, for decisions; pages read through `reader`
    reader: Reader
    pictures: Pictures
    held: Held  # what searches are made among
    renewal: Renewal
    guard: Guard
    keep_remark: KeepRemark
    likeness: Likeness
    asking: Asking  # of a model, where there is one
    demo: bool = False  # whether it is the look-alike's: commands that pages name are for the same collection
    clock: Callable[[], float] = time.monotonic

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[Connection]:
        """A connection that may write, for a decision."""
        async with await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True) as connection:
            yield connection


@asynccontextmanager
async def serving(
    conninfo: str, guard: Guard, keep_remark: KeepRemark, *, asking: Asking | None = None, demo: bool = False
) -> AsyncIterator[Service]:
    """Everything that a server needs, for as long as the context lasts."""
    role, held = await make_role(conninfo), Held(conninfo)
    async with (
        Reader(conninfo, role) as reader,
        Pictures(reader, conninfo) as pictures,
        Renewal(conninfo, held.renew) as renewal,
        asking or Asking(None) as model,
    ):
        likeness = Likeness(reader, conninfo)
        try:
            yield Service(conninfo, reader, pictures, held, renewal, guard, keep_remark, likeness, model, demo)
        finally:
            await likeness.close()
