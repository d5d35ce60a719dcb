"""One attempt at a job on this machine: its command runs, what it prints and makes is kept, under its own number."""

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
from trainer.jobs.awaiting import exit_of, first_of, in_a_line, is_away
from trainer.jobs.book import FORGET_MIDDLE, KEPT_HEAD, KEPT_TAIL
from trainer.jobs.cloud import driver
from trainer.jobs.command import command_of
from trainer.jobs.folders import Folders, end_leftovers
from trainer.jobs.hold import APPEND, BEAT, BEAT_EVERY, KEEP_OUTPUT, LEASE, STILL_HELD
from trainer.jobs.line import Line
from trainer.jobs.task import Job

logger = logging.getLogger(__name__)

GRACE = 60.0  # seconds to save a checkpoint in
LEAST = 20.0  # seconds that a cloud's driver has before it is told to end: it must be able to hear it
COLLECT_EVERY = 60.0  # seconds between two looks at what a running job has made
PIECE = 256 << 10  # bytes of a log in one row, at most
SOON = 0.2  # seconds that what is printed waits for more
AGAIN_AFTER = 1.0  # seconds before the database is asked again that was away
PATIENCE = 10.0  # seconds that an engine which is told to end still waits for it
KEEPER = Path(__file__).with_name("keeper.py")
T = TypeVar("T")


@dataclass(slots=True)
class Ending:
    """How an attempt ended."""

    exit_code: int
    told: bool = False  # it was told to end, so even a good exit code says only that it has saved
    limit: str = ""  # the limit that ended it
    out_of_touch: bool = False  # its keeper has heard nothing of its engine for too long
    unkept: str = ""  # why what it has made or printed could not be kept


@dataclass(slots=True)
class Attempt:
    """An attempt at work."""

    job: Job
    folders: Folders
    line: Line
    leaving: asyncio.Event = field(default_factory=asyncio.Event)  # the engine is told to end, and each attempt with it
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # this one may save, and ends
    lost: asyncio.Event = field(default_factory=asyncio.Event)  # the job is another attempt's, or nobody's: it ends
    over: asyncio.Event = field(default_factory=asyncio.Event)  # its command has ended
    keeper: asyncio.subprocess.Process | None = None
    began: float | None = None  # its command, on the clock of `time.monotonic`
    ended: float | None = None
    logged: int = field(init=False)  # bytes of the job's log
    seen: tuple[tuple[str, int, int], ...] = ()  # what was there when output was last collected

    def __post_init__(self) -> None:
        self.logged = self.job.log_bytes

    @property
    def facts(self) -> dict[str, Any]:
        """What every statement needs to write under the attempt's number."""
        ran = 0.0 if self.began is None else (self.ended or time.monotonic()) - self.began
        return {"job": self.job.id, "attempt": self.job.attempts, "seconds": self.job.seconds + ran}

    def tell(self, word: bytes) -> None:
        """Say a word to the keeper, where there is one and it is still there."""
        if self.keeper is not None and self.keeper.returncode is None and self.keeper.stdin is not None:
            self.keeper.stdin.write(word + b"\n")

    def go_on(self) -> None:
        """Whether there is any use in going on before the command has begun.

        Raises:
            Superseded: another attempt has taken over.
            InterruptedError: it is to end.
        """
        if self.lost.is_set():
            raise Superseded(self.job.name)
        if self.stopping.is_set() or self.leaving.is_set():
            raise InterruptedError


async def keep_hold(attempt: Attempt) -> None:
    """Say that the attempt is alive for as long as it is the job's own, and hear whether it is to stop."""
    while True:
        with contextlib.suppress(psycopg.Error):  # the engine says that the database is away
            rows = await attempt.line.execute(BEAT, attempt.facts)
            if not rows:
                attempt.lost.set()
                return
            if rows[0]["stop_asked"] and not attempt.job.stop_asked:  # known before, it is what the driver is to do
                attempt.stopping.set()
            attempt.tell(b"on")
        await asyncio.sleep(BEAT_EVERY)


