"""What an engine does with a job: it takes it through an attempt, writes down what came of it, and queues the jobs
again whose engine is gone."""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from collector.errors import UsageError
from trainer.jobs.attempt import Attempt, Ending, Folders, environment_of, lay, run, write_protect
from trainer.jobs.book import COLUMNS, RENTED, as_job, conninfo_of_jobs, defer
from trainer.jobs.cloud import SECRET
from trainer.jobs.cloud_task import cloud_name
from trainer.jobs.machine import Slots, list_gpus, machine_name
from trainer.jobs.profiles import find_profile
from trainer.jobs.task import LOCAL, Job, State
from trainer.locks import is_locked, try_lock
from trainer.places import Places
from trainer.runs import FACTS

logger = logging.getLogger(__name__)

FLEET = "fleet"  # queues of jobs that any machine may take
FROZEN = 30  # seconds without a heartbeat, after which a machine counts as gone
TRIES = 3  # of a job whose process is killed from outside
KILLED = 128 + signal.SIGKILL

CLAIM = f"""
UPDATE training_job SET state = 'running', attempts = attempts + 1, machine = %(machine)s, started_at = now(),
    reason = '' WHERE id = %(job)s AND engine_job = %(engine_job)s AND state = 'queued'
    AND (NOT stop_asked OR {RENTED})
"""
FINISH = """
UPDATE training_job SET state = %(state)s, reason = %(reason)s, exit_code = %(exit_code)s, ended_at = now(),
    seconds = seconds + %(seconds)s, started_at = NULL WHERE id = %(job)s AND engine_job = %(engine_job)s
"""
AGAIN = f"""
UPDATE training_job SET state = 'queued', reason = %(reason)s, seconds = seconds + %(seconds)s, started_at = NULL
WHERE id = %(job)s AND engine_job = %(engine_job)s AND state = 'running'
    AND (NOT stop_asked OR {RENTED}) RETURNING queue
"""
# Of this machine: no engine but this one can be at work. Of others: the engine's heart stands still.
LOST = """
SELECT job.id AS job, job.name, job.engine_job, job.machine, job.stop_asked,
    job.task->>'cloud' IS NOT NULL AS rented,
    extract(epoch FROM COALESCE(worker.last_heartbeat, now()) - job.started_at) AS seconds
FROM training_job job
LEFT JOIN procrastinate_jobs engine ON engine.id = job.engine_job
LEFT JOIN procrastinate_workers worker ON worker.id = engine.worker_id
WHERE job.state = 'running' AND NOT (job.id = ANY (%(mine)s))
  AND (job.machine = %(machine)s OR COALESCE(worker.last_heartbeat < now() - make_interval(secs => %(frozen)s), true))
FOR UPDATE OF job SKIP LOCKED
"""
FORGET_ENGINE_JOB = """
SELECT procrastinate_finish_job_v1(id, 'failed', true) FROM procrastinate_jobs WHERE id = %s AND status = 'doing'
"""


def queue_of(place: str, machine: str, gpus: int) -> str:
    """The queue of jobs for this machine, or for any of the fleet; those for GPUs apart."""
    # Postgres tells of new jobs on a channel of the queue's name, and a channel's name has 63 bytes at most.
    whose = hashlib.sha256(machine.encode()).hexdigest()[:16] if place == LOCAL else FLEET
    return f"{whose}:{'gpu' if gpus else 'cpu'}"


@dataclass(slots=True)
class Engine:
    """What the attempts of this process share."""

    conninfo: str
    places: Places
    fleet: bool
    slots: int
    gpus: list[str]
    machine: str
    at_work: dict[int, Attempt] = field(default_factory=dict)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    kinds: dict[str, Slots] = field(default_factory=dict)

    @classmethod
    def at(cls, conninfo: str, home: Path, *, fleet: bool) -> "Engine":
        """The engine of a home on this machine."""
        places, gpus = Places(home), list_gpus()
        slots = find_profile(home, LOCAL).slots
        engine = cls(conninfo_of_jobs(conninfo), places, fleet, slots, gpus, machine_name(home))
        engine.kinds = {
            "cpu": Slots(places.jobs / "slots", "cpu", slots), "gpu": Slots(places.jobs / "slots", "gpu", len(gpus))
        }  # fmt: skip
        return engine

    @property
    def queues(self) -> list[str]:
        """The queues that it takes jobs from."""
        whose = [LOCAL, FLEET] if self.fleet else [LOCAL]
        return [queue_of(place, self.machine, gpus) for place in whose for gpus in ((0, 1) if self.gpus else (0,))]

    async def connect(self) -> psycopg.AsyncConnection[Any]:
        """A connection, each statement a transaction unless said otherwise."""
        return await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True)


