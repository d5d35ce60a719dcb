"""A crawl of the look-alike, of which a test changes what it sends."""

import asyncio
from dataclasses import replace
from datetime import date

import psycopg

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from collector.fetch.fetcher import Timeouts
from collector.frontier.scope import Scope
from collector.frontier.status import Summary
from tests.demo_site import demo_site
from tests.sites import sites_at
from tests.truth import truth
from tests.wire import Change, Wire, answer, changed

WORLD = World(years=range(2014, 2015), issues_per_year=2, photos_per_issue=4)
SCOPE = Scope(date(2014, 1, 1), date(2014, 12, 31))
VICTIM = next(photo for photo in truth(WORLD).photos if not photo.missing)
OTHERS = sum(not photo.missing for photo in truth(WORLD).photos) - 1
IMPATIENT = Timeouts(connect=1.0, read=1.0, total=5.0)


async def show(_: Tick) -> None:
    """Show nothing."""


async def run(crawler: Crawler, base: str) -> tuple[Summary, ExitCode]:
    crawler = replace(crawler, sites=sites_at(base), timeouts=IMPATIENT, stopping=asyncio.Event())
    return await crawl(crawler, SCOPE, show)


async def crawled(crawler: Crawler, change: Change) -> tuple[Summary, ExitCode, Wire]:
    async with demo_site(world=WORLD) as site, changed(site.base, change) as wire:
        return *await run(crawler, wire.base), wire


def row(conninfo: str, query: str, *parameters: object) -> tuple:
    with psycopg.connect(conninfo) as connection:
        found = connection.execute(query, parameters).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert found is not None
    return found


def page(conninfo: str, path: str) -> tuple:
    query = """SELECT state, COALESCE(error_code || ': ', '') || COALESCE(error, ''), etag, last_modified FROM page
               WHERE url LIKE '%%' || %s"""
    return row(conninfo, query, path)


def with_headers(*headers: bytes, at: str = VICTIM.page_path, status: bytes = b"200 OK", wrap=lambda body: body):
    """A site whose one page has other headers."""

    def change(path: str, head: bytes, body: bytes) -> bytes:
        if path != at:
            return head + b"\r\n\r\n" + body
        names = {header.partition(b":")[0].lower() for header in (*headers, b"Content-Length:")}
        kept = [line for line in head.split(b"\r\n")[1:] if line.partition(b":")[0].lower() not in names]
        body = wrap(body)
        lines = [b"HTTP/1.1 " + status, *kept, *headers, b"Content-Length: %d" % len(body)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    return change


def robots_says(body: bytes, *headers: bytes) -> Change:
    def change(path: str, head: bytes, rest: bytes) -> bytes:
        return answer("200 OK", *headers, body=body) if path == "/robots.txt" else head + b"\r\n\r\n" + rest

    return change
