"""The training jobs in Postgres: their rows and their logs."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from collector.errors import UsageError
from trainer.jobs.bundles import NOT_IDLE, drop_unused
from trainer.jobs.hold import RENTED, REQUEUE_SILENT, RUNNING, Pulse
from trainer.jobs.reasons import Cause, Reason
from trainer.jobs.task import COLUMNS, Job, State, Task, read_task
from trainer.jobs.waiting import MACHINES, NOW, UNENDED, Machine

Connection = psycopg.Connection[Any]

UNANSWERED = 25_000  # milliseconds without an acknowledgement after which the connection counts as lost
SCHEMA = "training"
SEARCH_PATH = f"-c search_path={SCHEMA},public -c timezone=UTC"
RUN_FIRST = "`trainer job run` queues one."
KEPT_HEAD, KEPT_TAIL = 1 << 20, 63 << 20  # bytes that are kept of the beginning and the end of a log


def conninfo_of_jobs(conninfo: str) -> str:
    """The same database, with the schema of the jobs first on the search path."""
    return make_conninfo(conninfo, options=SEARCH_PATH, connect_timeout=10, tcp_user_timeout=UNANSWERED)


@contextmanager
def opened(conninfo: str) -> Iterator[Connection]:
    """A connection to the jobs; each statement is a transaction of its own."""
    with psycopg.connect(conninfo_of_jobs(conninfo), autocommit=True) as connection:
        yield connection


def as_job(row: dict[str, Any]) -> Job:
    """The job of a row."""
    return Job(**row | {"task": read_task(row["task"]), "state": State(row["state"])})


def list_jobs(connection: Connection) -> list[Job]:
    """All jobs, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [as_job(row) for row in cursor.execute(f"SELECT {COLUMNS} FROM training_job ORDER BY id")]


def list_unended(connection: Connection) -> tuple[list[Job], list[Machine]]:
    """The jobs that have not ended, and the machines on which an engine is or was at work."""
    with connection.cursor(row_factory=dict_row) as cursor:
        jobs = [as_job(row) for row in cursor.execute(f"SELECT {COLUMNS} FROM training_job WHERE {UNENDED}")]
        return jobs, [Machine(**row) for row in cursor.execute(MACHINES)]


def now(connection: Connection) -> datetime:
    """The time by the database's clock, not by this machine's."""
    row = connection.execute(NOW).fetchone()
    assert row is not None
    return row[0]


def read_job(connection: Connection, job_id: int) -> Job | None:
    """A job; None if it has been deleted."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(f"SELECT {COLUMNS} FROM training_job WHERE id = %s", (job_id,)).fetchone()
        return as_job(row) if row else None


def find_job(connection: Connection, word: str) -> Job:
    """The job that a person means: its name, the beginning of it, or `last`.

    Raises:
        UsageError: no job or several jobs match.
    """
    held = list_jobs(connection)
    if not held:
        raise UsageError(f"No jobs yet: {RUN_FIRST}")
    if word == "last":
        return held[-1]
    near = [job for job in held if job.name == word] or [job for job in held if job.name.startswith(word)]
    if len(near) == 1:
        return near[0]
    names = ", ".join(job.name for job in (near or held)[-5:])
    problem = "Several jobs begin with" if near else "No job is called"
    raise UsageError(f"{problem} {word!r}; {'they are' if near else 'the latest are'} {names}.")


# --- queueing ---------------------------------------------------------------------------------------------


def queue(
    connection: Connection,
    name: str | None,
    task: Task,
    *,
    place: str,
    queue: str,
    gpus: int,
    code: str | None,
    data: str | None,
    stem: str = "job",
    runs: Collection[str] = (),
) -> Job:
    """A new queued job. Its name is not one of `runs`, as its own run will be added to them.

    Raises:
        UsageError: a job or a run has that name already.
    """
    with connection.transaction():
        connection.execute(NOT_IDLE)  # if it freezes here, the attempts can still write their beats
        connection.execute("LOCK TABLE training_job IN SHARE ROW EXCLUSIVE MODE")
        taken = {row[0] for row in connection.execute("SELECT name FROM training_job")}
        free = (f"{stem}-{n}" for n in range(1, 10**9) if not {f"{stem}-{n}"} & {*taken, *runs})
        chosen = name or next(free)
        if chosen in taken:
            raise UsageError(f"There is a job {chosen} already; give another --name, or `trainer job resume {chosen}`.")
        if chosen in runs:
            raise UsageError(f"There is a run {chosen} already, and the job would make another; give another --name.")
        row = connection.execute(
            "INSERT INTO training_job (name, task, place, queue, gpus, code, data) VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " RETURNING id",
            (chosen, Jsonb(task.as_json()), place, queue, gpus, code, data),
        ).fetchone()
    assert row is not None
    job = read_job(connection, row[0])
    assert job is not None
    return job


def resume(connection: Connection, job: Job) -> None:
    """Queue a job again that was stopped or has failed; it continues from its last output.

    Raises:
        UsageError: it has not ended, or it is done.
    """
    changed = connection.execute(
        "UPDATE training_job SET state = 'queued', reason = '', reason_detail = '{}', stop_asked = false,"
        " ended_at = NULL, exit_code = NULL, kills = 0, queued_at = now()"
        " WHERE id = %s AND state IN ('stopped', 'failed') RETURNING id",
        (job.id,),
    ).fetchone()
    if not changed:
        raise UsageError(f"{job.name} is {job.state}: only what was stopped or has failed can be resumed.")


# A running job learns of it at its next beat.
STOPPED: LiteralString = f"""
UPDATE training_job SET stop_asked = true,
    state = CASE WHEN state = 'queued' AND NOT {RENTED} THEN 'stopped' ELSE state END,
    reason = CASE WHEN state = 'queued' AND NOT {RENTED} THEN 'stopped_early' ELSE reason END,
    reason_detail = CASE WHEN state = 'queued' AND NOT {RENTED} THEN '{{}}' ELSE reason_detail END,
    ended_at = CASE WHEN state = 'queued' AND NOT {RENTED} THEN now() ELSE ended_at END
