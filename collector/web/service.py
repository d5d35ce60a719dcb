"""What every handler has at hand: the collection to read, its photos, its views' renewal, and who may decide."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg

from collector.politeness.gate import Connection
from collector.storage.reader import Reader, make_role
from collector.web.horse import facts
from collector.web.likeness.likeness import Likeness
from collector.web.pictures import Pictures
from collector.web.search.renewal import Renewal
from collector.web.server.guards import Guard

CHOICES_HOLD = 60.0  # seconds

KeepRemark = Callable[[Connection, str, str], Awaitable[None]]  # on a photo of one's own, by its id


@dataclass(frozen=True, slots=True)
class Choices:
    """What the search's filters offer."""

    years: list[int]
    courses: list[str]


@dataclass(slots=True)
class Service:
    """A collection that is looked at."""

    conninfo: str  # with every right, for decisions; pages read through `reader`
    reader: Reader
    pictures: Pictures
    renewal: Renewal
    guard: Guard
    keep_remark: KeepRemark
    likeness: Likeness
    demo: bool = False  # whether it is the look-alike's: commands that pages name are for the same collection
    clock: Callable[[], float] = time.monotonic
    _choices: tuple[float, Choices] | None = field(default=None, init=False)

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[Connection]:
        """A connection that may write, for a decision."""
        async with await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True) as connection:
            yield connection

    async def choices(self) -> Choices:
        """What there is to choose from; looked up once a minute.

        Raises:
            TryLater: the database cannot be reached.
        """
        if self._choices is None or self._choices[0] < self.clock():
            found = Choices(await facts.years(self.reader), await facts.courses(self.reader))
            self._choices = (self.clock() + CHOICES_HOLD, found)
        return self._choices[1]


@asynccontextmanager
async def serving(
    conninfo: str, guard: Guard, keep_remark: KeepRemark, *, demo: bool = False
) -> AsyncIterator[Service]:
    """Everything that a server needs, for as long as the context lasts."""
    role = await make_role(conninfo)
    async with (
        Reader(conninfo, role) as reader,
        Pictures(reader, conninfo) as pictures,
        Renewal(conninfo) as renewal,
    ):
        likeness = Likeness(reader, conninfo)
        try:
            yield Service(conninfo, reader, pictures, renewal, guard, keep_remark, likeness, demo)
        finally:
            await likeness.close()
