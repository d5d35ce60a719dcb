"""`trainer serve`: predictions on a page and for programs."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.errors import UsageError
from trainer.cli.base import (
    BestRunOption,
    DeviceName,
    LabelOption,
    absolute,
    directories,
    group,
    progress,
    read_settings,
)

if TYPE_CHECKING:
    from collector.settings import Settings
    from collector.web.server.guards import Guard
    from trainer.dataset.manifest import Version
    from trainer.directories import Directories
    from trainer.inference.serving import Predictor
    from trainer.web.gallery import Gallery
    from trainer.web.service import Service

commands = group()


@commands.add("serve", json=False)
def serve_answers(
    run: BestRunOption = "best",
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; any other than this machine needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Port of the page; 0 takes a free one.")
    ] = 8771,
    keep_uploads: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep uploaded photos here; by default none is kept.")
    ] = None,
    label: LabelOption = "",
    device: DeviceName = "auto",
) -> None:
    """Serve predictions on a page, and for programs.

    The page is in Japanese and English. By default it listens on this machine only. With another --host it asks for a
    token, which PADDOCK_SERVE_TOKEN sets, or which is made and printed.

    Example: trainer serve --run probe-1

    Tried without a network, after trainer train --demo: trainer serve --demo
    """
    from trainer.directories import make_folder
    from trainer.inference.collection import conninfo_if_any

    settings, where = read_settings(), directories()
    predictor, gallery = load(where, run, label, device)
    folder = absolute(keep_uploads) if keep_uploads else None
    if folder:
        make_folder(folder)  # fails now if it cannot be written
    guard = guard_for(settings, host)
    with conninfo_if_any(settings) as conninfo:
        asyncio.run(_serve(settings, conninfo, predictor, gallery, folder, guard, host, port))


def load(where: "Directories", word: str, label: str, device_name: str) -> "tuple[Predictor, Gallery | None]":
    """The predictor of a run, and the photos of its data set if they are still here.

    Raises:
        UsageError: the run does not exist.
    """
    from collector.console.terminal import stderr
    from trainer.runs.judged import find_best

    run = find_best(where.runs, word, label)
    stderr().print(f"Loading {run.name} ...", soft_wrap=True)  # in a new installation torch alone takes 15 s

    import torch

    from trainer.inference.neighbours import find_index
    from trainer.inference.serving import Predictor
    from trainer.models.device import Device
    from trainer.web.gallery import Gallery

    # More threads do not speed up a single photo, and the pages need one as well.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    predictor = Predictor(run, Device.find(device_name, run.config.precision), label)
    predictor.quicken()
    version = _version(predictor, where)
    if version is None:
        return predictor, None
    with progress("features") as report:
        index = find_index(run, predictor.network, version, predictor.device, where.cache, report, predictor.key)
    return predictor, Gallery.of(version, index, run.config.preparation, where.cache) if index else None


def _version(predictor: "Predictor", where: "Directories") -> "Version | None":
    from collector.console.terminal import stderr
    from trainer.runs.runs import version_of

    run = predictor.run
    try:
        return version_of(run, where)
    except UsageError:
        stderr().print(
            f"The data set {run.facts.data} is gone: no samples, no similar horses, and no check whether a photo shows "
            "a horse.",
            soft_wrap=True,
        )
        return None


def guard_for(settings: "Settings", host: str) -> "Guard":
    """The guard of the page; on any address but this machine's it asks for a token, which is made if none is set."""
    from collector.web.server.serving import is_local, reading_token
    from trainer.web.guarding import make_guard

    return make_guard(token=reading_token(settings.serve_token, host), local_only=is_local(host))


async def _serve(
    settings: "Settings",
    conninfo: str | None,
    predictor: "Predictor",
    gallery: "Gallery | None",
    keep_uploads: Path | None,
    guard: "Guard",
    host: str,
    port: int,
) -> None:
    from collector.fetch.fetcher import Timeouts
    from collector.sources.registry import known_addresses
    from collector.web.server.serving import serve_until_stopped
    from trainer.inference.collection import collection_if_any
    from trainer.inference.photos import Reach
    from trainer.web.app import make_app
    from trainer.web.service import Service

    patience = Timeouts(connect=5.0, read=10.0, total=15.0)  # a person waits for the page
    async with collection_if_any(conninfo) as collection:
        reach = Reach(settings.contact, known_addresses(settings), timeouts=patience)
        service = Service(predictor, gallery, collection, reach, keep_uploads, demo=settings.demo)
        say = partial(_say_where, host, guard, service)
        await serve_until_stopped(make_app(service, guard), host, port, say)


def _say_where(host: str, guard: "Guard", service: "Service", port: int) -> None:
    from collector.console.terminal import stderr
    from collector.web.server.serving import address

    console = stderr()
    console.print(f"{service.about.run} answers on {address(host, port, guard.token)}", soft_wrap=True)
    if guard.token:
        console.print("Programs send it as `Authorization: Bearer ...`. PADDOCK_SERVE_TOKEN sets a fixed one.")
    if service.collection is None:
        console.print("No collection to search: `collector crawl` makes one.")
    if service.keep_uploads:
        console.print(f"Uploaded photos are kept in {service.keep_uploads}", soft_wrap=True)
    console.print("Ctrl-C ends it.")
