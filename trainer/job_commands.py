"""What the commands about jobs do: open the book, call one function, print one result."""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Column, Table

from collector import database
from collector.console import as_typed, in_japan
from collector.errors import UsageError
from collector.settings import Settings
from collector.terminal import EventFormatter
from collector.visible import visible
from trainer.command_base import places, print_json, read_settings, size_in_words, stderr, stdout
from trainer.config import make_config
from trainer.dataset.manifest import Version, find_version, list_versions
from trainer.job_plan import show_plan
from trainer.jobs import book, client, engine
from trainer.jobs.book import Connection
from trainer.jobs.client import Order
from trainer.jobs.cloud_offer import priced
from trainer.jobs.hold import Pulse
from trainer.jobs.notebook import make_notebook
from trainer.jobs.profiles import Profile, find_profile
from trainer.jobs.task import LOCAL, Job, State, Task, check_name, read_environment
from trainer.jobs.waiting import explain
from trainer.jobs.words import check_words
from trainer.places import Places

LOOK_EVERY = 0.3  # seconds between two looks at what is followed
STOP_WITHIN = 90.0  # seconds
SAY_AFTER = 2.0  # seconds


@contextmanager
def opened_book(*, demo: bool) -> Iterator[tuple[Settings, Connection]]:
    """The settings of a command, and a connection to the book of jobs."""
    settings = read_settings(demo=demo)
    with (
        database.opened(settings.database_url, settings.home, engine=book.SCHEMA) as conninfo,
        book.opened(conninfo) as connection,
    ):
        yield settings, connection


def ensure(settings: Settings, jobs: Sequence[Job], *, demo: bool) -> None:
    """Jobs of this machine that have not ended need an engine; one that was killed is started again by any command."""
    if any(not job.state.ended and job.at_home for job in jobs):
        engine.ensure(settings.home, lambda words: stderr().print(words, soft_wrap=True), demo=demo)


def reasons_to_wait(connection: Connection, jobs: Sequence[Job]) -> dict[int, str]:
    """For what each of these jobs waits, of those that wait."""
    unended, machines = book.list_unended(connection)
    now = book.now(connection)
    found = {job.id: explain(job, unended, machines, now) for job in jobs if not job.state.ended}
    return {job_id: words for job_id, words in found.items() if words}


def say_waits(
    connection: Connection, jobs: Sequence[Job], said: str = "", *, demo: bool, console: Console | None = None
) -> str:
    """Say on stderr for what jobs wait that somebody watches, where that has changed since; what was said now."""
    waits = reasons_to_wait(connection, jobs)
    lines = [f"{job.name} {waits[job.id]}." for job in jobs if job.id in waits]
    more = f" {len(lines) - 1} more wait, too." if len(lines) > 1 else ""
    words = f"{lines[0]}{more}" if lines else ""
    if words and words != said:
        (console or stderr()).print(as_typed(words, demo=demo), soft_wrap=True)
    return words


def run(
    command: Sequence[str],
    *,
    preset: str | None,
    given: Sequence[str],
    gpus: int,
    environment: Sequence[str],
    data: str,
    name: str | None,
    where: str,
    max_hours: float | None,
    max_price: float | None,
    dry_run: bool,
    as_json: bool,
    demo: bool,
) -> None:
    """`trainer job run`."""
    _check_words(command, preset, given)
    home = places(demo=demo)
    task = Task(
        command=tuple(command), preset=preset or "", settings=tuple(given),
        environment=read_environment(list(environment)),
        max_seconds=None if max_hours is None else max_hours * 3600, max_price=max_price,
    )  # fmt: skip
    name = check_name(name) if name else None
    profile = priced(find_profile(home.home, where), gpus)
    if max_price is not None and not profile.hourly:
        raise UsageError(f"--max-price: what {where} costs is not known; give it price_per_hour in profiles.toml.")
    with opened_book(demo=demo) as (settings, connection):
        client.check_gpus(connection, gpus, profile.kind)
        order = Order(task, name, gpus, _version(home, data, needed=bool(preset)), Path.cwd())
        if dry_run:
            show_plan(connection, order, profile, home, as_json=as_json)
            return
        _submit(connection, settings, order, profile, as_json=as_json, demo=demo)


