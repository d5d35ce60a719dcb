"""`trainer sweep`: a job for each combination of presets and settings, watched and compared."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.common import common
from collector.errors import UsageError
from trainer.cli.base import Data, Gpus, Place, directories, group, print_rows, progress
from trainer.jobs.task import State

if TYPE_CHECKING:
    from collector.settings import Settings
    from trainer.jobs.client import Order
    from trainer.jobs.job_store import Connection
    from trainer.jobs.profiles import Profile
    from trainer.jobs.sweep import Combination
    from trainer.jobs.task import Job

commands = group()

LOOK_EVERY = 0.5  # seconds


ManyValues = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=A,B", help="A setting and the values to try; more than once."),
]


Presets = Annotated[
    list[str],
    typer.Option("--preset", metavar="NAME", help="A preset, or the path of a TOML file; more than once."),
]


@commands.add("sweep")
def sweep(
    presets: Presets,
    settings: ManyValues = None,
    data: Data = "last",
    gpus: Gpus = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Beginning of the names of its jobs.")] = None,
    where: Place = "local",
) -> None:
    """Train every combination of presets and settings.

    As many run at once as there are free slots; then they are compared. Ctrl-C ends the watching, not the jobs; the
    same command with the same --name watches again.

    Example: trainer sweep --preset probe --preset finetune --set random_seed=0,1,2
    """
    from collector.console.as_json import print_json
    from trainer.cli.jobs.opened import ensure, opened_jobs
    from trainer.dataset.manifest import find_version
    from trainer.jobs.client import Order, check_gpus, check_gpus_here
    from trainer.jobs.profiles import find_profile
    from trainer.jobs.sweep import combine
    from trainer.jobs.task import Task, check_name

    combinations = combine(presets, settings or [])
    name = check_name(name) if name else None
    home = directories()
    profile = find_profile(home.home, where)
    check_gpus_here(gpus or 0, profile.kind)
    version = find_version(home.datasets, data)
    with opened_jobs() as (configured, connection):
        check_gpus(connection, gpus or 0, profile.kind)
        order = Order(Task(), None, gpus or 0, version, Path.cwd())
        jobs = _queue(connection, configured, combinations, order, profile, name or _free_stem(connection))
        ensure(configured, jobs)
        ended = _watch(connection, jobs, configured)
        rows = sorted((_row(connection, job) for job in ended), key=lambda row: row["validation_mse"] or float("inf"))
    if common().json:
        print_json(rows)
        return
    _show(rows)


def _queue(
    connection: "Connection",
    settings: "Settings",
    combinations: "Sequence[Combination]",
    order: "Order",
    profile: "Profile",
    stem: str,
) -> "list[Job]":
    """A job for each combination; those that exist are not queued again."""
    from dataclasses import replace

    from trainer.jobs import client
    from trainer.jobs.task import Task, with_plugins

    jobs = []
    for number, one in enumerate(combinations, 1):
        task = with_plugins(Task(preset=one.preset, settings=one.settings), profile.kind, settings.plugins)
        its = replace(order, task=task, name=f"{stem}-{number}")
        held = _held(connection, its.name or "", one)
        shared = settings.database_url is not None
        jobs.append(held or client.submit(connection, its, profile, settings.home, shared=shared)[0])
    return jobs


def _free_stem(connection: "Connection") -> str:
    from trainer.jobs import job_store

    taken = [job.name for job in job_store.list_jobs(connection)]
    return next(f"sweep-{n}" for n in range(1, 10**6) if not any(name.startswith(f"sweep-{n}-") for name in taken))


def _held(connection: "Connection", name: str, one: "Combination") -> "Job | None":
    """The existing job of a sweep, or None.

    Raises:
        UsageError: it runs another combination.
    """
    from trainer.jobs import job_store

    found = next((job for job in job_store.list_jobs(connection) if job.name == name), None)
    if found and (found.task.preset, found.task.settings) != (one.preset, one.settings):
        raise UsageError(f"There is a job {name} already that runs {found.task.words}; give the sweep another --name.")
    return found


def _watch(connection: "Connection", jobs: "Sequence[Job]", settings: "Settings") -> "list[Job]":
    """Wait until all have ended; the jobs then. While none runs, say what the first one waits for."""
    from collector.console.terminal import stderr
    from trainer.cli.jobs.opened import ensure, say_waits
    from trainer.jobs import job_store

    console, said = stderr(), ""
    with progress("jobs", console) as report:
        while True:
            now = [job for job in (job_store.read_job(connection, job.id) for job in jobs) if job is not None]
            ended = sum(job.state.ended for job in now)
            report(ended, len(now))
            if ended == len(now):
                return now
            ensure(settings, now)
            if not any(job.state is State.RUNNING for job in now):
                waiting = [job for job in now if job.state is State.QUEUED]
                said = say_waits(connection, waiting, said, console=console)
            time.sleep(LOOK_EVERY)


def _row(connection: "Connection", job: "Job") -> dict[str, Any]:
    from trainer.jobs import bundles

    body = bundles.read_file(connection, job.output, f"{job.name}/run.json") if job.output else None
    facts = json.loads(body) if body and job.state is State.DONE else {}
    return {
        "job": job.name, "runs": job.task.words, "state": job.state, "reason": job.why,
        "reason_code": job.reason,
        "train_mse": facts.get("train_mse"), "validation_mse": facts.get("validation_mse"),
        "seconds": round(job.seconds, 1), "price": round(job.price, 4),
        "currency": job.task.currency,
    }  # fmt: skip


def _show(rows: Sequence[dict[str, Any]]) -> None:
    from collector.console.terminal import stdout

    print_rows([_as_text(row) for row in rows], less=("price", "seconds", "train MSE"))
    for row in rows:
        if row["state"] is not State.DONE:
            stdout().print(f"{row['job']}: {row['state']}, {row['reason']}", soft_wrap=True)
    best = rows[0]
    if best["validation_mse"] is not None:
        words = (
            f"The best on validation is {best['job']}; the best of many looks better than it is: "
            f"`trainer evaluate {best['job']}`"
        )
        stdout().print(words, soft_wrap=True)


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    errors = {
        name: "-" if row[key] is None else f"{row[key]:.2f}"
        for name, key in (("validation MSE", "validation_mse"), ("train MSE", "train_mse"))
    }
    price = f"{row['price']:.2f} {row['currency']}" if row["price"] else "-"
    return {"job": row["job"], "runs": row["runs"], **errors, "seconds": f"{row['seconds']:.0f}", "price": price}