async def do_job(engine: Engine, engine_job: int, job_id: int) -> None:
    """Take a job through one attempt, and write down what came of it."""
    async with await engine.connect() as connection:
        job = await _read(connection, job_id)
        if job is None or job.engine_job != engine_job:
            return  # deleted, or handed to the engine anew
        here = job.gpus if job.task.cloud is None else 0  # GPUs of this machine
        slots = engine.kinds["gpu" if here else "cpu"]
        async with slots.taken(here or 1) as (numbers, held), _folder_of(engine, job) as (root, lock):
            claimed = await connection.execute(
                CLAIM, {"machine": engine.machine, "job": job_id, "engine_job": engine_job}
            )
            job = await _read(connection, job_id)
            if not claimed.rowcount or job is None:
                return  # stopped while it waited
            gpus = numbers if here else ()
            ending = await _attempt(engine, connection, job, root, gpus, (*held, lock))
            await _end(engine, connection, job, root, ending)


@contextlib.asynccontextmanager
async def _folder_of(engine: Engine, job: Job) -> AsyncIterator[tuple[Path, int]]:
    """A job's folder, once nobody is at work in it: a process of an engine that is gone may still be saving."""
    root = engine.places.jobs / job.name
    root.mkdir(parents=True, exist_ok=True)
    path = root.with_name(f"{job.name}.lock")
    while (descriptor := try_lock(path)) is None:  # noqa: ASYNC110  (another process has it)
        await asyncio.sleep(0.2)
    try:
        yield root, descriptor
    finally:
        os.close(descriptor)


async def _attempt(
    engine: Engine,
    connection: psycopg.AsyncConnection[Any],
    job: Job,
    root: Path,
    gpus: Sequence[int],
    held: Sequence[int],
) -> Ending | str:
    """How the attempt ended; a sentence where it could not begin."""
    try:
        folders = await asyncio.to_thread(_lay, engine, job, root)
        environment = environment_of(job, folders, engine.places.home, gpus)
        if job.task.cloud is not None:
            await asyncio.to_thread(_start_cloud_server, environment)
    except (UsageError, OSError) as error:
        return str(error)
    attempt = Attempt(job, folders, connection, engine.conninfo, output=job.output)
    engine.at_work[job.id] = attempt
    if engine.leaving.is_set():
        attempt.stopping.set()
    work = asyncio.create_task(run(attempt, environment, held))
    try:
        while True:
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:  # asked to stop, by a person or with the engine: it may save first
                attempt.stopping.set()
    except OSError as error:
        return f"The job could not go on ({error.strerror or error})."
    finally:
        engine.at_work.pop(job.id, None)


