"""What the commands that look at jobs do: open the book, call one function, print one result."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from collector.console import as_typed, in_japan
from collector.terminal import Output
from trainer.command_base import absolute, places, print_json, print_rows, size_in_words, stderr, stdout
from trainer.config import make_config
from trainer.dataset.manifest import find_version
from trainer.job_commands import ensure, opened_book, reasons_to_wait, say_waits
from trainer.jobs import book, client
from trainer.jobs.book import Connection
from trainer.jobs.cloud_offer import priced
from trainer.jobs.price import Estimate, estimate
from trainer.jobs.profiles import read_profiles
from trainer.jobs.task import Job, State

SHOWN = 36  # characters of what a job runs; `trainer job info` tells all
LOOK_EVERY = 0.3  # seconds between two looks at what is followed


def list_jobs(
    words: Sequence[str], states: Sequence[State], older_than: str | None, *, as_json: bool, demo: bool
) -> None:
    """`trainer job list`."""
    with opened_book(demo=demo) as (settings, connection):
        jobs = client.choose(connection, words, states, older_than)
        ensure(settings, jobs, demo=demo)
        occupied = book.kept_bytes(connection)
        waits = reasons_to_wait(connection, jobs)
    if as_json:
        print_json([job.as_json() | {"bytes": occupied.get(job.id, 0), "waits": waits.get(job.id)} for job in jobs])
        return
    if not jobs:
        told = "There is no such job." if words or states else f"There is no job yet: {book.RUN_FIRST}"
        stdout().print(as_typed(told, demo=demo))
        return
    print_rows([_row(job, occupied.get(job.id, 0)) for job in jobs], less=("kept", "price", "where", "runs"))
    for job in jobs:
        if told := _state_in_words(job, waits):
            stdout().print(as_typed(f"{job.name}: {told}", demo=demo), soft_wrap=True)


def _state_in_words(job: Job, waits: Mapping[int, str]) -> str:
    """Why a job is in its state, and for what it waits."""
    return "; ".join(words for words in (job.reason, waits.get(job.id, "")) if words)


def _row(job: Job, kept: int) -> dict[str, str]:
    words = job.task.words
    return {
        "job": job.name,
        "runs": words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…",
        "where": job.place,
        "state": job.state,
        "time": _duration(job.seconds),
        "price": f"{job.price:.2f} {job.task.currency}" if job.task.price_per_hour else "-",
        "kept": size_in_words(kept),
    }


def _duration(seconds: float) -> str:
    hours, left = divmod(round(seconds), 3600)
    return f"{hours}:{left // 60:02}:{left % 60:02}" if hours else f"{left // 60}:{left % 60:02}"


def info(word: str, *, as_json: bool, demo: bool) -> None:
    """`trainer job info`."""
    with opened_book(demo=demo) as (settings, connection):
        job = book.find_job(connection, word)
        ensure(settings, [job], demo=demo)
        files = client.list_output(connection, job)
        waits = reasons_to_wait(connection, [job])
    if as_json:
        listed = [{"path": path, "bytes": size} for path, size in files]
        print_json(job.as_json() | {"waits": waits.get(job.id), "files": listed})
        return
    console = stdout()
    table = Table("", "", box=None, show_header=False)
    for name, value in _facts(job, _state_in_words(job, waits)):
        table.add_row(name, value)
    console.print(table)
    for path, size in files[:20]:
        console.print(f"  {size_in_words(size):>9}  {path}", soft_wrap=True)
    if len(files) > 20:
        console.print(as_typed(f"  and {len(files) - 20} files more: `trainer job output {job.name}`", demo=demo))


def _facts(job: Job, why: str) -> Iterator[tuple[str, str]]:
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
    yield "running", f"{_duration(job.seconds)}, {job.attempts} attempt{'s' if job.attempts != 1 else ''}"
    if job.task.price_per_hour:
        yield "price", f"{job.price:.2f} {job.task.currency} so far"
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

        def tend(now: Job, said: str) -> str:
            ensure(settings, [now], demo=demo)
            return say_waits(connection, [now], said, demo=demo)

        _print_log(connection, job, follow=follow, tend=tend)


def _print_log(connection: Connection, job: Job, *, follow: bool, tend: Callable[[Job, str], str]) -> None:
    """Write out what was printed, and what will be: byte for byte, but to a terminal nothing that acts on it; `tend`
    looks after what has not ended.
    """
    told, waited = 0, ""
    shown, on_terminal = Output(), sys.stdout.isatty()
    while True:
        # First its state: what it printed before it ended is there then.
        now = book.read_job(connection, job.id)
        for start, piece in book.read_log(connection, job, told):
            if start > told:
                stderr().print(f"[{size_in_words(start - told)} of a very long log are not kept]")
            if on_terminal:
                sys.stdout.write(shown.take(piece))
            else:
                sys.stdout.buffer.write(piece)
            told = start + len(piece)
        sys.stdout.flush()
        if not follow or now is None or now.state.ended:
            if follow and now is not None:
                stderr().print(f"{now.name}: {now.state}{f' ({now.reason})' if now.reason else ''}")
            return
        waited = tend(now, waited)
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
        console.print(as_typed(f"Bring it here: `trainer job output {job.name} --get`", demo=demo))
    else:
        console.print(f"{job.name} has brought nothing back so far ({job.state}).")


def price(preset: str, given: Sequence[str], data: str, *, as_json: bool, demo: bool) -> None:
    """`trainer job price`."""
    make_config(preset, given)
    home = places(demo=demo)
    photos = sum(find_version(home.datasets, data).manifest.photos.values())
    with opened_book(demo=demo) as (settings, connection):
        profiles = [priced(profile) for profile in read_profiles(settings.home).values()]
        found = estimate(profiles, book.list_jobs(connection), preset, given, photos)
    if as_json:
        print_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    _show_prices(found, " ".join((preset, *given)), photos, demo=demo)


def _show_prices(found: Sequence[Estimate], words: str, photos: int, *, demo: bool) -> None:
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
        told += " `trainer job run --where PLACE` with them runs one."
        console.print(as_typed(told, demo=demo), soft_wrap=True)
    if any(not one.hourly for one in found):
        console.print("What an hour costs is said in profiles.toml; see the README.")
