"""Work that one session at a time may do."""

import psycopg

from collector.storage.locks import alone

LOCK = 7


async def test_one_session_at_a_time_is_alone_and_gives_the_lock_back_at_once(conninfo: str) -> None:
    async with (
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as one,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other,
    ):
        async with alone(one, LOCK) as first, alone(other, LOCK) as second:
            assert (first, second) == (True, False)
        async with alone(other, LOCK) as second:  # the first session is still open
            assert second


async def test_a_session_that_was_cut_off_leaves_no_lock_and_no_error(conninfo: str) -> None:
    async with (
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as one,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other,
    ):
        async with alone(one, LOCK):
            await other.execute("SELECT pg_terminate_backend(%s, 10000)", (one.info.backend_pid,))
        async with alone(other, LOCK) as second:
            assert second
