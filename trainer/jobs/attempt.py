"""One attempt at a job on this machine: run the command, and keep its log and its output under the attempt's number."""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import psycopg

from trainer.errors import Superseded
from trainer.jobs import bundles
from trainer.jobs.awaiting import exit_of, first_line, first_of, is_away
from trainer.jobs.cloud import driver
from trainer.jobs.command import command_of
from trainer.jobs.database import Database
from trainer.jobs.folders import Folders, end_leftovers
from trainer.jobs.hold import APPEND, BEAT, BEAT_EVERY, KEEP_OUTPUT, LEASE, STILL_HELD
from trainer.jobs.job_store import FORGET_MIDDLE, KEPT_HEAD, KEPT_TAIL
from trainer.jobs.task import Job

logger = logging.getLogger(__name__)

GRACE = 60.0  # seconds that a command has to save a checkpoint
LEAST = 20.0  # seconds that a cloud driver runs before SIGTERM: it has to install its handler first
COLLECT_EVERY = 60.0  # seconds between two copies of a running job's output
PIECE = 256 << 10  # bytes of a log in one row, at most
SOON = 0.2  # seconds to collect more output before a piece is stored
AGAIN_AFTER = 1.0  # seconds between two tries while the database is away
PATIENCE = 10.0  # seconds that an engine which shuts down still waits for the database
SUPERVISOR = Path(__file__).with_name("supervisor.py")
T = TypeVar("T")


@dataclass(slots=True)
class Ending:
    """How an attempt ended."""

    exit_code: int
    interrupted: bool = False  # we ended it, so exit code 0 means only that it has saved
    limit: str = ""  # the limit that ended it
    out_of_touch: bool = False  # its supervisor lost contact with the engine
    not_kept: str = ""  # why its output or its log could not be kept


@dataclass(slots=True)
class Attempt:
    """An attempt at work."""

    job: Job
    folders: Folders
    database: Database
    leaving: asyncio.Event = field(default_factory=asyncio.Event)  # the engine shuts down, with all attempts
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # this attempt saves, then ends
    lost: asyncio.Event = field(default_factory=asyncio.Event)  # the attempt no longer owns the job, and ends
    over: asyncio.Event = field(default_factory=asyncio.Event)  # its command has ended
    supervisor: asyncio.subprocess.Process | None = None
    began: float | None = None  # start of its command, by `time.monotonic`
    ended: float | None = None
    logged: int = field(init=False)  # bytes of the job's log
    seen: tuple[tuple[str, int, int], ...] = ()  # the files when output was last collected

    def __post_init__(self) -> None:
        self.logged = self.job.log_bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The parameters of every statement that writes under the attempt's number."""
        ran = 0.0 if self.began is None else (self.ended or time.monotonic()) - self.began
        return {"job": self.job.id, "attempt": self.job.attempts, "seconds": self.job.seconds + ran}

    def send(self, word: bytes) -> None:
        """Send a word to the supervisor, if it runs."""
        if self.supervisor is not None and self.supervisor.returncode is None and self.supervisor.stdin is not None:
            self.supervisor.stdin.write(word + b"\n")

    def check(self) -> None:
        """Raise if the attempt has to end before its command starts.

        Raises:
            Superseded: another attempt has taken over.
            InterruptedError: it was asked to end.
        """
        if self.lost.is_set():
            raise Superseded(self.job.name)
        if self.stopping.is_set() or self.leaving.is_set():
            raise InterruptedError


async def send_beats(attempt: Attempt) -> None:
    """Update the heartbeat while the attempt owns the job, and react when the job is to stop."""
    while True:
        with contextlib.suppress(psycopg.Error):  # the engine logs that the database is away
            rows = await attempt.database.execute(BEAT, attempt.facts)
            if not rows:
                attempt.lost.set()
                return
            if rows[0]["stop_asked"] and not attempt.job.stop_asked:  # else the driver knows it already
                attempt.stopping.set()
            attempt.send(b"on")
        await asyncio.sleep(BEAT_EVERY)


