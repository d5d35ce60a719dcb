"""`trainer sweep`: queues every combination as a job, watches them, and compares what came of them."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.console import as_typed
from collector.errors import UsageError
from collector.settings import Settings
from trainer.command_base import places, print_json, print_rows, progress, stderr, stdout
from trainer.dataset.manifest import find_version
from trainer.job_commands import ensure, opened_book, say_waits
from trainer.jobs import book, bundles, client
from trainer.jobs.book import Connection
from trainer.jobs.client import Order
from trainer.jobs.profiles import find_profile
from trainer.jobs.sweep import Combination, combine
from trainer.jobs.task import Job, State, Task, check_name

LOOK_EVERY = 0.5  # seconds


def sweep(
    presets: Sequence[str],
    given: Sequence[str],
    data: str,
    gpus: int,
    name: str | None,
    where: str,
    *,
    as_json: bool,
    demo: bool,
) -> None:
    """`trainer sweep`."""
    combinations = combine(presets, given)
    name = check_name(name) if name else None
    home = places(demo=demo)
    profile = find_profile(home.home, where)
    with opened_book(demo=demo) as (settings, connection):
        client.check_gpus(connection, gpus, profile.kind)
        version = find_version(home.datasets, data)
        stem = name or _free_stem(connection)
        order = Order(Task(), None, gpus, version, Path.cwd())
        jobs = []
        for number, one in enumerate(combinations, 1):
            task = Task(preset=one.preset, settings=one.settings)
            its = replace(order, task=task, name=f"{stem}-{number}")
            held = _held(connection, its.name or "", one)
            shared = settings.database_url is not None
            jobs.append(held or client.submit(connection, its, profile, settings.home, shared=shared)[0])
        ensure(settings, jobs, demo=demo)
        ended = _watch(connection, jobs, settings, demo=demo)
        rows = sorted((_row(connection, job) for job in ended), key=lambda row: row["validation_mse"] or float("inf"))
    if as_json:
        print_json(rows)
        return
    _show(rows, demo=demo)


def _free_stem(connection: Connection) -> str:
    taken = [job.name for job in book.list_jobs(connection)]
    return next(f"sweep-{n}" for n in range(1, 10**6) if not any(name.startswith(f"sweep-{n}-") for name in taken))


def _held(connection: Connection, name: str, one: Combination) -> Job | None:
    """The job of a sweep that was begun before; it has to be of the same combination."""
    found = next((job for job in book.list_jobs(connection) if job.name == name), None)
    if found and (found.task.preset, found.task.settings) != (one.preset, one.settings):
        raise UsageError(f"There is a job {name} already that runs {found.task.words}; give the sweep another --name.")
    return found


def _watch(connection: Connection, jobs: Sequence[Job], settings: Settings, *, demo: bool) -> list[Job]:
    """Wait until all have ended; what they are then. While none of them runs, say for what the first waits."""
    console, said = stderr(), ""
    with progress("jobs", console) as tell:
        while True:
            now = [job for job in (book.read_job(connection, job.id) for job in jobs) if job is not None]
            ended = sum(job.state.ended for job in now)
            tell(ended, len(now))
            if ended == len(now):
                return now
            ensure(settings, now, demo=demo)
            if not any(job.state is State.RUNNING for job in now):
                waiting = [job for job in now if job.state is State.QUEUED]
                said = say_waits(connection, waiting, said, demo=demo, console=console)
            time.sleep(LOOK_EVERY)


def _row(connection: Connection, job: Job) -> dict[str, Any]:
    body = bundles.read_file(connection, job.output, f"{job.name}/run.json") if job.output else None
    facts = json.loads(body) if body and job.state is State.DONE else {}
    return {
        "job": job.name, "runs": job.task.words, "state": job.state, "reason": job.reason,
        "train_mse": facts.get("train_mse"), "validation_mse": facts.get("validation_mse"),
        "seconds": round(job.seconds, 1), "price": round(job.price, 4),
        "currency": job.task.currency,
    }  # fmt: skip


def _show(rows: Sequence[dict[str, Any]], *, demo: bool) -> None:
    print_rows([_as_text(row) for row in rows], less=("price", "seconds", "train MSE"))
    for row in rows:
        if row["state"] is not State.DONE:
            stdout().print(f"{row['job']}: {row['state']}, {row['reason']}", soft_wrap=True)
    best = rows[0]
    if best["validation_mse"] is not None:
        words = (
            f"The best on validation is {best['job']}; of many, the best looks better than it is: "
            f"`trainer evaluate {best['job']}`"
        )
        stdout().print(as_typed(words, demo=demo), soft_wrap=True)


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    errors = {
        name: "-" if row[key] is None else f"{row[key]:.2f}"
        for name, key in (("validation MSE", "validation_mse"), ("train MSE", "train_mse"))
    }
    price = f"{row['price']:.2f} {row['currency']}" if row["price"] else "-"
    return {"job": row["job"], "runs": row["runs"], **errors, "seconds": f"{row['seconds']:.0f}", "price": price}
