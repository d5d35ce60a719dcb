"""One database with a crawl of three sites, the toy among them; each test works on a copy of it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.demo.world.world import Issue, World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from collector.frontier.scope import Scope
from collector.settings import Settings
from collector.sources import registry
from tests.databases import EMPTY, copy_of
from tests.demo_site import demo_site
from tests.toy_source.installed import TOY, installed
from tests.toy_source.look_alike import toy_site

WORLD = World(years=range(2016, 2017), issues_per_year=2, photos_per_issue=4)
YEAR = Scope(date(2016, 1, 1), date(2016, 12, 31))


@dataclass(frozen=True)
class Beside:
    """The toy's pages beside those of the program's own sources, in one database."""

    conninfo: str
    toy: str  # the address of its site
    keibado: str
    netkeiba: str
    asked: tuple[str, ...]  # what the toy's site was asked for

    @property
    def environment(self) -> dict[str, str]:
        """What a command must know."""
        return {
            "PADDOCK_DATABASE_URL": self.conninfo, "PADDOCK_TOY_URL": self.toy, "PADDOCK_KEIBADO_URL": self.keibado,
            "PADDOCK_NETKEIBA_URL": self.netkeiba, "PADDOCK_CRAWL_DELAY": "0",
        }  # fmt: skip

    @property
    def issue(self) -> Issue:
        """An issue that both sites have, under the same code."""
        return WORLD.issues(2016)[0]

    @property
    def urls(self) -> dict[str, str]:
        """The settings of the addresses."""
        return {name: value for name, value in self.environment.items() if name.endswith("_URL") and "DATA" not in name}


async def _show(_: Tick) -> None:
    """Nobody watches."""


async def _crawl(conninfo: str) -> Beside:
    async with demo_site(world=WORLD) as known, toy_site(WORLD) as toy:
        beside = Beside(conninfo, toy.base, known.base, known.netkeiba, ())
        sites = registry.sites(Settings(urls=beside.urls))
        assert {site.source.name for site in sites if site.source.has_photos} == {"keibado", "toy"}
        _, code = await crawl(Crawler(conninfo, None, sites, 0.0), YEAR, _show)
        assert code is ExitCode.DONE
        return replace(beside, asked=tuple(toy.paths))


@pytest.fixture(scope="module")
def crawled(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Three sites, crawled by the engine; the toy is registered by its entry point alone."""
    with installed(tmp_path_factory.mktemp("site-packages"), TOY), copy_of(cluster, EMPTY) as conninfo:
        with ThreadPoolExecutor(1) as thread:
            beside = thread.submit(asyncio.run, _crawl(conninfo)).result()
        yield beside


@pytest.fixture
def beside(crawled: Beside, cluster: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    """A copy of the crawled database, and the environment in which commands work on it."""
    with copy_of(cluster, str(conninfo_to_dict(crawled.conninfo)["dbname"])) as conninfo:
        own = replace(crawled, conninfo=conninfo)
        for variable, value in own.environment.items():
            monkeypatch.setenv(variable, value)
        yield own


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """An empty folder for distributions."""
    return tmp_path / "site-packages"
