"""Pages of the look-alike as people save them: in folders and in WARC files, with a home that has crawled them."""

import asyncio
import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.engine.refresh import label_scope, plan, refresh
from collector.frontier.scope import Scope
from collector.imports.bring import Import
from collector.imports.files import Files
from collector.imports.identify import Places, read_kind
from collector.imports.report import Report
from collector.sources import Site
from collector.storage.archive import unpack
from tests.demo_site import DemoSite, demo_site
from tests.sites import labels_at, sites_at

WORLD = World(years=range(2015, 2016), issues_per_year=2, photos_per_issue=4)
ALL = Scope(date(2015, 1, 1), date(2015, 12, 31))
SITES = sites_at("http://old.keibado.ne.jp", "https://db.netkeiba.com", race="https://race.netkeiba.com")
TABLES = {
    "issue": "source, code, issue_date, race_days",
    "photo": "source, issue_code, number, listed_name, race_name, horse_name, comment, digest, phash, width, pedigree",
    "race": "race_id, race_date, racecourse, surface, distance, going, name",
    "entry": "race_id, runner, horse_id, finish_position, finish_time, odds, horse_weight",
    "horse": "horse_id, name, sire, dam",
    "photo_match": "source, issue_code, number, horse_id, race_id, rule",
    "aptitude": "horse_id, axis, left_px, right_px, value, reviews, evidence",
}


@dataclass(frozen=True, slots=True)
class Saved:
    """A page that was crawled."""

    url: str
    role: str
    kind: str
    body: bytes
    media_type: str
    at: datetime

    @property
    def path(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def name(self) -> str:
        """What its file is called: by its id, as people do it, or else by its path."""
        words = [word for word in urlsplit(self.url).path.split("/") if word]
        if self.kind in ("race_result", "horse") and len(words) == 2:
            return f"{self.kind}/{words[1]}.bin"
        return "/".join(words)


async def show(_: Tick) -> None:
    """Show nothing."""


def sites_of(site: DemoSite) -> tuple[Site, ...]:
    return sites_at(site.base, site.netkeiba, race=site.netkeiba)


async def collect(conninfo: str, site: DemoSite) -> None:
    """One crawl of everything, and one refresh of the labels."""
    crawler = Crawler(conninfo, contact=None, sites=sites_of(site), crawl_delay=0.0)
    await crawl(crawler, ALL, show)
    async with await crawler.connect() as connection:
        await plan(connection, labels_at(site.netkeiba), older_than=None, horses=None)
    crawler.stopping = asyncio.Event()
    await refresh(crawler, labels_at(site.netkeiba), label_scope(), show)


async def crawled_once(conninfo: str) -> None:
    """A home that has crawled the small world."""
    async with demo_site(world=WORLD) as site:
        await collect(conninfo, site)


def pages_of(conninfo: str) -> list[Saved]:
    """The pages that a home holds, at the addresses of the real sites."""
    query = """SELECT url, role, kind, encoding, content, COALESCE(page.media_type, blob.media_type), changed_at
               FROM page JOIN blob USING (digest) WHERE role <> 'robots' AND state = 'fetched' ORDER BY page.id"""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(query).fetchall()
    return [Saved(_real(url, kind), role, kind, unpack(content, encoding), media_type, at)
            for url, role, kind, encoding, content, media_type, at in rows]  # fmt: skip


def _real(url: str, kind: str) -> str:
    parts = urlsplit(url)
    if parts.hostname == "127.0.0.1":
        return parts._replace(netloc="old.keibado.ne.jp").geturl()
    host = "race.netkeiba.com" if kind in ("race_calendar", "race_card", "coming_day") else "db.netkeiba.com"
    return parts._replace(scheme="https", netloc=host).geturl()


def write_folder(folder: Path, pages: Iterable[Saved]) -> Path:
    """A folder with a file for each page."""
    for page in pages:
        path = folder / page.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page.body)
    return folder


def record(kind: str, url: str, block: bytes, at: str, media_type: str = "application/http; msgtype=response") -> bytes:
    """One record of a WARC file."""
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\n"
        f"WARC-Target-URI: {url}\r\nWARC-Date: {at}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def response(page: Saved, *headers: str, status: str = "200 OK") -> bytes:
    """The record of an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {page.media_type}", *headers, "", ""]
    at = page.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return record("response", page.url, "\r\n".join(lines).encode() + page.body, at)


def warc(pages: Iterable[Saved], *headers: str, packed: bool = True) -> bytes:
    """A WARC file with an answer for each page."""
    records = [response(page, *headers) for page in pages]
    return b"".join(map(gzip.compress, records) if packed else records)


async def bring(
    conninfo: str, *paths: Path, sites: Sequence[Site] = SITES, kind: str | None = None, dry_run: bool = False
) -> Report:
    """One `collector import`."""
    wanted = read_kind(kind, {site.source.name: site.source for site in sites}.values())
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        files, report = Files(list(paths), any_kind=wanted is not None), Report(all_names=True)
        return await Import(connection, files, Places(sites, wanted), report, dry_run, lambda *_: None).run()


def facts(conninfo: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables say, without when and from where."""
    with psycopg.connect(conninfo) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}".encode()).fetchall(), key=repr)
            for table, columns in TABLES.items()
        }


def rows(conninfo: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def later(page: Saved, **changes: Any) -> Saved:
    """The same page, saved otherwise."""
    return replace(page, **changes)


def left(report: Report) -> dict[str, int]:
    """What was left out, by reason."""
    return {str(code): count for code, count in report.left_out.items()}
