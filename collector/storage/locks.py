"""Work that one session at a time may do, on whatever machine: an advisory lock of Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg


@asynccontextmanager
async def alone(connection: psycopg.AsyncConnection[Any], lock: int) -> AsyncIterator[bool]:
    """Whether no other session holds this lock; none can take it meanwhile, unless the database is restarted.

    It is given back here. Postgres gives back the lock of a session that has ended a moment late, and who comes next
    would find it taken.
    """
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,))).fetchone()
    is_alone = row == (True,)
    try:
        yield is_alone
    finally:
        if is_alone:
            with suppress(psycopg.OperationalError):  # the session was cut off, and the lock went with it
                await connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))