def _start_cloud_server(environment: dict[str, str]) -> None:
    """SkyPilot's server belongs to no job: started by a driver, it would end with that driver's keeper."""
    words = [sys.executable, "-P", "-m", "trainer.jobs.cloud", "serve"]
    kept = {name: value for name, value in environment.items() if not name.startswith(SECRET)}
    done = subprocess.run(words, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise UsageError(f"SkyPilot's server did not start: {told[-1][:300]}")


def _lay(engine: Engine, job: Job, root: Path) -> Folders:
    with psycopg.connect(engine.conninfo, autocommit=True) as connection:
        folders = lay(connection, job, engine.places, root)
    if folders.input:
        write_protect(folders.input)
    return folders


async def _end(
    engine: Engine, connection: psycopg.AsyncConnection[Any], job: Job, root: Path, ending: Ending | str
) -> None:
    now = await _read(connection, job.id)
    facts: dict[str, Any] = {"job": job.id, "engine_job": job.engine_job, "exit_code": None, "seconds": 0.0}
    if isinstance(ending, str):
        state, reason = State.FAILED, ending
        if job.task.cloud is not None and job.attempts > 1:
            name = cloud_name(job.machine or "", job.id, job.name)
            reason += f" Should an earlier attempt still run and cost: sky jobs cancel -n {name}"
    else:
        facts |= {"exit_code": ending.exit_code, "seconds": ending.seconds}
        state, reason = judge(ending, job, stopped=now is not None and now.stop_asked, leaving=engine.leaving.is_set())
    if state is State.QUEUED:
        await asyncio.to_thread(_queue_again, engine, facts | {"reason": reason})
    else:
        if state is State.DONE and job.at_home and job.task.preset:
            reason = await asyncio.to_thread(_hand_over, root / "output" / job.name, engine.places)
        await connection.execute(FINISH, facts | {"state": state, "reason": reason})
        await asyncio.to_thread(_remove, root)
    logger.info("job ended", extra={"job": job.name, "state": state.value, "reason": reason})


def judge(ending: Ending, job: Job, *, stopped: bool, leaving: bool) -> tuple[State, str]:
    """What an attempt's end means for its job, and why."""
    if ending.exit_code == 0:
        return State.DONE, ""
    if job.task.cloud is not None and ending.exit_code == KILLED and job.attempts < TRIES:
        return State.QUEUED, "its driver was killed; the next one finds the rented machine by name"
    if stopped:
        return State.STOPPED, "stopped by hand"
    if ending.limit:
        return State.STOPPED, ending.limit
    if leaving:
        return State.QUEUED, "its engine was told to stop"
    if ending.exit_code == KILLED:
        if job.attempts < TRIES:
            return State.QUEUED, "its process was killed; it goes on from its last checkpoint"
        if job.task.cloud is not None:
            name = cloud_name(job.machine or "", job.id, job.name)
            return State.FAILED, f"its driver was killed; should it still run and cost: sky jobs cancel -n {name}"
        return State.FAILED, f"its process was killed {job.attempts} times; is the memory enough?"
    return State.FAILED, f"it ended with exit code {ending.exit_code}"


def _queue_again(engine: Engine, facts: dict[str, Any]) -> None:
    with psycopg.connect(engine.conninfo, autocommit=True) as connection, connection.transaction():
        row = connection.execute(AGAIN, facts).fetchone()
        if row:
            defer(connection, facts["job"], row[0])


def _hand_over(run: Path, places: Places) -> str:
    """Put a preset's run where the runs of this machine are, as if it had been trained without a job; why not, if not.

    It is copied, and gets its name when it is whole: an engine that is killed meanwhile leaves the output as it was.
    """
    to, part = places.runs / run.name, places.jobs / f"{run.name}.run"
    if not run.is_dir():
        return ""
    if to.exists():
        same = (to / FACTS).is_file() and (to / FACTS).read_bytes() == (run / FACTS).read_bytes()
        return "" if same else "its run is in its output only: there is another run of that name"
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(run, part)
    part.rename(to)
    return ""


def _remove(root: Path) -> None:
    """A job that has ended leaves nothing on the disk: what it has made is in the database."""
    shutil.rmtree(root, ignore_errors=True)
    root.with_name(f"{root.name}.lock").unlink(missing_ok=True)


def tidy(engine: Engine) -> None:
    """Remove the folders of jobs that have ended, which an engine that was killed has left behind."""
    with psycopg.connect(engine.conninfo, autocommit=True) as connection:
        rows = connection.execute("SELECT name FROM training_job WHERE state IN ('queued', 'running')")
        at_work = {name for (name,) in rows}
    for root in engine.places.jobs.iterdir():
        lock = root.with_name(f"{root.name}.lock")
        if root.is_dir() and root.name not in {"slots", *at_work} and not is_locked(lock):
            _remove(root)


async def _read(connection: psycopg.AsyncConnection[Any], job_id: int) -> Job | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM training_job WHERE id = %s", (job_id,))
        row = await cursor.fetchone()
        return as_job(row) if row else None


async def reap(engine: Engine) -> None:
    """Queue the jobs again whose engine is gone; one that was to be stopped has stopped."""
    await asyncio.to_thread(_reap, engine)


def _reap(engine: Engine) -> None:
    facts = {"mine": list(engine.at_work), "machine": engine.machine, "frozen": FROZEN}
    with (
        psycopg.Connection[dict[str, Any]].connect(
            engine.conninfo, autocommit=True, row_factory=dict_row
        ) as connection,
        connection.transaction(),
    ):
        for lost in connection.execute(LOST, facts).fetchall():
            if lost["machine"] == engine.machine and is_locked(engine.places.jobs / f"{lost['name']}.lock"):
                continue  # its process still saves
            connection.execute(FORGET_ENGINE_JOB, (lost["engine_job"],))
            ended = lost | {"exit_code": None, "state": State.STOPPED, "seconds": max(0.0, lost["seconds"] or 0)}
            if lost["stop_asked"] and not lost["rented"]:
                connection.execute(FINISH, ended | {"reason": "stopped by hand; its engine was gone"})
            elif row := connection.execute(
                AGAIN, ended | {"reason": "its engine was gone; it goes on from its last checkpoint"}
            ).fetchone():
                defer(connection, lost["job"], row["queue"])  # pyright: ignore[reportArgumentType]
                logger.warning("a job goes on whose engine is gone", extra={"job": lost["name"]})
