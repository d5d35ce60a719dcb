"""Queue jobs, and estimate their price: run, notebook, price."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.console.measures import size_in_words, span_in_words
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import Data, Gpus, Place, Values, directories, group, read_settings
from trainer.cli.jobs.options import Environment, MaxHours, Name

if TYPE_CHECKING:
    from collector.settings import Settings
    from trainer.dataset.manifest import Version
    from trainer.directories import Directories
    from trainer.jobs.client import Order
    from trainer.jobs.job_store import Connection
    from trainer.jobs.price import Estimate
    from trainer.jobs.profiles import Profile
    from trainer.jobs.task import Job, Task

commands = group()

Preset = Annotated[
    str | None, typer.Option(metavar="NAME", help="A preset of `trainer train`, or the path of a TOML file.")
]


@commands.add("run")
def run(
    command: Annotated[list[str] | None, typer.Argument(metavar="-- COMMAND", help="Any command.")] = None,
    preset: Preset = None,
    settings: Values = None,
    gpus: Gpus = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Use no GPU, the default without --gpu.")] = False,
    environment: Environment = None,
    data: Data = "last",
    name: Name = None,
    where: Place = "local",
    max_hours: MaxHours = None,
    max_price: Annotated[float | None, typer.Option(min=0, metavar="P", help="Stop when it has cost P.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be shipped, and where it would run.")
    ] = False,
) -> None:
    """Queue a job: a preset, or any command on your code.

    The data set is read-only in $PADDOCK_INPUT; the files in $PADDOCK_OUTPUT are brought back.

    Example: trainer job run --preset finetune --gpu 1

    Example: trainer job run --max-hours 2 -- python my_training.py --epochs 20
    """
    from trainer.jobs.cloud.offer import priced
    from trainer.jobs.profiles import find_profile
    from trainer.jobs.task import Task, check_name, read_environment

    if cpu and gpus:
        raise UsageError("--cpu and --gpu at once: give one of them.")
    preset, own = _checked(command or [], preset, settings or [])
    task = Task(
        command=tuple(command or ()), preset=preset, settings=own,
        environment=read_environment(environment or []), max_seconds=_seconds(max_hours), max_price=max_price,
    )  # fmt: skip
    name = check_name(name) if name else None
    profile = priced(find_profile(directories().home, where), gpus or 0)
    if max_price is not None and not profile.hourly:
        raise UsageError(f"--max-price: the price of {where} is not known; give it price_per_hour in profiles.toml.")
    _queue(_order(task, name, gpus or 0, data, profile), profile, dry_run=dry_run)


def _queue(order: "Order", profile: "Profile", *, dry_run: bool) -> None:
    """Queue an order; with `dry_run`, only print what that would do."""
    from trainer.cli.jobs.opened import opened_jobs
    from trainer.cli.jobs.plan import show_plan
    from trainer.jobs.client import check_gpus

    with opened_jobs() as (settings, connection):
        check_gpus(connection, order.gpus, profile.kind)
        if dry_run:
            show_plan(connection, order, profile, directories())
        else:
            _submit(connection, settings, order, profile)


def _order(task: "Task", name: str | None, gpus: int, data: str, profile: "Profile") -> "Order":
    """The order to queue.

    Raises:
        UsageError: this machine has fewer GPUs, or the data set version does not exist.
    """
    from trainer.jobs.client import Order, check_gpus_here
    from trainer.jobs.task import with_plugins

    check_gpus_here(gpus, profile.kind)
    version = _version(directories(), data, needed=bool(task.preset))
    return Order(with_plugins(task, profile.kind, read_settings().plugins), name, gpus, version, Path.cwd())


def _seconds(hours: float | None) -> float | None:
    return None if hours is None else hours * 3600


def _checked(command: Sequence[str], preset: str | None, settings: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The preset and the settings of a job; mistakes are reported before anything is looked up."""
    from trainer.jobs.command_line import check_words
    from trainer.runs.preset_file import as_settings

    if bool(command) == bool(preset):
        raise UsageError("Name what to run: --preset, or a command behind --.")
    if command and settings:
        raise UsageError("--set belongs to --preset; a command takes its own options behind --.")
    if preset:
        return as_settings(preset, settings)
    check_words(command)
    return "", ()


def _version(home: "Directories", data: str, *, needed: bool) -> "Version | None":
    """The data set version of a job; None if it is not needed, not named, and none exists."""
    from trainer.dataset.manifest import find_version, list_versions

    return find_version(home.datasets, data) if needed or data != "last" or list_versions(home.datasets) else None