def _check_words(command: Sequence[str], preset: str | None, given: Sequence[str]) -> None:
    """A mistake in the words is told before anything is looked at."""
    if bool(command) == bool(preset):
        raise UsageError("Name what to run: --preset, or a command behind --.")
    if command and given:
        raise UsageError("--set belongs to --preset; a command takes its own options behind --.")
    if preset:
        make_config(preset, given)
    else:
        check_words(command)


def _version(home: Places, data: str, *, needed: bool) -> Version | None:
    """The data set version that a job is given; none where a command names none and there is none."""
    return find_version(home.datasets, data) if needed or data != "last" or _has_versions(home) else None


def _has_versions(home: Places) -> bool:
    """Whether there is any data set version that a command's job could want."""
    return bool(list_versions(home.datasets))


def _submit(
    connection: Connection,
    settings: Settings,
    order: Order,
    profile: Profile,
    *,
    as_json: bool,
    demo: bool,
    stem: str | None = None,
) -> Job:
    shared = settings.database_url is not None
    job, sent = client.submit(connection, order, profile, settings.home, shared=shared, stem=stem)
    ensure(settings, [job], demo=demo)
    if as_json:
        print_json(job.as_json() | {"sent": sent})
        return job
    told = f"{size_in_words(sent)} sent" if sent else "nothing had to be sent"
    words = f"{job.name} is queued ({told}). Watch it: `trainer job logs -f {job.name}`"
    stdout().print(as_typed(words, demo=demo), soft_wrap=True)
    say_waits(connection, [job], demo=demo)
    return job


def notebook(
    *,
    gpus: int,
    idle: float,
    environment: Sequence[str],
    data: str,
    name: str | None,
    max_hours: float | None,
    as_json: bool,
    demo: bool,
) -> None:
    """`trainer job notebook`."""
    home = places(demo=demo)
    name = check_name(name) if name else None
    task = make_notebook(idle, read_environment(list(environment)), None if max_hours is None else max_hours * 3600)
    profile = find_profile(home.home, LOCAL)
    with opened_book(demo=demo) as (settings, connection):
        client.check_gpus(connection, gpus, profile.kind)
        order = Order(task, name, gpus, _version(home, data, needed=False), Path.cwd())
        job = _submit(connection, settings, order, profile, as_json=as_json, demo=demo, stem="notebook")
    if not as_json:
        words = f"Open it: `trainer job open {job.name}`. It ends {idle:g} minutes after its last use."
        stdout().print(as_typed(words, demo=demo), soft_wrap=True)


def open_page(word: str, *, as_json: bool, demo: bool) -> None:
    """`trainer job open`."""
    import webbrowser

    with opened_book(demo=demo) as (settings, connection):
        job = book.find_job(connection, word)
        ensure(settings, [job], demo=demo)
        why = reasons_to_wait(connection, [job]).get(job.id, "")
    if job.task.opens is None:
        raise UsageError(f"{job.name} serves no page; `trainer job output {job.name}` lists what it has made.")
    if job.state is not State.RUNNING:
        raise UsageError(f"{job.name} is {job.state}, so its page is not there{f': it {why}' if why else ''}.")
    if as_json:
        print_json({"job": job.name, "url": job.task.opens})
        return
    stdout().print(job.task.opens, soft_wrap=True)
    if sys.stdout.isatty():
        webbrowser.open(job.task.opens)


# --- ending -------------------------------------------------------------------------------------------------


def stop(words: Sequence[str], states: Sequence[State], *, everything: bool, as_json: bool, demo: bool) -> None:
    """`trainer job stop`."""
    with opened_book(demo=demo) as (settings, connection):
        chosen = _chosen(connection, words, states, None, everything=everything)
        asked = [job for job in chosen if book.stop(connection, job) is not None]
        ensure(settings, asked, demo=demo)
        _wait_for_end(connection, asked)
        now = [book.read_job(connection, job.id) or job for job in chosen]
    if as_json:
        print_json([{"job": job.name, "state": job.state, "reason": job.reason} for job in now])
        return
    for job in now:
        stdout().print(f"{job.name}: {job.state}{f' ({job.reason})' if job.reason else ''}")


