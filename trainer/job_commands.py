"""What the commands about jobs do: open the book, call one function, print one result."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Column, Table

from collector import database
from collector.errors import UsageError
from collector.settings import Settings
from trainer.command_base import absolute, places, print_json, read_settings, size_in_words, stderr, stdout
from trainer.config import make_config
from trainer.dataset.manifest import find_version, list_versions
from trainer.jobs import book, client, engine
from trainer.jobs.book import Connection
from trainer.jobs.client import Order
from trainer.jobs.notebook import make_notebook
from trainer.jobs.price import Estimate, estimate
from trainer.jobs.profiles import Profile, find_profile, read_profiles
from trainer.jobs.task import LOCAL, Job, State, Task, check_name, read_environment
from trainer.places import Places

LOOK_EVERY = 0.3  # seconds between two looks at what is followed
STOP_WITHIN = 90.0  # seconds


@contextmanager
def opened_book(*, demo: bool) -> Iterator[tuple[Settings, Connection]]:
    """The settings of a command, and a connection to the book of jobs."""
    settings = read_settings(demo=demo)
    with (
        database.opened(settings.database_url, settings.home) as conninfo,
        book.opened(conninfo) as connection,
    ):
        yield settings, connection


def ensure(settings: Settings, jobs: Sequence[Job], *, demo: bool) -> None:
    """Jobs of this machine that have not ended need an engine; one that was killed is started again by any command."""
    if any(not job.state.ended and job.place == LOCAL for job in jobs):
        engine.ensure(settings.home, demo=demo)


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
    as_json: bool,
    demo: bool,
) -> None:
    """`trainer job run`."""
    if bool(command) == bool(preset):
        raise UsageError("Name what to run: --preset, or a command behind --.")
    if command and given:
        raise UsageError("--set belongs to --preset; a command takes its own options behind --.")
    home = places(demo=demo)
    profile = find_profile(home.home, where)
    if preset:
        make_config(preset, given)  # a mistake is told now, and not by the job
    if max_price is not None and not profile.hourly:
        raise UsageError(f"--max-price: what {where} costs is not known; give it price_per_hour in profiles.toml.")
    task = Task(
        command=tuple(command), preset=preset or "", settings=tuple(given),
        environment=read_environment(list(environment)),
        max_seconds=None if max_hours is None else max_hours * 3600, max_price=max_price,
    )  # fmt: skip
    version = find_version(home.datasets, data) if preset or data != "last" or _has_versions(home) else None
    order = Order(task, check_name(name) if name else None, gpus, version, Path.cwd())
    with opened_book(demo=demo) as (settings, connection):
        _submit(connection, settings, order, profile, as_json=as_json, demo=demo)


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
        print_json(job.as_json(datetime.now(UTC)) | {"sent": sent})
        return job
    told = f"{size_in_words(sent)} sent" if sent else "nothing had to be sent"
    stdout().print(f"{job.name} is queued ({told}). Watch it: trainer job logs -f {job.name}", soft_wrap=True)
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
    task = make_notebook(idle, read_environment(list(environment)), None if max_hours is None else max_hours * 3600)
    version = find_version(home.datasets, data) if data != "last" or _has_versions(home) else None
    order = Order(task, check_name(name) if name else None, gpus, version, Path.cwd())
    with opened_book(demo=demo) as (settings, connection):
        job = _submit(
            connection, settings, order, find_profile(home.home, LOCAL), as_json=as_json, demo=demo, stem="notebook"
        )
    if not as_json:
        stdout().print(f"Open it: trainer job open {job.name}. It ends {idle:g} minutes after its last use.")


def open_page(word: str, *, as_json: bool, demo: bool) -> None:
    """`trainer job open`."""
    import webbrowser

    with opened_book(demo=demo) as (settings, connection):
        job = book.find_job(connection, word)
        ensure(settings, [job], demo=demo)
    if job.task.opens is None:
        raise UsageError(f"{job.name} serves no page; `trainer job output {job.name}` lists what it has made.")
    if job.state is not State.RUNNING:
        raise UsageError(f"{job.name} is {job.state}, so its page is not there.")
    if as_json:
        print_json({"job": job.name, "url": job.task.opens})
        return
    stdout().print(job.task.opens, soft_wrap=True, markup=False)
    if sys.stdout.isatty():
        webbrowser.open(job.task.opens)


# --- looking ------------------------------------------------------------------------------------------------


def list_jobs(
    words: Sequence[str], states: Sequence[State], older_than: str | None, *, as_json: bool, demo: bool
) -> None:
    """`trainer job list`."""
    with opened_book(demo=demo) as (settings, connection):
        jobs = client.choose(connection, words, states, older_than)
        ensure(settings, jobs, demo=demo)
        occupied = book.kept_bytes(connection)
    now = datetime.now(UTC)
    if as_json:
        print_json([job.as_json(now) | {"bytes": occupied.get(job.id, 0)} for job in jobs])
        return
    if not jobs:
        stdout().print("There is no such job." if words or states else f"There is no job yet: {book.RUN_FIRST}")
        return
    table = Table(Column("job", no_wrap=True), "runs", "where", "state", "time", "price", "kept", "", box=None)
    for job in jobs:
        price = f"{job.price(now):.2f} {job.task.currency}" if job.task.price_per_hour else "-"
        table.add_row(
            job.name, job.task.words, job.place, job.state, _duration(job.running_seconds(now)), price,
            size_in_words(occupied.get(job.id, 0)), job.reason,
        )  # fmt: skip
    stdout().print(table)


def _duration(seconds: float) -> str:
    hours, left = divmod(round(seconds), 3600)
    return f"{hours}:{left // 60:02}:{left % 60:02}" if hours else f"{left // 60}:{left % 60:02}"


def info(word: str, *, as_json: bool, demo: bool) -> None:
    """`trainer job info`."""
    with opened_book(demo=demo) as (settings, connection):
        job = book.find_job(connection, word)
        ensure(settings, [job], demo=demo)
        files = client.list_output(connection, job)
    now = datetime.now(UTC)
    facts = job.as_json(now)
    if as_json:
        print_json(facts | {"files": [{"path": path, "bytes": size} for path, size in files]})
        return
    console = stdout()
    table = Table("", "", box=None, show_header=False)
    for name, value in _facts(job, now):
        table.add_row(name, value)
    console.print(table)
    for path, size in files[:20]:
        console.print(f"  {size_in_words(size):>9}  {path}", soft_wrap=True)
    if len(files) > 20:
        console.print(f"  and {len(files) - 20} files more: trainer job output {job.name}")


def _facts(job: Job, now: datetime) -> Iterator[tuple[str, str]]:
    yield "job", job.name
    yield "runs", job.task.words
    yield "state", f"{job.state}{f' ({job.reason})' if job.reason else ''}"
    yield "where", f"{job.place}{f', on {job.machine}' if job.machine else ''}"
    yield "device", f"{job.gpus} GPU{'s' if job.gpus > 1 else ''}" if job.gpus else "CPU"
    if job.data:
        yield "data", job.data
    if job.code:
        yield "code", job.code[:12]
    if job.task.environment:
        yield "environment", ", ".join(sorted(job.task.environment))
    yield "queued", job.queued_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    yield "running", f"{_duration(job.running_seconds(now))}, {job.attempts} attempt{'s' if job.attempts != 1 else ''}"
    if job.task.price_per_hour:
        yield "price", f"{job.price(now):.2f} {job.task.currency} so far"
    if job.exit_code is not None:
        yield "exit code", str(job.exit_code)
    yield "printed", size_in_words(job.log_bytes)


def logs(word: str, *, follow: bool, as_json: bool, demo: bool) -> None:
    """`trainer job logs`."""
    with opened_book(demo=demo) as (settings, connection):
        job = book.find_job(connection, word)
        ensure(settings, [job], demo=demo)
        if as_json:
            text = b"".join(piece for _, piece in book.read_log(connection, job)).decode(errors="replace")
            print_json({"job": job.name, "state": job.state, "log": text})
            return
        if follow and not job.state.ended:
            stderr().print("Ctrl-C ends the watching, not the job.")
        _print_log(connection, job, follow=follow)


def _print_log(connection: Connection, job: Job, *, follow: bool) -> None:
    """Write out what was printed, byte for byte, and what will be."""
    told = 0
    waited = False
    while True:
        # First its state: what it printed before it ended is there then.
        now = book.read_job(connection, job.id)
        for start, piece in book.read_log(connection, job, told):
            if start > told:
                stderr().print(f"[{size_in_words(start - told)} of a very long log are not kept]", markup=False)
            sys.stdout.buffer.write(piece)
            told = start + len(piece)
        sys.stdout.flush()
        if not follow or now is None or now.state.ended:
            if follow and now is not None:
                stderr().print(f"{now.name}: {now.state}{f' ({now.reason})' if now.reason else ''}")
            return
        if now.state is State.QUEUED and not waited:
            stderr().print(f"{now.name} waits for its turn.")
            waited = True
        time.sleep(LOOK_EVERY)


def output(word: str, out: Path | None, *, get: bool, as_json: bool, demo: bool) -> None:
    """`trainer job output`."""
    with opened_book(demo=demo) as (_, connection):
        job = book.find_job(connection, word)
        files = client.list_output(connection, job)
        folder = client.bring_output(connection, job, absolute(out or Path(job.name))) if get or out else None
    if as_json:
        print_json(
            {"job": job.name, "files": [{"path": path, "bytes": size} for path, size in files], "folder": folder}
        )
        return
    console = stdout()
    for path, size in files:
        console.print(f"{size_in_words(size):>9}  {path}", soft_wrap=True)
    if folder:
        console.print(f"Brought to {folder}", soft_wrap=True)
    elif files:
        console.print(f"Bring it here: trainer job output {job.name} --get")
    else:
        console.print(f"{job.name} has brought nothing back so far ({job.state}).")


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
    deadline = time.monotonic() + STOP_WITHIN
    while time.monotonic() < deadline:
        now = [book.read_job(connection, job.id) for job in jobs]
        if all(job is None or job.state.ended for job in now):
            return
        time.sleep(LOOK_EVERY)


def resume(words: Sequence[str], *, as_json: bool, demo: bool) -> None:
    """`trainer job resume`."""
    with opened_book(demo=demo) as (settings, connection):
        chosen = client.choose(connection, words, [], None)
        for job in chosen:
            book.resume(connection, job)
        now = [book.read_job(connection, job.id) or job for job in chosen]
        ensure(settings, now, demo=demo)
    if as_json:
        print_json([{"job": job.name, "state": job.state} for job in now])
        return
    for job in now:
        stdout().print(f"{job.name} is queued again. Watch it: trainer job logs -f {job.name}")


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
            _show_prunable(stdout(), ended, occupied, freed)
            return
        _remove(connection, ended, yes=True, as_json=as_json)


def _show_prunable(console: Console, ended: Sequence[Job], occupied: dict[int, int], freed: int) -> None:
    if not ended:
        console.print("Nothing to remove: no job has ended.")
        return
    table = Table(Column("job", no_wrap=True), "state", "ended", "kept", box=None)
    for job in ended:
        at = job.ended_at.astimezone().strftime("%Y-%m-%d %H:%M") if job.ended_at else "-"
        table.add_row(job.name, job.state, at, size_in_words(occupied.get(job.id, 0)))
    console.print(table)
    console.print(f"This would free {size_in_words(freed)}: trainer job prune --yes removes them.")


def _remove(connection: Connection, jobs: Sequence[Job], *, yes: bool, as_json: bool) -> None:
    if jobs and not yes:
        typer.confirm(f"Remove {book.names_of(jobs)}, with what they printed and brought back?", abort=True)
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


def price(preset: str, given: Sequence[str], data: str, *, as_json: bool, demo: bool) -> None:
    """`trainer job price`."""
    make_config(preset, given)
    home = places(demo=demo)
    photos = sum(find_version(home.datasets, data).manifest.photos.values())
    with opened_book(demo=demo) as (settings, connection):
        found = estimate(read_profiles(settings.home).values(), book.list_jobs(connection), preset, given, photos)
    if as_json:
        print_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    _show_prices(found, " ".join((preset, *given)), photos)


def _show_prices(found: Sequence[Estimate], words: str, photos: int) -> None:
    console = stdout()
    console.print(f"{words} on {photos} photos")
    table = Table("place", "an hour", "photos/s", "takes", "costs", "own machine pays off after", box=None)
    for one in found:
        table.add_row(
            one.place,
            f"{one.hourly:.2f} {one.currency}" if one.hourly else "not known",
            f"{one.speed:.0f}" if one.speed else "not measured",
            _duration(one.seconds) if one.seconds is not None else "-",
            f"{one.price:.2f} {one.currency}" if one.price is not None else "-",
            f"{one.break_even:,.0f} h" if one.break_even is not None else "",
        )
    console.print(table)
    if any(one.speed is None for one in found):
        told = "Not measured: no job of this preset with these settings has ended there."
        console.print(f"{told} `trainer job run --where PLACE` with them runs one.", soft_wrap=True)
    if any(not one.hourly for one in found):
        console.print("What an hour costs is said in profiles.toml; see the README.")


def worker(*, until_idle: bool, demo: bool) -> None:
    """`trainer worker`."""
    settings = read_settings(demo=demo)
    _log_to_stderr()
    with database.opened(settings.database_url, settings.home) as conninfo:
        engine.main(conninfo, settings.home, fleet=not until_idle, until_idle=until_idle)


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("trainer").setLevel(logging.INFO)
