"""Waiting within the engine: for the first of several, for a process, and for a database that is away."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import psycopg

LOOK_EVERY = 0.1  # seconds


async def first_of(*awaited: Coroutine[Any, Any, Any], within: float | None = None) -> bool:
    """Wait until one of these is done; whether one was, in time."""
    tasks = [asyncio.create_task(one) for one in awaited]
    try:
        done, _ = await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()


async def exit_of(keeper: asyncio.subprocess.Process) -> int:
    """The exit code of a keeper that has ended; asyncio's own waiting lasts for as long as somebody holds its pipes, as
    the command of a keeper that was killed itself."""
    while keeper.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY)
    return keeper.returncode


def is_away(error: Exception) -> bool:
    """Whether it is the database that is not there, or has given this session up, as one that slept in a transaction;
    and not what was asked that cannot be done."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in ("08", "57") or error.sqlstate in ("53300", "25P03")


def in_a_line(error: Exception) -> str:
    """What went wrong, without what the database adds over many lines."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
