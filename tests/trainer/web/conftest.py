"""A collection in a real Postgres, a data set version of it, a tiny run that has learnt from it, and a server."""

import asyncio
import io
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image
from playwright.sync_api import Browser

from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import World
from collector.web.server.guards import Guard
from collector.web.server.limits import Buckets
from collector.web.server.serving import make_runner
from tests.browser import Opener, chromium
from tests.collector.web.conftest import renewed
from tests.databases import EMPTY, copy_of
from tests.filled import OPINIONS, SITE, execute, fill
from tests.trainer.conftest import CPU, share_cache, trained
from trainer.dataset import card
from trainer.dataset.examples import Side
from trainer.dataset.export import Request, export
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.evaluate import evaluate
from trainer.evaluation.report import write_report
from trainer.inference.collection import collection_if_any
from trainer.inference.neighbours import find_index
from trainer.inference.photos import Reach
from trainer.inference.serving import Predictor
from trainer.inference.vectors import index_photos
from trainer.labels.definition import Wanted
from trainer.labels.poll import Poll
from trainer.labels.registry import wanted_labels
from trainer.runs.runs import Run
from trainer.web.app import make_app
from trainer.web.gallery import Gallery
from trainer.web.guarding import make_guard
from trainer.web.service import Service

WORLD = World(years=range(2013, 2018), issues_per_year=5, photos_per_issue=8)  # some 170 photos
REACH = Reach(None, (SITE, OPINIONS))
Open = Callable[..., AbstractAsyncContextManager[TestClient[Any, Any]]]


@dataclass(frozen=True)
class Held:
    """The data behind the server."""

    conninfo: str
    directories: Directories
    version: Version
    run: Run
    predictor: Predictor
    gallery: Gallery


@pytest.fixture(scope="session")
def held(cluster: str, shared: Path) -> Iterator[Held]:
    """The world in a database, exported, learnt by a tiny probe, and evaluated."""
    home = Path(tempfile.mkdtemp(prefix="paddock-web-"))
    with copy_of(cluster, EMPTY) as conninfo:
        fill(conninfo, WORLD)
        directories = Directories(home)
        share_cache(directories, shared)
        found = learnt(conninfo, directories, _exported(conninfo, directories, Request()))
        answers = evaluate(found.run, Side.TEST, directories, CPU)
        write_report(found.run.folder / "evaluation-test", *answers, found.version)
        yield found
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def placed_in(held: Held) -> str:
    """The collection, all of whose photos have places in the run's feature space."""
    renewed(held.conninfo)
    index_photos(held.conninfo, held.predictor, held.gallery.index, lambda _done, _of: None)
    return held.conninfo


@pytest.fixture(scope="session")
def axes(held: Held, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Held]:
    """The same world, learnt on the poll's surface and on an axis of a file of labels, by label."""
    path = tmp_path_factory.mktemp("labels") / "mine.csv"
    horses = [horse for (horse,) in execute(held.conninfo, "SELECT horse_id FROM horse ORDER BY horse_id")]
    lines = [f"{horse},elegance,{number % 10 / 10}" for number, horse in enumerate(horses)]
    path.write_text("\n".join(["horse,axis,value", *lines]))
    request = Request(labels=(Wanted(Poll(), "surface"), *wanted_labels([str(path)], ["elegance"])))
    version = _exported(held.conninfo, held.directories, request)
    keys = ("poll/surface", "mine/elegance")
    return {key: learnt(held.conninfo, held.directories, version, f"label={key}") for key in keys}


def _exported(conninfo: str, directories: Directories, request: Request) -> Version:
    draw, card.draw_plots = card.draw_plots, lambda *_: None
    try:
        return export(conninfo, directories.datasets, request)
    finally:
        card.draw_plots = draw


def learnt(conninfo: str, directories: Directories, version: Version, *settings: str) -> Held:
    """A tiny run that has learnt from a version, with what a server needs to answer with it."""
    run = trained(directories, version, "probe", "height=64", "width=96", *settings)[0]
    predictor = Predictor(run, CPU)
    index = find_index(run, predictor.network, version, CPU, directories.cache, lambda _done, _of: None)
    assert index is not None
    return Held(
        conninfo,
        directories,
        version,
        run,
        predictor,
        Gallery.of(version, index, run.config.preparation, directories.cache),
    )


@pytest.fixture
def opened(held: Held) -> Open:
    """A server in this test's loop, and a client of it that follows nothing by itself."""

    @asynccontextmanager
    async def serving(
        *,
        guard: Guard | None = None,
        reach: Reach = REACH,
        conninfo: str | None = held.conninfo,
        gallery: Gallery | None = held.gallery,
        predictor: Predictor = held.predictor,
        **more: Any,
    ) -> AsyncIterator[TestClient[Any, Any]]:
        async with collection_if_any(conninfo) as collection:
            service = Service(predictor, gallery, collection, reach, **more)
            async with TestClient(TestServer(make_app(service, guard or make_guard()))) as client:
                yield client

    return serving


@pytest.fixture
def horse() -> bytes:
    """A photo that is not in the collection."""
    return a_horse()


def a_horse(number: int = 0) -> bytes:
    """One of the photos of a year that the collection does not have."""
    photos = [photo for issue in World(years=range(2020, 2021)).issues(2020) for photo in issue.photos]
    picture = [photo.picture for photo in photos if photo.picture][number]
    return draw_photo(picture)


class Threaded:
    """A server on a thread with a loop of its own, for a browser."""

    def __init__(self, app: Callable[[], AbstractAsyncContextManager[web.Application]]) -> None:
        self._app = app
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.base = ""

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._app() as app:
            runner = make_runner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._end.wait()
            await runner.cleanup()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)


class Site(Threaded):
    """The server of a run."""

    def __init__(self, held: Held, reach: Reach, rate: float = 1000) -> None:
        super().__init__(self._answering)
        self._held, self._reach, self._rate = held, reach, rate
        self.service: Service

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[web.Application]:
        async with collection_if_any(self._held.conninfo) as collection:
            self.service = Service(self._held.predictor, self._held.gallery, collection, self._reach)
            yield make_app(self.service, make_guard(buckets=Buckets(self._rate, self._rate)))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a file."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(held: Held) -> Iterator[Site]:
    """A server for the browser."""
    with Site(held, REACH) as site:
        yield site


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Opener]:
    """Opens pages; fails at the end if the console has a complaint."""
    opener = Opener(browser, site.base)
    yield opener
    opener.close()
    assert opener.complaints == []


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo that nobody holds, with the place where it was taken written into it."""
    path = tmp_path_factory.mktemp("photos") / "ウマ.jpg"
    image = Image.open(io.BytesIO(a_horse()))
    exif = image.getexif()
    exif.get_ifd(0x8825)[1] = "N"
    image.save(path, exif=exif, quality=95)
    return path
