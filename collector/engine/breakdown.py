"""A lane that breaks off: when it is tried again, and when a command gives it up."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg

GIVE_UP = 3  # times that a lane may break off in a row, before a command gives it up
DATABASE_PATIENCE = 120.0  # seconds for which a command waits for a database that is away
LATE = 1.5  # seconds; an answer of the database that takes longer is waited for, and that is said
LONGEST_PAUSE = 900.0  # seconds between two tries of a lane that breaks off
SHORT_PAUSE = 5.0  # seconds, likewise, where only the database was away: nothing is asked for without it
# Classes of SQLSTATE: no connection, the server is being stopped or started, two were in each other's way.
AWAY = ("08", "57P", "40")
TOO_MANY_CONNECTIONS = "53300"

Answer = TypeVar("Answer")

# As large as a page or a photo may be stored; rolled back at once.
ROOM: LiteralString = """
CREATE TEMP TABLE room (content bytea);
ALTER TABLE room ALTER content SET STORAGE EXTERNAL;
INSERT INTO room SELECT convert_to(repeat(md5(random()::text), 32768), 'UTF8')
"""


async def make_sure_of_room(connection: psycopg.AsyncConnection[Any]) -> None:
    """Try whether a page could be kept, before a site is asked for one after a lane has broken off.

    Raises:
        psycopg.Error: it could not.
    """
    async with connection.transaction(force_rollback=True):
        await connection.execute(ROOM)


async def said_when_late(asked: Coroutine[Any, Any, Answer], say: Callable[[], Awaitable[None]]) -> Answer:
    """What the database answers; as long as it does not (its tables are locked, or it is frozen), that is said."""
    answer = asyncio.ensure_future(asked)
    try:
        while not (await asyncio.wait((answer,), timeout=LATE))[0]:
            await say()
        return answer.result()
    finally:
        answer.cancel()


def is_away(error: Exception) -> bool:
    """Whether the database cannot be reached for now, as opposed to answering with an error."""
    state = getattr(error, "sqlstate", None)
    return isinstance(error, psycopg.OperationalError) and (
        state is None or state.startswith(AWAY) or state == TOO_MANY_CONNECTIONS
    )


@dataclass(slots=True)
class Breakdown:
    """A host whose lane breaks off, in a row."""

    error: Exception
    since: float  # on the loop's clock
    times: int = 0
    again_at: float = 0.0  # on the loop's clock

    def again(self, error: Exception, now: float) -> None:
        """It broke off once more: nobody is to be asked again and again for what we cannot keep."""
        self.error = error
        self.times += 1
        self.again_at = now + min(2.0 ** min(self.times - 1, 20), SHORT_PAUSE if is_away(error) else LONGEST_PAUSE)

    def lasts(self, now: float) -> bool:
        """Whether a command is to wait no longer."""
        return now - self.since > DATABASE_PATIENCE if is_away(self.error) else self.times >= GIVE_UP
