"""The engine of one machine: it takes queued jobs that fit the free slots, and runs an attempt for each.

An engine that a command has started ends when nothing is left to do. `trainer worker` runs one that stays up, and that
takes the jobs of the fleet as well. When an engine is killed, its jobs save and end (see the supervisor). The next
engine on this machine continues them; half a minute later any machine of the fleet may, too. While the database is
away, the engine waits for it.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from collector.errors import UsageError
from trainer.directories import Directories
from trainer.jobs.awaiting import first_line, first_of, is_away
from trainer.jobs.hold import REQUEUE
from trainer.jobs.job_store import as_job
from trainer.jobs.reaping import REAP_EVERY, Reaper, tidy
from trainer.jobs.task import COLUMNS, Job
from trainer.jobs.turn import CLAIM, CPU, GPU, LEFT, PASSING
from trainer.jobs.waiting import MACHINES, NOW, UNENDED, Machine, explain
from trainer.jobs.working import Engine, do_job
from trainer.locks import is_locked, try_lock

logger = logging.getLogger(__name__)

CLAIM_EVERY = 0.5  # seconds
SEEN_EVERY = 10.0
LOG_WAITS_EVERY = 2.0
TIDY_EVERY = 60.0
IDLE = 2.0  # seconds without a job, after which an engine that a command has started ends
AWAY = 600.0  # seconds without the database, after which such an engine gives up
LOCK_WITHIN = 5.0  # seconds
LEAVE_WITHIN = 5.0  # seconds that a statement has to finish when the engine shuts down
START_WITHIN = 20.0  # seconds
SAY_AFTER = 2.0  # seconds
STARTED: list[subprocess.Popen[bytes]] = []  # they outlive this process, and nothing waits for them

SEEN = """
INSERT INTO machine (name, gpus, slots, fleet) VALUES (%(name)s, %(gpus)s, %(slots)s, %(fleet)s)
ON CONFLICT (name) DO UPDATE SET gpus = excluded.gpus, slots = excluded.slots, fleet = excluded.fleet,
    seen_at = clock_timestamp(), working = true
"""
GONE = "UPDATE machine SET working = false WHERE name = %(name)s"


def engine_lock(home: Path) -> Path:
    """The file that a home's engine locks while it runs."""
    folder = Directories(home).jobs
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "engine.lock"


@dataclass(slots=True)
class Shift:
    """An engine at work, until it is asked to end or nothing is left."""

    engine: Engine
    until_idle: bool
    running: set[asyncio.Task[None]] = field(default_factory=set)
    logged: dict[str, str] = field(default_factory=dict)  # what each job waits for, as last logged

    async def work(self) -> None:
        """Run all parts of the engine until it ends."""
        engine = self.engine
        parts = [
            asyncio.create_task(self._repeat(every, do))
            for every, do in (
                (SEEN_EVERY, self._be_seen), (CLAIM_EVERY, self._claim), (REAP_EVERY, Reaper(engine).look),
                (LOG_WAITS_EVERY, self._log_waits), (TIDY_EVERY, self._tidy),
            )
        ]  # fmt: skip
        try:
            await self._wait_for_end(parts)
        finally:
            await self._leave(parts)

    async def _leave(self, parts: list[asyncio.Task[None]]) -> None:
        """End all parts. Their errors are logged, except the one that ended the engine."""
        database, failed = self.engine.database, sys.exception()
        self.engine.leaving.set()
        _, hanging = await asyncio.wait(parts, timeout=LEAVE_WITHIN)
        for task in hanging:
            task.cancel()
        endings: list[Any] = await asyncio.gather(*parts, *self.running, return_exceptions=True)
        endings += await asyncio.gather(database.execute(GONE, {"name": self.engine.machine}), return_exceptions=True)
        await database.close()
        for error in endings:
            if isinstance(error, Exception) and type(error) is not type(failed):
                logger.warning("a part of the engine broke off", extra={"reason": first_line(error)})

    async def _repeat(self, every: float, do: Callable[[], Awaitable[Any]]) -> None:
        away_since = None
        while not self.engine.leaving.is_set():
            try:
                await do()
                away_since = None
            except psycopg.Error as error:
                if not is_away(error):
                    raise
                now = time.monotonic()
                if away_since is None:
                    logger.warning("waiting for the database", extra={"reason": first_line(error)})
                away_since = away_since or now
                if self.until_idle and now - away_since > AWAY:
                    raise
            await first_of(self.engine.leaving.wait(), within=every)

    async def _wait_for_end(self, parts: list[asyncio.Task[None]]) -> None:
        idle_since = None
        while not await first_of(self.engine.leaving.wait(), within=0.5):
            for task in [*parts, *self.running]:
                if task.done():
                    task.result()  # raises what went wrong there
            self.running = {task for task in self.running if not task.done()}
            if self.until_idle:
                idle = not self.running and not await asyncio.to_thread(is_left, self.engine)
                idle_since = (idle_since or time.monotonic()) if idle else None
                if idle_since and time.monotonic() - idle_since > IDLE:
                    return

    async def _claim(self) -> None:
        for kind in (GPU, CPU):
            while await self._claim_one(kind):
                pass

    async def _claim_one(self, kind: str) -> bool:
        """Claim the next job that fits the free slots, and begin it; whether one was begun."""
        engine, slots = self.engine, self.engine.kinds[kind]
        free = slots.take_free()
        try:
            facts = {"machine": engine.machine, "queues": engine.queues(kind), "busy": _busy(engine)}
            facts |= {"free": len(free), "most": slots.count, "passing": PASSING}
            rows = [] if engine.leaving.is_set() else await engine.database.execute(CLAIM, facts)
            if not rows:
                return False
            numbers = sorted(free)[: rows[0].pop("needs")]
            job = as_job(rows[0])
            lock = await _lock(engine, job)
            if lock is not None:
                held = [*(free.pop(number) for number in numbers), lock]
                gpus = numbers if kind == GPU else []
                self.running.add(asyncio.create_task(do_job(engine, job, gpus, held)))
            return lock is not None
        finally:
            for descriptor in free.values():
                os.close(descriptor)

    async def _log_waits(self) -> None:
        """Log what each job of this engine's queues waits for, when that changes."""
        database, ours = self.engine.database, self.engine.queues(CPU) + self.engine.queues(GPU)
        jobs = [as_job(row) for row in await database.execute(f"SELECT {COLUMNS} FROM training_job WHERE {UNENDED}")]
        machines = [Machine(**row) for row in await database.execute(MACHINES)]
        (clock,) = await database.execute(NOW)
        reasons = {job.name: explain(job, jobs, machines, clock["now"]) for job in jobs if job.queue in ours}
        for name, why in reasons.items():
            if why and self.logged.get(name) != why:
                logger.info("a job waits", extra={"job": name, "why": why})
        self.logged = reasons

    async def _tidy(self) -> None:
        await asyncio.to_thread(tidy, self.engine)

    async def _be_seen(self) -> None:
        engine = self.engine
        facts = {"name": engine.machine, "gpus": engine.gpus, "slots": engine.slots, "fleet": engine.fleet}
        await engine.database.execute(SEEN, facts)


