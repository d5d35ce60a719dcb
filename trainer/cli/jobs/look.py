"""Show jobs, their logs and their outputs: list, info, logs, output, open."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.console.measures import size_in_words, span_in_words
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import absolute, group, print_rows
from trainer.cli.jobs.options import Age, JobName, JobNames, States

if TYPE_CHECKING:
    from trainer.jobs.job_store import Connection
    from trainer.jobs.task import Job

commands = group()

SHOWN = 36  # characters of a job's command; `trainer job info` shows all
LISTED = 20  # files that `trainer job info` names
LOOK_EVERY = 0.3  # seconds between two looks at a log


@commands.add("list")
def list_them(jobs: JobNames = None, states: States = None, older_than: Age = None) -> None:
    """List jobs, oldest first, with their prices so far.

    Example: trainer job list --state running
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import ensure, opened_jobs, reasons_to_wait
    from trainer.jobs import client, job_store

    client.check_age(older_than)
    with opened_jobs() as (settings, connection):
        found = client.choose(connection, jobs or [], states or [], older_than)
        ensure(settings, found)
        occupied = job_store.kept_bytes(connection)
        waits = reasons_to_wait(connection, found)
    if common().json:
        print_json([job.as_json() | {"bytes": occupied.get(job.id, 0), "waits": waits.get(job.id)} for job in found])
        return
    if not found:
        stdout().print("No such job." if jobs or states else f"No jobs yet: {job_store.RUN_FIRST}")
        return
    print_rows([_row(job, occupied.get(job.id, 0)) for job in found], less=("kept", "price", "where", "runs"))
    for job in found:
        if words := _state_in_words(job, waits):
            stdout().print(f"{job.name}: {words}", soft_wrap=True)


def _state_in_words(job: "Job", waits: Mapping[int, str]) -> str:
    """Why a job is in its state, and what it waits for."""
    return "; ".join(words for words in (job.why, waits.get(job.id, "")) if words)


def _row(job: "Job", kept: int) -> dict[str, str]:
    words = job.task.words
    return {
        "job": job.name,
        "runs": words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…",
        "where": job.place,
        "state": job.state,
        "time": span_in_words(job.seconds),
        "price": f"{job.price:.2f} {job.task.currency}" if job.task.price_per_hour else "-",
        "kept": size_in_words(kept),
    }


@commands.add("info")
def show(name: JobName = "last") -> None:
    """Show all facts about a job.

    Example: trainer job info last
    """
    from rich.table import Table

    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import ensure, opened_jobs, reasons_to_wait
    from trainer.jobs import client, job_store

    with opened_jobs() as (settings, connection):
        job = job_store.find_job(connection, name)
        ensure(settings, [job])
        files = client.list_output(connection, job)
        waits = reasons_to_wait(connection, [job])
    if common().json:
        listed = [{"path": path, "bytes": size} for path, size in files]
        print_json(job.as_json() | {"waits": waits.get(job.id), "files": listed})
        return
    console = stdout()
    table = Table("", "", box=None, show_header=False)
    for fact, value in _facts(job, _state_in_words(job, waits)):
        table.add_row(fact, value)
    console.print(table)
    for path, size in files[:LISTED]:
        console.print(f"  {size_in_words(size):>9}  {path}", soft_wrap=True)
    if len(files) > LISTED:
        console.print(f"  and {counted(len(files) - LISTED, 'more file')}: `trainer job output {job.name}`")


def _facts(job: "Job", why: str) -> Iterator[tuple[str, str]]:
    from collector.console.wording import in_japan

    yield "job", job.name
    yield "runs", job.task.words
    yield "state", f"{job.state}{f' ({why})' if why else ''}"
    yield "where", f"{job.place}{f', on {job.machine}' if job.machine else ''}"
    yield "device", f"{job.gpus} GPU{'s' if job.gpus > 1 else ''}" if job.gpus else "CPU"
    if job.data:
        yield "data", job.data
    if job.code:
        yield "code", job.code[:12]
    if job.task.environment:
        yield "environment", ", ".join(sorted(job.task.environment))
    yield "queued", in_japan(job.queued_at)
    yield "running", f"{span_in_words(job.seconds)}, {job.attempts} attempt{'s' if job.attempts != 1 else ''}"
    if job.task.price_per_hour:
        yield "price", f"{job.price:.2f} {job.task.currency} so far"
    if job.exit_code is not None:
        yield "exit code", str(job.exit_code)
    yield "printed", size_in_words(job.log_bytes)


