"""Attempts at a job without an engine: claimed, overtaken, and with output brought back."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.directories import Directories
from trainer.jobs import attempt, bundles, hold, job_store
from trainer.jobs.attempt import Attempt, Ending, send_beats
from trainer.jobs.command import environment_of
from trainer.jobs.database import Database
from trainer.jobs.folders import prepare
from trainer.jobs.job_store import Connection
from trainer.jobs.task import Job, Task


def queued(connection: Connection, script: str = "true", name: str = "a", place: str = "stable") -> Job:
    queue = "fleet:cpu" if place == "stable" else "x:cpu"
    task = Task(command=("sh", "-c", script))
    return job_store.queue(connection, name, task, place=place, queue=queue, gpus=0, code=None, data=None)


def claim(connection: Connection, job: Job) -> Job:
    connection.execute(
        "UPDATE training_job SET state = 'running', attempts = attempts + 1, beat = 0, machine = 'm' WHERE id = %s",
        (job.id,),
    )
    return read(connection, job)


def read(connection: Connection, job: Job) -> Job:
    now = job_store.read_job(connection, job.id)
    assert now is not None
    return now


def bring_back(connection: Connection, job: Job, folder: Path, content: str) -> None:
    """As an attempt on another machine does it."""
    folder.mkdir(exist_ok=True)
    (folder / "checkpoint").write_text(content)
    with connection.transaction():
        digest, _ = bundles.keep_folder(connection, "output", folder)
        facts = {"job": job.id, "attempt": job.attempts, "output": digest}
        assert connection.execute(hold.KEEP_OUTPUT, facts).fetchone()


def give_back(connection: Connection, _job: Job) -> None:
    connection.execute("UPDATE training_job SET state = 'queued'")


def end(connection: Connection, _job: Job) -> None:
    connection.execute("UPDATE training_job SET state = 'stopped'")


def end_and_resume(connection: Connection, job: Job) -> None:
    end(connection, job)
    job_store.resume(connection, job)


def end_and_delete(connection: Connection, job: Job) -> None:
    end(connection, job)
    job_store.delete(connection, job)


EVENTS: dict[str, Callable[[Connection, Job], Any]] = {
    "claimed by another": claim, "queued again": give_back, "stopped": end, "stopped, resumed": end_and_resume,
    "deleted": end_and_delete,
}  # fmt: skip


async def attempt_at(conninfo: str, root: Path, script: str) -> Attempt:
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection, script))
        folders = prepare(connection, job, Directories(root), root / "jobs" / job.name)
    return Attempt(job, folders, Database(job_store.conninfo_of_jobs(conninfo)))


async def run_it(one: Attempt, home: Path) -> Ending:
    holding = asyncio.create_task(send_beats(one))
    try:
        return await attempt.run(one, environment_of(one.job, one.folders, home, ()), ())
    finally:
        holding.cancel()
        await one.database.close()