def _busy(engine: Engine) -> list[str]:
    """The names of jobs in whose folders a process still works, though its engine is gone."""
    return [path.stem for path in engine.directories.jobs.glob("*.lock") if is_locked(path)]


async def _lock(engine: Engine, job: Job) -> int | None:
    """Lock a claimed job's folder. If another process keeps it locked, the job is queued again, and None comes back."""
    deadline = time.monotonic() + LOCK_WITHIN
    while (descriptor := try_lock(engine.lock_of(job.name))) is None and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    if descriptor is None:
        facts = {"job": job.id, "attempt": job.attempts, "seconds": job.seconds, "reason": "", "killed": 0}
        await engine.database.execute(REQUEUE, facts)
    return descriptor


def is_left(engine: Engine) -> bool:
    """Whether there is work for this engine, now or once slots are free."""
    facts = {"queues": engine.queues(CPU) + engine.queues(GPU), "gpus": len(engine.gpus), "slots": engine.slots}
    try:
        with psycopg.connect(engine.database.conninfo) as connection:
            row = connection.execute(LEFT, facts).fetchone()
    except psycopg.OperationalError:
        return True  # not known; `_repeat` waits for the database
    return bool(row and row[0])


def main(conninfo: str, home: Path, *, fleet: bool, until_idle: bool) -> None:
    """Run the engine of a home in this process.

    Raises:
        UsageError: an engine runs already.
    """
    descriptor = _take_lock(home)
    if descriptor is None:
        if until_idle:
            return
        raise UsageError(f"An engine is at work for {home} already; it ends when nothing is left to do.")
    idle = True
    while idle:
        engine = Engine.at(conninfo, home, fleet=fleet)
        try:
            idle = asyncio.run(_serve(Shift(engine, until_idle)))
        finally:
            os.close(descriptor)
        # A command that has queued a job just now found the lock held, and started no engine.
        if not idle or not is_left(engine) or (descriptor := try_lock(engine_lock(home))) is None:
            return


def _take_lock(home: Path) -> int | None:
    """Take the engine's lock; None if an engine holds it. `is_locked` holds it only for a moment."""
    for _ in range(10):
        if (descriptor := try_lock(engine_lock(home))) is not None:
            return descriptor
        time.sleep(0.05)
    return None


async def _serve(shift: Shift) -> bool:
    """Work to the end; True if nothing was left to do, False if a signal stopped it."""
    stopped = False

    def leave() -> None:
        nonlocal stopped
        stopped = True
        shift.engine.leaving.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    await shift.work()
    return not stopped


def ensure(home: Path, say: Callable[[str], None], *, demo: bool) -> None:
    """Start the engine of a home in a new process, unless it runs already.

    `say` is called if that takes long.

    Raises:
        UsageError: it does not start; the error names its log.
    """
    lock = engine_lock(home)
    if is_locked(lock):
        return
    log = lock.with_name("engine.log")
    words = [sys.executable, "-m", "trainer", "worker", "--until-idle", *(["--demo"] if demo else [])]
    with log.open("ab") as file:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    STARTED.append(child)
    began, deadline, said = time.monotonic(), time.monotonic() + START_WITHIN, False
    while not is_locked(lock):
        if not said and time.monotonic() - began > SAY_AFTER:
            say(f"The engine is starting; its log is {log}.")
            said = True
        if child.poll() is not None or time.monotonic() > deadline:
            raise UsageError(f"The engine did not start; {log} says why. The job stays queued.")
        time.sleep(0.05)
