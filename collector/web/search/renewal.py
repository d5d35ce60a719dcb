"""Keeps the search's views what the tables say: renewed when the tables have changed, and while a server is there.

The views could be kept by triggers, at a price for every page that is crawled. This way the crawl pays nothing, and the
search lags a few seconds behind it. Photos themselves and all facts on their pages are always read from the tables.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import psycopg

from collector.console.trouble import reason_of
from collector.errors import TryLater
from collector.politeness.gate import Connection
from collector.storage.reader import UPKEEP_LOCK
from collector.web.search.names import latin_of

PAUSE = 5.0  # seconds between two looks
REST = 20  # times as long as a renewal took is left until the next: a large collection is not renewed all the time
# Postgres counts what it writes; a count that differs is a change, whatever it was.
CHANGES = """
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables WHERE schemaname = 'public'
AND relname IN ('photo', 'photo_match', 'issue', 'horse', 'race', 'entry', 'aptitude')
"""
UNSPELT = """
SELECT horse_key FROM (SELECT horse_key FROM photo UNION SELECT horse_key FROM horse) AS named
WHERE horse_key IS NOT NULL AND NOT EXISTS (SELECT FROM latin_name WHERE latin_name.horse_key = named.horse_key)
"""
SPELL = "INSERT INTO latin_name (horse_key, latin) VALUES (%s, %s) ON CONFLICT DO NOTHING"
VIEWS = ("photo_search", "horse_search")

logger = logging.getLogger(__name__)


async def renew(connection: Connection) -> None:
    """Make the views what the tables say now. Readers go on reading meanwhile.

    Raises:
        TryLater: the database cannot be reached, or does not let us.
    """
    try:
        await _renew(connection)
    except psycopg.Error as error:
        raise _not_renewed(error) from error


def _not_renewed(error: psycopg.Error) -> TryLater:
    return TryLater(f"the search's views cannot be renewed ({reason_of(error)})")


async def _renew(connection: Connection) -> None:
    await connection.execute("SELECT pg_advisory_lock(%s)", (UPKEEP_LOCK,))
    try:
        unspelt = await (await connection.execute(UNSPELT)).fetchall()
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.executemany(SPELL, [(key, latin_of(key)) for (key,) in unspelt])
        async with connection.transaction():  # a reader never sees one view without the other
            for view in VIEWS:
                await connection.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view}".encode())
                await connection.execute(f"ANALYZE {view}".encode())
    finally:
        await connection.execute("SELECT pg_advisory_unlock(%s)", (UPKEEP_LOCK,))


class Renewal:
    """Looks now and then whether the tables have changed, and renews the views."""

    def __init__(
        self,
        conninfo: str,
        then: Callable[[], Awaitable[None]] | None = None,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conninfo = conninfo
        self._then = then  # is done after each renewal
        self._pause = pause
        self._clock = clock
        self._seen: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.at: datetime | None = None  # when the views were last what the tables said

    async def __aenter__(self) -> "Renewal":
        with contextlib.suppress(TryLater):  # is said when it is tried again
            await self.look()  # before anybody is answered: a crawl may have ended a moment ago
        self._task = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> bool:
        """Renew the views where the tables have changed since the last look; whether they had.

        Raises:
            TryLater: the database cannot be reached, or does not let us.
        """
        try:
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                now = datetime.now(UTC)
                changes = await self._changes(connection)
                if changes != self._seen:
                    await renew(connection)
                    if self._then:
                        await self._then()
        except psycopg.Error as error:
            raise _not_renewed(error) from error
        renewed, self._seen, self.at = changes != self._seen, changes, now
        return renewed

    async def _changes(self, connection: Connection) -> int:
        row: Any = await (await connection.execute(CHANGES)).fetchone()
        return row[0] or 0

    async def _go_on(self) -> None:
        said = ""
        while True:
            started = self._clock()
            try:
                await self.look()
                said = ""
            except TryLater as error:
                if str(error) != said:  # once, however long it lasts
                    logger.warning("the search is not up to date", extra={"reason": str(error)})
                said = str(error)
            await asyncio.sleep(max(self._pause, REST * (self._clock() - started)))