def _wait_for_end(connection: Connection, jobs: Sequence[Job]) -> None:
    """Wait until jobs that were told to stop have saved what they have; of one that is not heard of that is the end."""
    began, pulse, said = time.monotonic(), Pulse(LOOK_EVERY), False
    while time.monotonic() - began < STOP_WITHIN:
        left = [job for job in (book.read_job(connection, job.id) for job in jobs) if job and not job.state.ended]
        if not left:
            return
        if not said and time.monotonic() - began > SAY_AFTER:
            stderr().print(f"{book.names_of(left)}: up to a minute to save what there is.", soft_wrap=True)
            said = True
        book.stop_silent(connection, pulse)
        time.sleep(LOOK_EVERY)


def resume(words: Sequence[str], *, as_json: bool, demo: bool) -> None:
    """`trainer job resume`."""
    with opened_book(demo=demo) as (settings, connection):
        chosen = client.choose(connection, words, [], None)
        for job in chosen:
            client.check_still_fits(connection, job, settings.home)
            book.resume(connection, job)
        now = [book.read_job(connection, job.id) or job for job in chosen]
        ensure(settings, now, demo=demo)
    if as_json:
        print_json([{"job": job.name, "state": job.state} for job in now])
        return
    for job in now:
        words = f"{job.name} is queued again. Watch it: `trainer job logs -f {job.name}`"
        stdout().print(as_typed(words, demo=demo), soft_wrap=True)


def delete(
    words: Sequence[str],
    states: Sequence[State],
    older_than: str | None,
    *,
    everything: bool,
    yes: bool,
    as_json: bool,
    demo: bool,
) -> None:
    """`trainer job delete`."""
    with opened_book(demo=demo) as (_, connection):
        chosen = _chosen(connection, words, states, older_than, everything=everything)
        if not words:  # what has not ended is not meant by a state, an age or all
            chosen = [job for job in chosen if job.state.ended]
        _remove(connection, chosen, yes=yes, as_json=as_json)


def prune(*, yes: bool, as_json: bool, demo: bool) -> None:
    """`trainer job prune`."""
    with opened_book(demo=demo) as (_, connection):
        ended = [job for job in book.list_jobs(connection) if job.state.ended]
        occupied = book.kept_bytes(connection)
        if not yes:
            freed = sum(occupied.get(job.id, 0) for job in ended)
            if as_json:
                print_json({"jobs": [job.name for job in ended], "bytes": freed, "pruned": False})
                return
            _show_prunable(stdout(), ended, occupied, freed, demo=demo)
            return
        _remove(connection, ended, yes=True, as_json=as_json)


def _show_prunable(console: Console, ended: Sequence[Job], occupied: dict[int, int], freed: int, *, demo: bool) -> None:
    if not ended:
        console.print("Nothing to remove: no job has ended.")
        return
    table = Table(Column("job", no_wrap=True), "state", "ended", "kept", box=None)
    for job in ended:
        table.add_row(
            job.name, job.state, in_japan(job.ended_at, seconds=False), size_in_words(occupied.get(job.id, 0))
        )
    console.print(table)
    words = f"This would free {size_in_words(freed)}: `trainer job prune --yes` removes them."
    console.print(as_typed(words, demo=demo))


def _remove(connection: Connection, jobs: Sequence[Job], *, yes: bool, as_json: bool) -> None:
    if jobs and not yes:
        typer.confirm(f"Remove {visible(book.names_of(jobs))}, with what they printed and brought back?", abort=True)
    freed = sum(book.delete(connection, job) for job in jobs)
    if as_json:
        print_json({"deleted": [job.name for job in jobs], "bytes": freed})
        return
    told = (
        f"{book.names_of(jobs)}: removed; {size_in_words(freed)} are free again." if jobs else "There is no such job."
    )
    stdout().print(told, soft_wrap=True)


def _chosen(
    connection: Connection, words: Sequence[str], states: Sequence[State], older_than: str | None, *, everything: bool
) -> list[Job]:
    if not (words or states or older_than or everything):
        raise UsageError("Name the jobs, or say which: --state, --older-than or --all.")
    return client.choose(connection, words, states, older_than)


def worker(*, until_idle: bool, demo: bool) -> None:
    """`trainer worker`."""
    settings = read_settings(demo=demo)
    _log_to_stderr()
    with database.opened(settings.database_url, settings.home, engine=book.SCHEMA) as conninfo:
        engine.main(conninfo, settings.home, fleet=not until_idle, until_idle=until_idle)


def _log_to_stderr() -> None:

    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("trainer").setLevel(logging.INFO)