async def patiently(attempt: Attempt, ask: Callable[[], Awaitable[T]]) -> T:
    """What the database answers, once it is there again.

    Raises:
        Superseded: the attempt is no longer the job's own.
        psycopg.Error: it is away and this engine is told to end, or it cannot do what was asked.
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
    rows = await patiently(attempt, lambda: attempt.line.execute(statement, attempt.facts | more))
    if not rows:
        attempt.lost.set()
        raise Superseded(attempt.job.name)
    return rows[0]


async def run(attempt: Attempt, environment: dict[str, str], held: Sequence[int]) -> Ending:
    """Run the job's command to its end, its limit, or until told to stop; whatever it prints and makes is kept.

    Raises:
        Superseded: another attempt has taken over; the command was killed, and nothing more is kept.
    """
    attempt.keeper = keeper = await _start(attempt, environment, held)
    attempt.began = time.monotonic()
    printing = asyncio.create_task(_keep_log(attempt, keeper))
    collecting = asyncio.create_task(_collect_for_ever(attempt))
    try:
        told, limit = await _to_its_end(attempt, keeper)
    finally:
        attempt.tell(b"kill")
        attempt.over.set()
    exit_code = await exit_of(keeper)
    attempt.ended = time.monotonic()
    out_of_touch = exit_code == -1  # SIGHUP
    if exit_code < 0:
        end_leftovers(attempt.folders)
    await asyncio.gather(printing, collecting, return_exceptions=True)
    if attempt.lost.is_set():
        raise Superseded(attempt.job.name)
    unkept = await _keep_the_last(attempt, printing)
    return Ending(exit_code if exit_code >= 0 else 128 - exit_code, told, limit, out_of_touch, unkept)


async def _keep_the_last(attempt: Attempt, printing: asyncio.Task[None]) -> str:
    """Keep what the command has made; why that, or what it has printed, could not be kept."""
    try:
        await patiently(attempt, lambda: asyncio.to_thread(collect, attempt))
        printing.result()
    except (OSError, psycopg.Error) as error:
        if is_away(error):
            raise
        return in_a_line(error)
    return ""


async def _start(attempt: Attempt, environment: dict[str, str], held: Sequence[int]) -> asyncio.subprocess.Process:
    job, folders = attempt.job, attempt.folders
    grace = GRACE if job.task.cloud is None else driver.GRACE
    lease = 0.0 if job.at_home else LEASE  # what is at home nobody else takes over
    words = [str(grace), str(lease), str(folders.code), str(folders.pid), str(folders.input or "")]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(KEEPER), *words, *command_of(job, folders),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=environment, pass_fds=tuple(held), start_new_session=True, limit=PIECE,
    )  # fmt: skip


async def _to_its_end(attempt: Attempt, keeper: asyncio.subprocess.Process) -> tuple[bool, str]:
    """Wait for the command's end, or bring it about; whether it was, and the limit that was reached, if one was."""
    limit = attempt.job.task.limit()
    left = max(0.0, limit[0] - attempt.job.seconds) if limit else None
    if attempt.job.task.cloud is not None:
        left = None if left is None else max(LEAST, left)
    told = (attempt.stopping.wait(), attempt.leaving.wait(), attempt.lost.wait())
    in_time = await first_of(exit_of(keeper), *told, within=left)
    by_us = keeper.returncode is None
    if not attempt.lost.is_set():
        attempt.tell(b"end")
        await first_of(exit_of(keeper), attempt.lost.wait())
    if attempt.lost.is_set():
        attempt.tell(b"kill")
        await exit_of(keeper)
    return by_us, limit[1] if limit and not in_time else ""


async def _keep_log(attempt: Attempt, keeper: asyncio.subprocess.Process) -> None:
    """Keep what is printed, in pieces; a job that prints faster than can be kept waits.

    Raises:
        psycopg.Error: it cannot be kept. The job was told to stop then, and could still print.
    """
    assert keeper.stdout is not None
    try:
        while piece := await _next_piece(keeper.stdout):
            await _keep_piece(attempt, piece)
    except (psycopg.Error, Superseded):
        attempt.stopping.set()
        while await keeper.stdout.read(PIECE):
            pass  # whoever does not read stops the job from saving
        raise


async def _keep_piece(attempt: Attempt, piece: bytes) -> None:
    await write(attempt, APPEND, start=attempt.logged, size=len(piece), content=piece)
    before, attempt.logged = attempt.logged, attempt.logged + len(piece)
    if attempt.logged > KEPT_HEAD + KEPT_TAIL:
        forgotten = {"job": attempt.job.id, "head": KEPT_HEAD, "tail": before - KEPT_TAIL}
        await patiently(attempt, lambda: attempt.line.execute(FORGET_MIDDLE, forgotten))


async def _next_piece(stream: asyncio.StreamReader) -> bytes:
    """What is printed within a moment, up to a piece's size; nothing at the end."""
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


async def _collect_for_ever(attempt: Attempt) -> None:
    while not await first_of(attempt.over.wait(), within=COLLECT_EVERY):
        try:
            await asyncio.to_thread(collect, attempt)
        except Superseded:
            attempt.lost.set()
            return
        except (OSError, psycopg.Error) as error:  # a checkpoint that was replaced just then; the next look finds it
            logger.warning("output not collected", extra={"job": attempt.job.name, "reason": str(error)})


def collect(attempt: Attempt) -> None:
    """Keep what the job has made so far, if that has changed; what was kept before is dropped.

    Raises:
        Superseded: the attempt is no longer the job's own; nothing has changed.
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
        psycopg.connect(attempt.line.conninfo, autocommit=True) as connection,
    ):
        if not connection.execute(STILL_HELD, facts).fetchone():
            raise Superseded(attempt.job.name)
        with connection.transaction():
            digest, _ = bundles.keep(connection, "output", file)
            connection.execute(bundles.NOT_IDLE)  # frozen now, it must not keep the row from whoever takes over
            if not connection.execute(KEEP_OUTPUT, facts | {"output": digest}).fetchone():
                raise Superseded(attempt.job.name)
        bundles.drop_unused(connection)
    attempt.seen = found
