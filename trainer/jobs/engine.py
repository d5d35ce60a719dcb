"""The engine on one machine: it takes from the line of jobs what fits what is free here, and attempts run them.

An engine that a command has started ends when nothing is left to do, so that nothing runs when nothing runs;
`trainer worker` keeps one up, and takes the fleet's jobs as well. When it is killed, its jobs save what they have and
end (see the keeper); the next engine on this machine, or after half a minute any machine of the fleet, goes on. A
database that is away is waited for.
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
from trainer.jobs.awaiting import first_of, in_a_line, is_away
from trainer.jobs.book import as_job
from trainer.jobs.hold import AGAIN
from trainer.jobs.reaping import REAP_EVERY, Reaper, tidy
from trainer.jobs.task import COLUMNS, Job
from trainer.jobs.turn import CLAIM, CPU, GPU, LEFT, PASSING
from trainer.jobs.waiting import MACHINES, NOW, UNENDED, Machine, explain
from trainer.jobs.working import Engine, do_job
from trainer.locks import is_locked, try_lock
from trainer.places import Places

logger = logging.getLogger(__name__)

CLAIM_EVERY = 0.5  # seconds
SEEN_EVERY = 10.0
TELL_EVERY = 2.0
TIDY_EVERY = 60.0
IDLE = 2.0  # seconds without a job, after which an engine that a command has started ends
AWAY = 600.0  # seconds without the database, after which such an engine gives up
LOCK_WITHIN = 5.0  # seconds
LEAVE_WITHIN = 5.0  # seconds that a statement has to end in, once the engine is told to
START_WITHIN = 20.0  # seconds
SAY_AFTER = 2.0  # seconds
STARTED: list[subprocess.Popen[bytes]] = []  # they outlive this process, and are not to be waited for when it ends

SEEN = """
INSERT INTO machine (name, gpus, slots, fleet) VALUES (%(name)s, %(gpus)s, %(slots)s, %(fleet)s)
ON CONFLICT (name) DO UPDATE SET gpus = excluded.gpus, slots = excluded.slots, fleet = excluded.fleet,
    seen_at = clock_timestamp(), working = true
"""
GONE = "UPDATE machine SET working = false WHERE name = %(name)s"


def engine_lock(home: Path) -> Path:
    """The file that the engine of a home holds locked."""
    folder = Places(home).jobs
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "engine.lock"


@dataclass(slots=True)
class Shift:
    """An engine at work, until it is told to end or nothing is left."""

    engine: Engine
    until_idle: bool
    running: set[asyncio.Task[None]] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)  # for what each job waits, as last said in the log

    async def work(self) -> None:
        """Work to the end."""
        engine = self.engine
        beside = [
            asyncio.create_task(self._for_ever(every, do))
            for every, do in (
                (SEEN_EVERY, self._be_seen), (CLAIM_EVERY, self._claim), (REAP_EVERY, Reaper(engine).look),
                (TELL_EVERY, self._tell_waits), (TIDY_EVERY, self._tidy),
            )
        ]  # fmt: skip
        try:
            await self._until_the_end(beside)
        finally:
            await self._leave(beside)

    async def _leave(self, beside: list[asyncio.Task[None]]) -> None:
        """End all that goes on here. What goes wrong with it is in the log, unless it has ended the engine."""
        line, failed = self.engine.line, sys.exception()
        self.engine.leaving.set()
        _, hanging = await asyncio.wait(beside, timeout=LEAVE_WITHIN)
        for task in hanging:
            task.cancel()
        endings: list[Any] = await asyncio.gather(*beside, *self.running, return_exceptions=True)
        endings += await asyncio.gather(line.execute(GONE, {"name": self.engine.machine}), return_exceptions=True)
        await line.close()
        for error in endings:
            if isinstance(error, Exception) and type(error) is not type(failed):
                logger.warning("a part of the engine broke off", extra={"reason": in_a_line(error)})

    async def _for_ever(self, every: float, do: Callable[[], Awaitable[Any]]) -> None:
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
                    logger.warning("waiting for the database", extra={"reason": in_a_line(error)})
                away_since = away_since or now
                if self.until_idle and now - away_since > AWAY:
                    raise
            await first_of(self.engine.leaving.wait(), within=every)

    async def _until_the_end(self, beside: list[asyncio.Task[None]]) -> None:
        idle_since = None
        while not await first_of(self.engine.leaving.wait(), within=0.5):
            for task in [*beside, *self.running]:
                if task.done():
                    task.result()  # what went wrong there is told, not swallowed
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
        """Take the job whose turn it is, if one fits what is free, and begin it; whether there was one."""
        engine, slots = self.engine, self.engine.kinds[kind]
        free = slots.take_free()
        try:
            facts = {"machine": engine.machine, "queues": engine.queues(kind), "busy": _busy(engine)}
            facts |= {"free": len(free), "most": slots.count, "passing": PASSING}
            rows = [] if engine.leaving.is_set() else await engine.line.execute(CLAIM, facts)
            if not rows:
                return False
            numbers = sorted(free)[: rows[0].pop("wants")]
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

    async def _tell_waits(self) -> None:
        """Say in the log for what each job of this engine's queues waits, when that changes."""
        line, ours = self.engine.line, self.engine.queues(CPU) + self.engine.queues(GPU)
        jobs = [as_job(row) for row in await line.execute(f"SELECT {COLUMNS} FROM training_job WHERE {UNENDED}")]
        machines = [Machine(**row) for row in await line.execute(MACHINES)]
        (clock,) = await line.execute(NOW)
        words = {job.name: explain(job, jobs, machines, clock["now"]) for job in jobs if job.queue in ours}
        for name, told in words.items():
            if told and self.told.get(name) != told:
                logger.info("a job waits", extra={"job": name, "why": told})
        self.told = words

    async def _tidy(self) -> None:
        await asyncio.to_thread(tidy, self.engine)

    async def _be_seen(self) -> None:
        engine = self.engine
        facts = {"name": engine.machine, "gpus": engine.gpus, "slots": engine.slots, "fleet": engine.fleet}
        await engine.line.execute(SEEN, facts)


