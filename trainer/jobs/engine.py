"""The engine on one machine: Procrastinate takes jobs from Postgres, slots say how many at once, attempts run them.

An engine that a command has started ends when nothing is left to do, so that nothing runs when nothing runs;
`trainer worker` keeps one up, and takes the fleet's jobs as well. When it is killed, its jobs save what they have and
end (see the keeper); the next engine on this machine, or after half a minute any machine of the fleet, goes on.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.worker import Worker

from collector.errors import UsageError
from trainer.jobs.working import FROZEN, Engine, do_job, reap, tidy
from trainer.locks import is_locked, try_lock
from trainer.places import Places

POLL_EVERY = 1.0  # seconds; jobs that are queued send a notice, too
REAP_EVERY = 2.0  # seconds
SEEN_EVERY = 10.0
IDLE = 2.0  # seconds without a job, after which an engine that a command has started ends
START_WITHIN = 20.0  # seconds
STARTED: list[subprocess.Popen[bytes]] = []  # they outlive this process, and are not to be waited for when it ends

SEEN = """
INSERT INTO machine (name, gpus, slots, fleet) VALUES (%(name)s, %(gpus)s, %(slots)s, %(fleet)s)
ON CONFLICT (name) DO UPDATE SET gpus = excluded.gpus, slots = excluded.slots, fleet = excluded.fleet,
    seen_at = clock_timestamp()
"""
ANYTHING_LEFT = "SELECT EXISTS (SELECT FROM training_job WHERE state IN ('queued', 'running') AND queue = ANY (%s))"


def engine_lock(home: Path) -> Path:
    """The file that the engine of a home holds locked."""
    folder = Places(home).jobs
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "engine.lock"


async def _for_ever(every: float, do: Any) -> None:
    while True:
        await do()
        await asyncio.sleep(every)


async def _be_seen(engine: Engine) -> None:
    facts = {"name": engine.machine, "gpus": engine.gpus, "slots": engine.slots, "fleet": engine.fleet}
    async with await engine.connect() as connection:
        await connection.execute(SEEN, facts)


def build_app(engine: Engine) -> App:
    """Procrastinate's side of it, with its one task."""
    app = App(connector=PsycopgConnector(conninfo=engine.conninfo, min_size=1, max_size=4))

    @app.task(name="training_job", pass_context=True)
    async def training_job(context: JobContext, job_id: int) -> None:
        assert context.job.id is not None
        await do_job(engine, context.job.id, job_id)

    return app


async def work(engine: Engine, *, until_idle: bool) -> None:
    """Work until told to stop, or until nothing is left."""
    app = build_app(engine)
    await asyncio.to_thread(tidy, engine)
    async with app.open_async():
        options: dict[str, Any] = {
            "fetch_job_polling_interval": POLL_EVERY, "delete_jobs": "always", "install_signal_handlers": False,
            "stalled_worker_timeout": FROZEN,
        }  # fmt: skip
        kinds = {"cpu": engine.slots} | ({"gpu": len(engine.gpus)} if engine.gpus else {})
        workers = [
            Worker(app, queues=[name for name in engine.queues if name.endswith(kind)], concurrency=count, **options)
            for kind, count in kinds.items()
        ]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        beside = [
            asyncio.create_task(_for_ever(SEEN_EVERY, partial(_be_seen, engine))),
            asyncio.create_task(_for_ever(REAP_EVERY, partial(reap, engine))),
        ]
        try:
            await _until_the_end(engine, [*tasks, *beside], until_idle=until_idle)
        finally:
            engine.leaving.set()
            for attempt in engine.at_work.values():
                attempt.stopping.set()
            for worker in workers:
                worker.stop()
            for task in beside:
                task.cancel()
            await asyncio.gather(*tasks, *beside, return_exceptions=True)


async def _until_the_end(engine: Engine, tasks: list[asyncio.Task[None]], *, until_idle: bool) -> None:
    idle_since = None
    while not engine.leaving.is_set():
        for task in tasks:
            if task.done():
                task.result()  # what went wrong there is told, not swallowed
        if until_idle:
            idle = not engine.at_work and not await _anything_left(engine)
            idle_since = (idle_since or time.monotonic()) if idle else None
            if idle_since and time.monotonic() - idle_since > IDLE:
                return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.leaving.wait(), 0.5)


async def _anything_left(engine: Engine) -> bool:
    async with await engine.connect() as connection:
        row = await (await connection.execute(ANYTHING_LEFT, (engine.queues,))).fetchone()
        return bool(row and row[0])


def main(conninfo: str, home: Path, *, fleet: bool, until_idle: bool) -> None:
    """Run the engine of a home in this process.

    Raises:
        UsageError: one is running already.
    """
    descriptor = try_lock(engine_lock(home))
    if descriptor is None:
        if until_idle:
            return
        raise UsageError(f"An engine is at work for {home} already; it ends when nothing is left to do.")
    idle = True
    while idle:
        idle = asyncio.run(_serve(Engine.at(conninfo, home, fleet=fleet), until_idle=until_idle))
        os.close(descriptor)
        # A job that was queued at the last moment has found the lock held, and has started no engine.
        if not idle or not _left(conninfo, home) or (descriptor := try_lock(engine_lock(home))) is None:
            return


def _left(conninfo: str, home: Path) -> bool:
    async def look() -> bool:
        return await _anything_left(Engine.at(conninfo, home, fleet=False))

    return asyncio.run(look())


async def _serve(engine: Engine, *, until_idle: bool) -> bool:
    """Work to the end; whether that was because nothing was left, and not because it was told to stop."""
    told = False

    def leave() -> None:
        nonlocal told
        told = True
        engine.leaving.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    await work(engine, until_idle=until_idle)
    return not told


def ensure(home: Path, *, demo: bool) -> None:
    """See to it that an engine is at work for a home: the one that is, or a new one in a process of its own.

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
    deadline = time.monotonic() + START_WITHIN
    while not is_locked(lock):
        if child.poll() is not None or time.monotonic() > deadline:
            raise UsageError(f"The engine did not start; {log} holds its last words. The job stays queued.")
        time.sleep(0.05)
