"""A collection in a real Postgres, its search made, and a server on it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from playwright.sync_api import Browser

from collector.demo.world.world import World
from collector.imports.own_remark import store_remark
from collector.web.app import make_app, make_guard
from collector.web.search.renewal import renew
from collector.web.server.guards import Guard
from collector.web.server.limits import Buckets
from collector.web.server.serving import make_runner
from collector.web.service import Service, serving
from tests.browser import Opener, chromium
from tests.databases import conninfo_of, filled_once
from tests.filled import execute, fill

WORLD = World(years=range(2013, 2018), issues_per_year=5, photos_per_issue=8)  # some 170 photos
ADMIN = "a-token-that-decides"
MOST_PHOTOS = """
SELECT horse_id, min(horse_name), count(*) FROM photo_search WHERE horse_id IS NOT NULL AND race_id IS NOT NULL
GROUP BY horse_id ORDER BY count(*) DESC, horse_id LIMIT 1
"""
Open = Callable[..., AbstractAsyncContextManager[TestClient[Any, Any]]]


@dataclass(frozen=True)
class Shown:
    """A collection that is looked at."""

    conninfo: str


def generous(**options: Any) -> Guard:
    """A guard whose buckets no test empties by chance."""
    return replace(make_guard(**options), buckets=Buckets(10_000, 10_000))


async def _renew(conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await renew(connection)


def renewed(conninfo: str) -> None:
    """Make the search's views what the tables say; on a thread, as a test may have a loop already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _renew(conninfo)).result()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a file."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def shown(cluster: str) -> Shown:
    """The world in a database that no test changes."""
    return Shown(conninfo_of(cluster, filled_once(cluster, "shown", _fill)))


def _fill(conninfo: str) -> None:
    fill(conninfo, WORLD)
    renewed(conninfo)


def _fill_own(conninfo: str) -> None:
    fill(conninfo, World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=6))
    renewed(conninfo)


@pytest.fixture
def template(request: pytest.FixtureRequest, template: str, cluster: str) -> str:
    """A small world, for the tests that ask for one of their own."""
    return filled_once(cluster, "template_own", _fill_own) if "own" in request.fixturenames else template


@pytest.fixture
def own(conninfo: str) -> Shown:
    """The world in a database of this test's own, for what changes it."""
    return Shown(conninfo)


@pytest.fixture
def opened(shown: Shown) -> Open:
    """A server in this test's loop, and a client of it that follows nothing by itself."""

    @asynccontextmanager
    async def opening(
        *, conninfo: str = shown.conninfo, guard: Guard | None = None
    ) -> AsyncIterator[TestClient[Any, Any]]:
        async with (
            serving(conninfo, guard or generous(), store_remark) as service,
            TestClient(TestServer(make_app(service))) as client,
        ):
            yield client

    return opening


class Site:
    """The server on a thread with a loop of its own, for a browser or another client from outside."""

    def __init__(self, conninfo: str, guard: Guard | None = None) -> None:
        self._conninfo, self._guard = conninfo, guard or generous()
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.service: Service | None = None
        self.base = ""

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serving(self._conninfo, self._guard, store_remark) as service:
            runner = make_runner(make_app(service))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.service, self.base = service, f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._end.wait()
            await runner.cleanup()

    def __enter__(self) -> "Site":
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)


@pytest.fixture(scope="module")
def site(shown: Shown) -> Iterator[Site]:
    """A server for the browser."""
    with Site(shown.conninfo) as site:
        yield site


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Opener]:
    """A way to open pages; in the end the console may hold no complaint."""
    opener = Opener(browser, site.base, "status of 40[04]")
    yield opener
    opener.close()
    assert opener.complaints == []


@pytest.fixture(scope="module")
def star(shown: Shown) -> tuple[str, str, int]:
    """The horse with the most photos: id, name, how many."""
    ((horse_id, name, photos),) = execute(shown.conninfo, MOST_PHOTOS)
    assert photos >= 3
    return horse_id, name, photos
