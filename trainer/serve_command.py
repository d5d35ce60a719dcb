"""What `trainer serve` does: load the run and what belongs to it, open the port, serve until it is told to end."""

import asyncio
import os
from functools import partial
from pathlib import Path

import torch

from collector.console import as_typed
from collector.errors import UsageError
from collector.fetch import Timeouts
from collector.racing import Axis
from collector.settings import Settings
from collector.web.guards import Guard
from collector.web.serving import address, is_local, reading_token, serve_until_told
from trainer.collection import collection_if_any, conninfo_if_any
from trainer.command_base import absolute, places, progress, read_settings, stderr
from trainer.dataset.manifest import Version
from trainer.device import Device
from trainer.neighbours import find_index
from trainer.places import Places, make_folder
from trainer.runs import find_run, version_of
from trainer.serving import Predictor
from trainer.sources import Reach
from trainer.web.app import make_app
from trainer.web.guarding import make_guard
from trainer.web.service import Service
from trainer.web.shelf import Shelf

IMPATIENT = Timeouts(connect=5.0, read=10.0, total=15.0)  # somebody waits for the page


def serve(word: str, host: str, port: int, keep_uploads: Path | None, device_name: str, *, demo: bool) -> None:
    """`trainer serve`."""
    settings, where = read_settings(demo=demo), places(demo=demo)
    predictor, shelf = load(where, word, device_name)
    folder = absolute(keep_uploads) if keep_uploads else None
    if folder:
        make_folder(folder)  # a folder that may not be written is told now
    guard = guard_for(settings, host)
    with conninfo_if_any(settings) as conninfo:
        asyncio.run(_serve(settings, conninfo, predictor, shelf, folder, guard, host, port))


def load(where: Places, word: str, device_name: str) -> tuple[Predictor, Shelf | None]:
    """A run that answers, and the photos of its data set where they are still here.

    Raises:
        UsageError: there is no such run, or it does not answer for distances.
    """
    run = find_run(where.runs, word)
    # A photo alone is no faster on several threads, and the pages need one as well.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    predictor = Predictor(run, Device.find(device_name, run.config.precision))
    predictor.quicken()
    version = _version(predictor, where)
    if version is None:
        return predictor, None
    with progress("features") as tell:
        index = find_index(run, predictor.network, version, predictor.device, where.cache, tell)
    return predictor, Shelf.of(version, index, run.config.preparation, where.cache) if index else None


def _version(predictor: Predictor, where: Places) -> Version | None:
    run = predictor.run
    try:
        version = version_of(run, where)
    except UsageError:
        stderr().print(
            f"The data set {run.facts.data} is gone: no samples, no similar horses, and whether a photo shows a horse "
            "is not told.",
            soft_wrap=True,
        )
        return None
    if version.manifest.axis != Axis.DISTANCE:
        raise UsageError(f"{run.name} was trained on {version.manifest.axis}; the page answers for distances only.")
    return version


def guard_for(settings: Settings, host: str) -> Guard:
    """What is asked of requests: beyond this machine only with a token, which is made where none is set."""
    return make_guard(token=reading_token(settings.serve_token, host), local_only=is_local(host))


async def _serve(
    settings: Settings,
    conninfo: str | None,
    predictor: Predictor,
    shelf: Shelf | None,
    keep_uploads: Path | None,
    guard: Guard,
    host: str,
    port: int,
) -> None:
    async with collection_if_any(conninfo) as collection:
        reach = Reach(settings.contact, settings.sites, timeouts=IMPATIENT)
        service = Service(predictor, shelf, collection, reach, keep_uploads, demo=settings.demo)
        say = partial(_say_where, host, guard, service, demo=settings.demo)
        await serve_until_told(make_app(service, guard), host, port, say)


def _say_where(host: str, guard: Guard, service: Service, port: int, *, demo: bool) -> None:
    console = stderr()
    console.print(f"{service.about.run} answers on {address(host, port, guard.token)}", soft_wrap=True)
    if guard.token:
        console.print("Programs send it as `Authorization: Bearer ...`. PADDOCK_SERVE_TOKEN sets one that stays.")
    if service.collection is None:
        console.print(as_typed("No collection is here to search: `collector crawl` makes one.", demo=demo))
    if service.keep_uploads:
        console.print(f"Photos that are given to it are kept in {service.keep_uploads}", soft_wrap=True)
    console.print("Ctrl-C ends it.")
