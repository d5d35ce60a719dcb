"""`trainer job run --dry-run`: what would be shipped, and where it would run; nothing is queued, sent or rented."""

import hashlib
from dataclasses import replace
from typing import Any

from collector.console.as_json import print_json
from collector.console.common import common
from collector.console.measures import size_in_words
from collector.console.terminal import stdout
from collector.console.wording import counted
from trainer.directories import Directories
from trainer.jobs import bundles, client
from trainer.jobs.client import Order, Shipment
from trainer.jobs.cloud.offer import as_yaml, offer
from trainer.jobs.cloud.task import cloud_name, describe_task
from trainer.jobs.job_store import Connection
from trainer.jobs.machine import list_gpus, plain_name
from trainer.jobs.profiles import SKYPILOT, Profile
from trainer.jobs.task import LOCAL


def show_plan(connection: Connection, order: Order, profile: Profile, directories: Directories) -> None:
    """Print what `trainer job run` would do with this order."""
    shipment = client.find_code(order, profile)
    facts = {"place": profile.name, "runs_on": _runs_on(order, profile), "code": _code(connection, shipment)}
    facts |= {"data": order.version.name if order.version else None, "price_per_hour": profile.hourly or None}
    facts |= {"currency": profile.currency}
    if profile.kind == SKYPILOT:
        facts["task"] = _describe(order, profile, directories, shipment)
    if common().json:
        print_json(facts)
        return
    console = stdout()
    shipped = facts["code"]
    if shipped:
        size, held = size_in_words(shipped["bytes"]), "there already" if shipped["held"] else "to be sent"
        words = f"{counted(shipped['files'], 'file')}, {size} packed, {shipped['digest'][:12]}, {held}"
        console.print(f"code:    {words}", soft_wrap=True)
    console.print(f"data:    {facts['data'] or 'none'}")
    console.print(f"runs on: {facts['runs_on']}", soft_wrap=True)
    if "task" in facts:
        console.print(as_yaml(facts["task"]), soft_wrap=True)
    console.print("Nothing is queued.")


def _code(connection: Connection, shipment: Shipment | None) -> dict[str, Any] | None:
    if shipment is None:
        return None
    digest = hashlib.sha256(shipment.packed).hexdigest()
    held = bundles.is_held(connection, digest)
    return {"files": shipment.files, "bytes": len(shipment.packed), "digest": digest, "held": held}


def _runs_on(order: Order, profile: Profile) -> str:
    if profile.kind == SKYPILOT:
        return offer(profile, order.gpus)
    if profile.kind != LOCAL:
        return f"a machine of the fleet, on {order.gpus or 'no'} GPU{'s' if order.gpus > 1 else ''}"
    return (
        f"{order.gpus} of this machine's GPUs ({', '.join(list_gpus())})" if order.gpus else "the CPU of this machine"
    )


def _describe(order: Order, profile: Profile, directories: Directories, shipment: Shipment | None) -> dict[str, Any]:
    name = order.name or order.task.preset or "job"
    return describe_task(
        replace(order.task, cloud=profile.cloud, price_per_hour=profile.hourly),
        name=cloud_name(plain_name(directories.home), 0, name), job_name=name, gpus=order.gpus, attempt=1,
        code=shipment.root if shipment else None, data=order.version.folder if order.version else None, output=None,
    )  # fmt: skip
