"""A small archive, crawled once, and what other programs read of a file that it was written to."""

import asyncio
import gzip
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.engine.refresh import label_scope, plan, refresh
from collector.errors import ExitCode
from collector.frontier.scope import Scope
from tests.demo_site import demo_site
from tests.sites import labels_at, sites_at

WORLD = World(years=range(2016, 2017), issues_per_year=2, photos_per_issue=3)
SCOPE = Scope(date(2016, 1, 1), date(2016, 12, 31))


async def show(_: Tick) -> None:
    """Show nothing."""


def fill(conninfo: str) -> None:
    """Crawl both sites, twice, and the labels, so that there are pages that have not changed."""
    asyncio.run(_crawl(conninfo))


async def _crawl(conninfo: str) -> None:
    async with demo_site(world=WORLD, month_may_change=True) as site:
        crawler = Crawler(conninfo, None, sites_at(site.base, site.netkeiba, race=site.netkeiba), 0.0)
        for _ in range(2):
            crawler.stopping.clear()
            _, code = await crawl(crawler, SCOPE, show)
            assert code == ExitCode.DONE
            async with await crawler.connect() as connection:
                await connection.execute(
                    "UPDATE page SET due_at = clock_timestamp() WHERE role IN ('listing', 'issue', 'picture')"
                )
        async with await crawler.connect() as connection:
            await plan(connection, labels_at(site.netkeiba), older_than=None, horses=None)
        crawler.stopping.clear()
        _, code = await refresh(crawler, labels_at(site.netkeiba), label_scope(), show)
        assert code == ExitCode.DONE


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a reader of its own finds it."""

    kind: str
    url: str | None
    headers: dict[str, str]
    status: str | None
    http: dict[str, str]
    body: bytes
    offset: int
    length: int


def records(body: bytes) -> list[Record]:
    """All records of a WARC file."""
    found = ArchiveIterator(BytesIO(body), check_digests="raise")  # pyright: ignore[reportArgumentType]
    return [_record(record, found) for record in found]


def _record(record: Any, found: Any) -> Record:
    http, content = record.http_headers, record.content_stream().read()
    return Record(
        record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), dict(record.rec_headers.headers),
        http and http.get_statuscode(), dict(http.headers) if http else {}, content, found.get_record_offset(),
        found.get_record_length(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wacz:
    """What is in a WACZ file."""

    members: dict[str, bytes]
    infos: list[zipfile.ZipInfo]

    @classmethod
    def read(cls, file: Path) -> "Wacz":
        """Read all of it."""
        with zipfile.ZipFile(file) as opened:
            assert opened.testzip() is None
            return cls({name: opened.read(name) for name in opened.namelist()}, opened.infolist())

    @property
    def warc(self) -> bytes:
        return self.members["archive/data.warc.gz"]

    def index(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """The lines of the index: key, timestamp, and the rest."""
        for line in self.index_lines():
            key, timestamp, facts = line.split(" ", maxsplit=2)
            yield key, timestamp, json.loads(facts)

    def index_lines(self) -> list[str]:
        return gzip.decompress(self.members["indexes/index.cdx.gz"]).decode().splitlines()

    def pages(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.members["pages/pages.jsonl"].decode().splitlines()[1:]]

    @property
    def package(self) -> dict[str, Any]:
        return json.loads(self.members["datapackage.json"])