def _busy(engine: Engine) -> list[str]:
    """Jobs in whose folder a process is still at work, of an engine that is gone."""
    return [path.stem for path in engine.places.jobs.glob("*.lock") if is_locked(path)]


async def _lock(engine: Engine, job: Job) -> int | None:
    """A claimed job's folder, which somebody may just be looking at; given back where somebody stays in it."""
    deadline = time.monotonic() + LOCK_WITHIN
    while (descriptor := try_lock(engine.lock_of(job.name))) is None and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    if descriptor is None:
        facts = {"job": job.id, "attempt": job.attempts, "seconds": job.seconds, "reason": "", "killed": 0}
        await engine.line.execute(AGAIN, facts)
    return descriptor


def is_left(engine: Engine) -> bool:
    """Whether there is anything to do here, now or when something is free."""
    facts = {"queues": engine.queues(CPU) + engine.queues(GPU), "gpus": len(engine.gpus), "slots": engine.slots}
    try:
        with psycopg.connect(engine.line.conninfo) as connection:
            row = connection.execute(LEFT, facts).fetchone()
    except psycopg.OperationalError:
        return True  # who knows; whether it comes back is waited for beside
    return bool(row and row[0])


def main(conninfo: str, home: Path, *, fleet: bool, until_idle: bool) -> None:
    """Run the engine of a home in this process.

    Raises:
        UsageError: one is running already, or the database was lost for good.
    """
    descriptor = _take_place(home)
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
        # A job that was queued at the last moment has found the lock held, and has started no engine.
        if not idle or not is_left(engine) or (descriptor := try_lock(engine_lock(home))) is None:
            return


def _take_place(home: Path) -> int | None:
    """The engine's lock; whoever only looks whether it is held is soon gone."""
    for _ in range(10):
        if (descriptor := try_lock(engine_lock(home))) is not None:
            return descriptor
        time.sleep(0.05)
    return None


async def _serve(shift: Shift) -> bool:
    """Work to the end; whether that was because nothing was left, and not because it was told to stop."""
    told = False

    def leave() -> None:
        nonlocal told
        told = True
        shift.engine.leaving.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    await shift.work()
    return not told


def ensure(home: Path, say: Callable[[str], None], *, demo: bool) -> None:
    """See to it that an engine is at work for a home: the one that is, or a new one in a process of its own.

    `say` is told where that takes long.

    Raises:
        UsageError: it does not start; says where its last words are.
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
            say(f"The engine is starting; {log} holds what it says.")
            said = True
        if child.poll() is not None or time.monotonic() > deadline:
            raise UsageError(f"The engine did not start; {log} holds its last words. The job stays queued.")
        time.sleep(0.05)
