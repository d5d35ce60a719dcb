"""Which process holds a lane, and whether it is certainly gone: then the kernel has closed its connections too.

A session that ended proves less: the database may have been restarted while the process goes on with its request.
"""

import itertools
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

PROC = Path("/proc")
DEAD = ("Z", "X")  # states of a process that has ended and whose parent has not asked about it yet
_numbers = itertools.count(1)
_at_work = set[str]()  # the holders of this process that may have a request open


def new_holder() -> str:
    """A name for one more holder of a lane in this process: machine, process, when it started, number."""
    pid = os.getpid()
    return f"{_machine()} {pid} {_started(pid)} {next(_numbers)}"


def begin_work(holder: str) -> None:
    """From now on this holder may have a request open."""
    _at_work.add(holder)


def end_work(holder: str) -> None:
    """No request of this holder is open any more."""
    _at_work.discard(holder)


def is_gone(holder: str | None) -> bool:
    """Whether no request of a holder can be open. In doubt it may be: on another machine, or where /proc is missing."""
    machine, pid, started, *_ = (holder or "").split() + [""] * 3
    if not machine or machine != _machine() or not pid.isdigit():
        return False
    if int(pid) == os.getpid() and started == _started(os.getpid()):
        return holder not in _at_work
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # somebody else's, but there
    now = _started(int(pid))
    return now in DEAD or (now != "?" and started != "?" and now != started)


async def gone_asker(connection: psycopg.AsyncConnection[Any], host: str) -> str | None:
    """Who asked a host last, if that process is gone: then its request is closed; else it may be open."""
    row = await (await connection.execute("SELECT asker FROM host WHERE name = %s", (host,))).fetchone()
    return row[0] if row and is_gone(row[0]) else None


def _machine() -> str:
    """This machine since it was started, and where its process numbers count; empty where that is not known."""
    with suppress(OSError):
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did: a number is used again. `Z` where it has ended."""
    with suppress(OSError, IndexError):
        state, *rest = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return state if state in DEAD else rest[18]
    return "?"