async def retry(attempt: Attempt, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the database, again and again while it is away.

    Raises:
        Superseded: the attempt no longer owns the job.
        psycopg.Error: it is away while the engine shuts down, or the statement failed.
    """
    asked = time.monotonic()
    while True:
        if attempt.lost.is_set():
            raise Superseded(attempt.job.name)
        try:
            return await ask()
        except psycopg.Error as error:
            if not is_away(error) or (attempt.leaving.is_set() and time.monotonic() - asked > PATIENCE):
                raise
            await asyncio.sleep(AGAIN_AFTER)


async def write(attempt: Attempt, statement: LiteralString, **more: Any) -> dict[str, Any]:
    """Write under the attempt's number.

    Raises:
        Superseded: it is no longer the newest.
    """
    rows = await retry(attempt, lambda: attempt.database.execute(statement, attempt.facts | more))
    if not rows:
        attempt.lost.set()
        raise Superseded(attempt.job.name)
    return rows[0]


async def run(attempt: Attempt, environment: dict[str, str], held: Sequence[int]) -> Ending:
    """Run the job's command until it ends, reaches its limit or is stopped; its log and its output are kept.

    Raises:
        Superseded: another attempt has taken over; the command was killed, and nothing more is kept.
    """
    attempt.supervisor = supervisor = await _start(attempt, environment, held)
    attempt.began = time.monotonic()
    printing = asyncio.create_task(_keep_log(attempt, supervisor))
    collecting = asyncio.create_task(_collect_regularly(attempt))
    try:
        interrupted, limit = await _wait_for_end(attempt, supervisor)
    finally:
        attempt.send(b"kill")
        attempt.over.set()
    exit_code = await exit_of(supervisor)
    attempt.ended = time.monotonic()
    out_of_touch = exit_code == -1  # SIGHUP
    if exit_code < 0:
        end_leftovers(attempt.folders)
    await asyncio.gather(printing, collecting, return_exceptions=True)
    if attempt.lost.is_set():
        raise Superseded(attempt.job.name)
    not_kept = await _keep_rest(attempt, printing)
    return Ending(exit_code if exit_code >= 0 else 128 - exit_code, interrupted, limit, out_of_touch, not_kept)


async def _keep_rest(attempt: Attempt, printing: asyncio.Task[None]) -> str:
    """Keep the final output; the reason if it or the log could not be kept, else empty."""
    try:
        await retry(attempt, lambda: asyncio.to_thread(collect, attempt))
        printing.result()
    except (OSError, psycopg.Error) as error:
        if is_away(error):
            raise
        return first_line(error)
    return ""


async def _start(attempt: Attempt, environment: dict[str, str], held: Sequence[int]) -> asyncio.subprocess.Process:
    job, folders = attempt.job, attempt.folders
    grace = GRACE if job.task.cloud is None else driver.GRACE
    lease = 0.0 if job.bound else LEASE  # no other machine takes over a job that is bound to this one
    words = [str(grace), str(lease), str(folders.code), str(folders.pid), str(folders.input or "")]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(SUPERVISOR), *words, *command_of(job, folders),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=environment, pass_fds=tuple(held), start_new_session=True, limit=PIECE,
    )  # fmt: skip


async def _wait_for_end(attempt: Attempt, supervisor: asyncio.subprocess.Process) -> tuple[bool, str]:
    """Wait for the command's end, or end it; whether we ended it, and the limit that was reached or empty."""
    limit = attempt.job.task.limit()
    left = max(0.0, limit[0] - attempt.job.seconds) if limit else None
    if attempt.job.task.cloud is not None:
        left = None if left is None else max(LEAST, left)
    asked = (attempt.stopping.wait(), attempt.leaving.wait(), attempt.lost.wait())
    in_time = await first_of(exit_of(supervisor), *asked, within=left)
    by_us = supervisor.returncode is None
    if not attempt.lost.is_set():
        attempt.send(b"end")
        await first_of(exit_of(supervisor), attempt.lost.wait())
    if attempt.lost.is_set():
        attempt.send(b"kill")
        await exit_of(supervisor)
    return by_us, limit[1] if limit and not in_time else ""


async def _keep_log(attempt: Attempt, supervisor: asyncio.subprocess.Process) -> None:
    """Store what is printed, in pieces; a job that prints faster than that waits.

    Raises:
        psycopg.Error: it cannot be stored. The job was then asked to stop, and could still print.
    """
    assert supervisor.stdout is not None
    try:
        while piece := await _next_piece(supervisor.stdout):
            await _keep_piece(attempt, piece)
    except (psycopg.Error, Superseded):
        attempt.stopping.set()
        while await supervisor.stdout.read(PIECE):
            pass  # a full pipe would keep the job from saving
        raise


async def _keep_piece(attempt: Attempt, piece: bytes) -> None:
    await write(attempt, APPEND, start=attempt.logged, size=len(piece), content=piece)
    before, attempt.logged = attempt.logged, attempt.logged + len(piece)
    if attempt.logged > KEPT_HEAD + KEPT_TAIL:
        forgotten = {"job": attempt.job.id, "head": KEPT_HEAD, "tail": before - KEPT_TAIL}
        await retry(attempt, lambda: attempt.database.execute(FORGET_MIDDLE, forgotten))


async def _next_piece(stream: asyncio.StreamReader) -> bytes:
    """What is printed within `SOON`, up to the size of a piece; empty at the end."""
    piece = bytearray(await stream.read(PIECE))
    deadline = time.monotonic() + SOON
    while piece and len(piece) < PIECE and (left := deadline - time.monotonic()) > 0:
        try:
            more = await asyncio.wait_for(stream.read(PIECE - len(piece)), left)
        except TimeoutError:
            break
        if not more:
            break
        piece += more
    return bytes(piece)


async def _collect_regularly(attempt: Attempt) -> None:
    while not await first_of(attempt.over.wait(), within=COLLECT_EVERY):
        try:
            await asyncio.to_thread(collect, attempt)
        except Superseded:
            attempt.lost.set()
            return
        except (OSError, psycopg.Error) as error:  # a checkpoint was just replaced; the next round finds it
            logger.warning("output not collected", extra={"job": attempt.job.name, "reason": str(error)})


def collect(attempt: Attempt) -> None:
    """Store the output so far if it has changed, in place of the earlier one.

    Raises:
        Superseded: the attempt no longer owns the job; nothing has changed.
    """
    folder, facts = attempt.folders.output, attempt.facts
    found = tuple(
        (str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (stat := path.stat())
    )
    if not found or found == attempt.seen:
        return
    with (
        bundles.packed(folder) as file,
        psycopg.connect(attempt.database.conninfo, autocommit=True) as connection,
    ):
        if not connection.execute(STILL_HELD, facts).fetchone():
            raise Superseded(attempt.job.name)
        with connection.transaction():
            digest, _ = bundles.keep(connection, "output", file)
            connection.execute(bundles.NOT_IDLE)  # if it freezes here, the next attempt still gets the row
            if not connection.execute(KEEP_OUTPUT, facts | {"output": digest}).fetchone():
                raise Superseded(attempt.job.name)
        bundles.drop_unused(connection)
    attempt.seen = found
