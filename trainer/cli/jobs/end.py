"""End, continue and remove jobs: stop, resume, delete, prune."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.command_line import Yes
from collector.console.common import common
from collector.console.measures import size_in_words
from collector.console.visible import on_one_line
from collector.errors import UsageError
from trainer.cli.base import group
from trainer.cli.jobs.options import Age, All, JobNames, States

if TYPE_CHECKING:
    from trainer.jobs.job_store import Connection
    from trainer.jobs.task import Job, State

commands = group()

LOOK_EVERY = 0.3  # seconds between two looks at the jobs
STOP_WITHIN = 90.0  # seconds
SAY_AFTER = 2.0  # seconds


@commands.add("stop")
def stop(jobs: JobNames = None, states: States = None, everything: All = False) -> None:
    """Stop jobs: each has a minute to save a checkpoint.

    `trainer job resume` continues from it.

    Example: trainer job stop last
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import ensure, opened_jobs
    from trainer.jobs import client, job_store

    _check_named(jobs, states, None, everything=everything)
    with opened_jobs() as (settings, connection):
        chosen = client.choose(connection, jobs or [], states or [], None)
        asked = [job for job in chosen if job_store.stop(connection, job) is not None]
        ensure(settings, asked)
        _wait_for_end(connection, asked)
        now = [job_store.read_job(connection, job.id) or job for job in chosen]
    if common().json:
        print_json([{"job": job.name, "state": job.state, "reason": job.why, "reason_code": job.reason} for job in now])
        return
    for job in now:
        stdout().print(f"{job.name}: {job.state}{f' ({job.why})' if job.why else ''}")


def _wait_for_end(connection: "Connection", jobs: "Sequence[Job]") -> None:
    """Wait until jobs that were asked to stop have saved and ended; silent ones are ended here."""
    from collector.console.terminal import stderr
    from trainer.jobs import job_store
    from trainer.jobs.hold import Pulse

    began, pulse, said = time.monotonic(), Pulse(LOOK_EVERY), False
    while time.monotonic() - began < STOP_WITHIN:
        left = [job for job in (job_store.read_job(connection, job.id) for job in jobs) if job and not job.state.ended]
        if not left:
            return
        if not said and time.monotonic() - began > SAY_AFTER:
            stderr().print(f"{job_store.names_of(left)}: up to a minute to save a checkpoint.", soft_wrap=True)
            said = True
        job_store.stop_silent(connection, pulse)
        time.sleep(LOOK_EVERY)


@commands.add("resume")
def resume(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB", help="Jobs that were stopped or have failed.")],
) -> None:
    """Queue jobs again.

    They continue from the output that they have brought back.

    Example: trainer job resume finetune-1
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import ensure, opened_jobs
    from trainer.jobs import client, job_store

    with opened_jobs() as (settings, connection):
        chosen = client.choose(connection, jobs, [], None)
        for job in chosen:
            client.check_still_fits(connection, job, settings.home)
            job_store.resume(connection, job)
        now = [job_store.read_job(connection, job.id) or job for job in chosen]
        ensure(settings, now)
    if common().json:
        print_json([{"job": job.name, "state": job.state} for job in now])
        return
    for job in now:
        stdout().print(f"{job.name} is queued again. Watch it: `trainer job logs -f {job.name}`", soft_wrap=True)


@commands.add("delete")
def delete(
    jobs: JobNames = None, states: States = None, older_than: Age = None, everything: All = False, yes: Yes = False
) -> None:
    """Remove ended jobs and free their space.

    Their logs and outputs are removed with them.

    Example: trainer job delete --state failed --older-than 7d
    """
    from trainer.cli.jobs.opened import opened_jobs
    from trainer.jobs import client

    _check_named(jobs, states, older_than, everything=everything)
    with opened_jobs() as (_, connection):
        chosen = client.choose(connection, jobs or [], states or [], older_than)
        if not jobs:  # a state, an age and --all select ended jobs only
            chosen = [job for job in chosen if job.state.ended]
        _remove(connection, chosen, yes=yes)


@commands.add("prune")
def prune(yes: Yes = False) -> None:
    """Show which ended jobs could be removed, and the space that frees.

    With --yes they are removed.

    Example: trainer job prune
    """
    from collector.console.as_json import print_json
    from trainer.cli.jobs.opened import opened_jobs
    from trainer.jobs import job_store

    with opened_jobs() as (_, connection):
        ended = [job for job in job_store.list_jobs(connection) if job.state.ended]
        occupied = job_store.kept_bytes(connection)
        if yes:
            _remove(connection, ended, yes=True)
            return
        freed = sum(occupied.get(job.id, 0) for job in ended)
        if common().json:
            print_json({"jobs": [job.name for job in ended], "bytes": freed, "pruned": False})
        else:
            _show_prunable(ended, occupied, freed)


def _show_prunable(ended: "Sequence[Job]", occupied: dict[int, int], freed: int) -> None:
    from rich.table import Column, Table

    from collector.console.terminal import stdout
    from collector.console.wording import in_japan

    console = stdout()
    if not ended:
        console.print("Nothing to remove: no job has ended.")
        return
    table = Table(Column("job", no_wrap=True), "state", "ended", "kept", box=None)
    for job in ended:
        kept = size_in_words(occupied.get(job.id, 0))
        table.add_row(job.name, job.state, in_japan(job.ended_at, seconds=False), kept)
    console.print(table)
    console.print(f"This would free {size_in_words(freed)}: `trainer job prune --yes` removes them.")


def _remove(connection: "Connection", jobs: "Sequence[Job]", *, yes: bool) -> None:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.jobs import job_store

    if jobs and not yes:
        typer.confirm(
            f"Remove {on_one_line(job_store.names_of(jobs))}, with what they printed and brought back?", abort=True
        )
    freed = sum(job_store.delete(connection, job) for job in jobs)
    if common().json:
        print_json({"deleted": [job.name for job in jobs], "bytes": freed})
        return
    words = f"{job_store.names_of(jobs)}: removed; {size_in_words(freed)} freed." if jobs else None
    stdout().print(words or "No such job.", soft_wrap=True)


def _check_named(
    jobs: Sequence[str] | None, states: "Sequence[State] | None", older_than: str | None, *, everything: bool
) -> None:
    """Refuse a command that does not select jobs, before anything is looked up."""
    from trainer.jobs.client import check_age

    if not (jobs or states or older_than or everything):
        raise UsageError("Name the jobs, or say which: --state, --older-than or --all.")
    check_age(older_than)
