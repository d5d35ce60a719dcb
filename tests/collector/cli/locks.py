"""Programs that wait for a lock of the database, and the tests that hold it."""

import asyncio
import time

from tests.filled import execute


async def waiting(conninfo: str) -> None:
    """Wait until a program waits for the lock that a test holds."""
    query = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database()"
    )
    give_up_at = time.monotonic() + 20
    while execute(conninfo, query) == [(0,)]:
        assert time.monotonic() < give_up_at, "no program waits"
        await asyncio.sleep(0.05)
