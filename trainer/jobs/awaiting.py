"""What the engine waits for: the first of several tasks, a process, a database that is away."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import psycopg

LOOK_EVERY = 0.1  # seconds


async def first_of(*awaited: Coroutine[Any, Any, Any], within: float | None = None) -> bool:
    """Wait until one of these is done; False if none was within `within` seconds."""
    tasks = [asyncio.create_task(one) for one in awaited]
    try:
        done, _ = await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()


async def exit_of(supervisor: asyncio.subprocess.Process) -> int:
    """Wait for a supervisor to end; its exit code.

    asyncio's own `wait` would also wait for its pipes, which the command of a killed supervisor still holds.
    """
    while supervisor.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY)
    return supervisor.returncode


def is_away(error: Exception) -> bool:
    """Whether the database is away or has ended this session; False if the statement itself failed."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in ("08", "57") or error.sqlstate in ("53300", "25P03")


def first_line(error: Exception) -> str:
    """The error's text without the further lines that the database adds."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