@commands.add("logs")
def print_logs(
    name: JobName = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow until the job has ended.")] = False,
) -> None:
    """Print a job's log.

    Example: trainer job logs -f last
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr
    from trainer.cli.jobs.opened import ensure, opened_jobs, say_waits
    from trainer.jobs import job_store

    with opened_jobs() as (settings, connection):
        job = job_store.find_job(connection, name)
        ensure(settings, [job])
        if common().json:
            text = b"".join(piece for _, piece in job_store.read_log(connection, job)).decode(errors="replace")
            print_json({"job": job.name, "state": job.state, "log": text})
            return
        if follow and not job.state.ended:
            stderr().print("Ctrl-C ends the watching, not the job.")

        def tend(now: "Job", said: str) -> str:
            ensure(settings, [now])
            return say_waits(connection, [now], said)

        _print_log(connection, job, follow=follow, tend=tend)


def _print_log(connection: "Connection", job: "Job", *, follow: bool, tend: "Callable[[Job, str], str]") -> None:
    """Print a log byte for byte, but to a terminal without control sequences. With `follow`, `tend` is called until the
    job has ended.
    """
    from collector.console.terminal import Output, stderr
    from trainer.jobs import job_store

    written, waited = 0, ""
    shown, on_terminal = Output(), sys.stdout.isatty()
    while True:
        # The state is read first: if the job has ended, its log is complete.
        now = job_store.read_job(connection, job.id)
        for start, piece in job_store.read_log(connection, job, written):
            if start > written:
                stderr().print(f"[{size_in_words(start - written)} of a very long log are not kept]")
            if on_terminal:
                sys.stdout.write(shown.take(piece))
            else:
                sys.stdout.buffer.write(piece)
            written = start + len(piece)
        sys.stdout.flush()
        if not follow or now is None or now.state.ended:
            if follow and now is not None:
                stderr().print(f"{now.name}: {now.state}{f' ({now.why})' if now.why else ''}")
            return
        waited = tend(now, waited)
        time.sleep(LOOK_EVERY)


@commands.add("output")
def bring_output(
    name: JobName = "last",
    get: Annotated[bool, typer.Option("--get", help="Copy it here, into a folder named after the job.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy it into this folder.")] = None,
) -> None:
    """List a job's output, or copy it here.

    Example: trainer job output last --get
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import opened_jobs
    from trainer.jobs import client, job_store

    with opened_jobs() as (_, connection):
        job = job_store.find_job(connection, name)
        files = client.list_output(connection, job)
        folder = client.bring_output(connection, job, absolute(out or Path(job.name))) if get or out else None
    if common().json:
        listed = [{"path": path, "bytes": size} for path, size in files]
        print_json({"job": job.name, "files": listed, "folder": folder})
        return
    console = stdout()
    for path, size in files:
        console.print(f"{size_in_words(size):>9}  {path}", soft_wrap=True)
    if folder:
        console.print(f"Copied to {folder}", soft_wrap=True)
    elif files:
        console.print(f"Copy it here: `trainer job output {job.name} --get`")
    else:
        console.print(f"{job.name} has no output so far ({job.state}).")


@commands.add("open")
def open_page(name: JobName = "last") -> None:
    """Open the page that a job serves, such as a notebook's.

    Example: trainer job open last
    """
    import webbrowser

    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import ensure, opened_jobs, reasons_to_wait
    from trainer.jobs import job_store
    from trainer.jobs.task import State

    with opened_jobs() as (settings, connection):
        job = job_store.find_job(connection, name)
        ensure(settings, [job])
        why = reasons_to_wait(connection, [job]).get(job.id, "")
    if job.task.opens is None:
        raise UsageError(f"{job.name} serves no page; `trainer job output {job.name}` lists its output.")
    if job.state is not State.RUNNING:
        raise UsageError(f"{job.name} is {job.state}, so its page is not there{f': it {why}' if why else ''}.")
    if common().json:
        print_json({"job": job.name, "url": job.task.opens})
        return
    stdout().print(job.task.opens, soft_wrap=True)
    if sys.stdout.isatty():
        webbrowser.open(job.task.opens)