def _submit(
    connection: "Connection", settings: "Settings", order: "Order", profile: "Profile", *, stem: str | None = None
) -> "Job":
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import ensure, say_waits
    from trainer.jobs import client

    shared = settings.database_url is not None
    job, sent = client.submit(connection, order, profile, settings.home, shared=shared, stem=stem)
    ensure(settings, [job])
    if common().json:
        print_json(job.as_json() | {"sent": sent})
        return job
    how = f"{size_in_words(sent)} sent" if sent else "nothing had to be sent"
    words = f"{job.name} is queued ({how}). Watch it: `trainer job logs -f {job.name}`"
    stdout().print(words, soft_wrap=True)
    say_waits(connection, [job])
    return job


@commands.add("notebook")
def notebook(
    gpus: Gpus = None,
    idle: Annotated[float, typer.Option(min=0.05, metavar="MIN", help="End MIN minutes after the last use.")] = 60.0,
    environment: Environment = None,
    data: Data = "last",
    name: Name = None,
    max_hours: MaxHours = None,
) -> None:
    """Queue JupyterLab on your code and a data set.

    It is on this machine only, and ends by itself when it is idle.

    Example: trainer job notebook --idle 30
    """
    from collector.console.terminal import stdout
    from trainer.cli.jobs.opened import opened_jobs
    from trainer.jobs.client import check_gpus
    from trainer.jobs.notebook import make_notebook
    from trainer.jobs.profiles import find_profile
    from trainer.jobs.task import LOCAL, check_name, read_environment

    name = check_name(name) if name else None
    task = make_notebook(idle, read_environment(environment or []), _seconds(max_hours))
    profile = find_profile(directories().home, LOCAL)
    order = _order(task, name, gpus or 0, data, profile)
    with opened_jobs() as (settings, connection):
        check_gpus(connection, order.gpus, profile.kind)
        job = _submit(connection, settings, order, profile, stem="notebook")
    if not common().json:
        words = f"Open it: `trainer job open {job.name}`. It ends {span_in_words(60 * idle)} after its last use."
        stdout().print(words, soft_wrap=True)


@commands.add("price")
def price(
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="A preset of `trainer train`, or the path of a TOML file.")
    ] = "finetune",
    settings: Values = None,
    data: Data = "last",
) -> None:
    """Show how long a run would take at each place, and its price.

    The places are those of profiles.toml; the figures come from runs that have ended there.

    Example: trainer job price --preset finetune
    """
    from collector.console.as_json import print_json
    from trainer.cli.jobs.opened import opened_jobs
    from trainer.dataset.manifest import find_version
    from trainer.jobs import job_store
    from trainer.jobs.cloud.offer import priced
    from trainer.jobs.price import estimate
    from trainer.jobs.profiles import read_profiles
    from trainer.runs.preset_file import as_settings

    preset, given = as_settings(preset, settings or [])
    photos = sum(find_version(directories().datasets, data).manifest.photos.values())
    with opened_jobs() as (configured, connection):
        profiles = [priced(profile) for profile in read_profiles(configured.home).values()]
        found = estimate(profiles, job_store.list_jobs(connection), preset, given, photos)
    if common().json:
        print_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    _show_prices(found, " ".join((preset, *given)), photos)


def _show_prices(found: "Sequence[Estimate]", words: str, photos: int) -> None:
    from rich.table import Table

    from collector.console.terminal import stdout

    console = stdout()
    console.print(f"{words} on {counted(photos, 'photo')}")
    table = Table("place", "an hour", "photos/s", "takes", "costs", "own machine pays off after", box=None)
    for one in found:
        table.add_row(
            one.place,
            f"{one.hourly:.2f} {one.currency}" if one.hourly else "not known",
            f"{one.speed:.0f}" if one.speed else "not measured",
            span_in_words(one.seconds) if one.seconds is not None else "-",
            f"{one.price:.2f} {one.currency}" if one.price is not None else "-",
            f"{one.break_even:,.0f} h" if one.break_even is not None else "",
        )
    console.print(table)
    if any(one.speed is None for one in found):
        words = "Not measured: no job of this preset with these settings has ended there."
        words += " `trainer job run --where PLACE` with them runs one."
        console.print(words, soft_wrap=True)
    if any(not one.hourly for one in found):
        console.print("Set the price of an hour in profiles.toml; see docs/jobs.md.")