WHERE id = %s AND state IN ('queued', 'running') RETURNING state
"""


def stop(connection: Connection, job: Job) -> State | None:
    """Ask for a job to be stopped; its state then (running: it is saving), None if it had ended."""
    row = connection.execute(STOPPED, (job.id,)).fetchone()
    return State(row[0]) if row else None


def stop_silent(connection: Connection, pulse: Pulse) -> None:
    """Stop the jobs that were asked to stop and whose attempts are silent: no engine will do it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(RUNNING, {"mine": [], "machine": None}).fetchall()
    for row in pulse.silent(rows):
        connection.execute(REQUEUE_SILENT, row | Reason(Cause.ENGINE_GONE_STOPPING).as_parameters)


def delete(connection: Connection, job: Job) -> int:
    """Remove an ended job with its log and its output; the number of bytes freed.

    Raises:
        UsageError: it has not ended.
    """
    with connection.transaction():
        gone = connection.execute(
            "DELETE FROM training_job WHERE id = %s AND state NOT IN ('queued', 'running') RETURNING log_bytes",
            (job.id,),
        ).fetchone()
        if not gone:
            raise UsageError(f"{job.name} is {job.state}: `trainer job stop {job.name}` first.")
        return gone[0] + drop_unused(connection)


# --- what is printed --------------------------------------------------------------------------------------

FORGET_MIDDLE = "DELETE FROM training_log WHERE job_id = %(job)s AND start > %(head)s AND start < %(tail)s"


def read_log(connection: Connection, job: Job, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """What a job has printed from byte `start` on, in pieces: the offset and the bytes of each.

    The middle of a very long log is not kept; there the offsets have a gap.
    """
    with connection.transaction(), connection.cursor(f"log_{job.id}", binary=True) as cursor:
        cursor.itersize = 64
        statement = "SELECT start, content FROM training_log WHERE job_id = %s AND start >= %s ORDER BY start"
        yield from cursor.execute(statement, (job.id, start))


def kept_bytes(connection: Connection) -> dict[int, int]:
    """The bytes of each job's log and output, by the job's id."""
    statement = """
    SELECT job.id, COALESCE((SELECT sum(length(content)) FROM training_log WHERE job_id = job.id), 0)
        + COALESCE((SELECT size FROM bundle WHERE digest = job.output), 0)
    FROM training_job job
    """
    return {job_id: int(size) for job_id, size in connection.execute(statement)}


def names_of(jobs: Sequence[Job]) -> str:
    """The names of jobs, separated by commas."""
    return ", ".join(job.name for job in jobs)
