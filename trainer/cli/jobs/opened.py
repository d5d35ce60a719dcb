"""What the commands for jobs share: the database of the jobs, starting the engine, and why jobs wait."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from collector.console.common import common
from collector.console.terminal import stderr
from collector.settings import Settings
from collector.storage import database
from trainer.cli.base import read_settings
from trainer.jobs import engine, job_store
from trainer.jobs.job_store import Connection
from trainer.jobs.task import Job
from trainer.jobs.waiting import explain


@contextmanager
def opened_jobs() -> Iterator[tuple[Settings, Connection]]:
    """The settings of a command, and a connection to the jobs."""
    settings = read_settings()
    with (
        database.opened(settings.database_url, settings.home, engine=job_store.SCHEMA) as conninfo,
        job_store.opened(conninfo) as connection,
    ):
        yield settings, connection


def ensure(settings: Settings, jobs: Sequence[Job]) -> None:
    """Start this machine's engine if one of the jobs needs it: after a kill, the next command does so."""
    if any(not job.state.ended and job.bound for job in jobs):
        engine.ensure(settings.home, lambda words: stderr().print(words, soft_wrap=True), demo=common().demo)


def reasons_to_wait(connection: Connection, jobs: Sequence[Job]) -> dict[int, str]:
    """What each waiting job waits for, by the job's id."""
    unended, machines = job_store.list_unended(connection)
    now = job_store.now(connection)
    found = {job.id: explain(job, unended, machines, now) for job in jobs if not job.state.ended}
    return {job_id: words for job_id, words in found.items() if words}


def say_waits(connection: Connection, jobs: Sequence[Job], said: str = "", *, console: Console | None = None) -> str:
    """Print on stderr what the jobs wait for, if it is not what was `said` last; what is said now."""
    waits = reasons_to_wait(connection, jobs)
    lines = [f"{job.name} {waits[job.id]}." for job in jobs if job.id in waits]
    more = f" {len(lines) - 1} more wait, too." if len(lines) > 1 else ""
    words = f"{lines[0]}{more}" if lines else ""
    if words and words != said:
        (console or stderr()).print(words, soft_wrap=True)
    return words
