"""What we owe a site is counted at the site: one slot and one row a request, and no return before the time."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from collector.pipeline.forget import forget_url
from collector.politeness.gate import Connection
from tests.collector.engine.changed_site import IMPATIENT, SCOPE, VICTIM, WORLD, crawled, row, run, show
from tests.demo_site import demo_site
from tests.sites import sites_at
from tests.wire import answer


@pytest.mark.parametrize(
    "fault", ["redirect-host", "redirect-private", "redirect-loop", "redirect-within", "404", "403"]
)
async def test_one_request_is_one_row(crawler: Crawler, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    async with demo_site(world=WORLD, crawl_delay=0.03, hostile=[f"{fault}@{VICTIM.image_path}"]) as site:
        summary, _ = await run(crawler, site.base)
        assert summary.requests == len(site.requests)
    assert summary.min_gap is not None
    assert summary.min_gap >= 0.03
    assert row(crawler.conninfo, "SELECT smallest_gap >= 0.03 FROM host") == (True,)


@pytest.mark.parametrize("fault", ["reset:0.25", "reset-body:0.25", "truncate:0.25"])
async def test_nothing_leaves_without_a_slot_and_a_row(crawler: Crawler, fault: str) -> None:
    """HTTP libraries ask again by themselves when a connection is reset; the site counts."""
    delay = 0.2
    async with demo_site(world=WORLD, crawl_delay=delay, hostile=[fault]) as site:
        summary, _ = await run(crawler, site.base)
        starts = [request.started for request in site.requests]
        faults = sum(request.fault is not None for request in site.requests)
    assert faults > 2
    assert summary.requests == len(starts)
    # The site measures in this process, which may be held up; a repeat comes within some milliseconds.
    assert min(later - earlier for earlier, later in itertools.pairwise(starts)) > delay / 2
    assert row(crawler.conninfo, "SELECT smallest_gap >= %s - 0.001 FROM host", delay) == (True,)
    assert max(request.open_requests for request in site.requests) == 1


async def test_no_repeat_on_a_connection_that_is_kept(crawler: Crawler) -> None:
    """Without a delay connections are used again, and the first reset of one is the crawler for a repeat."""
    async with demo_site(world=WORLD, hostile=["reset:0.3"]) as site:
        summary, _ = await run(crawler, site.base)
        assert summary.requests == len(site.requests)


async def test_the_pause_is_counted_from_when_the_request_left(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making the first connection takes a while; the site must not see the second request the sooner for it."""
    connect = aiohttp.TCPConnector._create_connection
    first = [True]

    async def slowly(self, *arguments):
        if first:
            first.pop()
            await asyncio.sleep(0.38)  # a fifth of the delay and more would make the delay longer
        return await connect(self, *arguments)

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", slowly)
    async with demo_site(world=WORLD, crawl_delay=2.0) as site:
        crawler = replace(crawler, sites=sites_at(site.base), timeouts=IMPATIENT)

        async def stop(_: Tick) -> None:
            if len(site.requests) > 1:
                crawler.stopping.set()

        await crawl(crawler, SCOPE, stop)
        starts = [request.started for request in site.requests]
    assert starts[1] - starts[0] > 1.8


@pytest.mark.parametrize(
    "header",
    [b"Retry-After: 0", b"Retry-After: -5", b"Retry-After: soon", b"Retry-After: Mon, 23 Nov 2020 12:00:00 GMT",
     b"Retry-After: 1", b"Retry-After: \xe9", b"Retry-After: 1.5, 2"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/robots.txt", VICTIM.page_path])
async def test_nothing_brings_us_back_sooner_than_our_own_back_off(
    crawler: Crawler, header: bytes, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))

    def change(asked: str, head: bytes, body: bytes) -> bytes:
        return answer("503 Busy", header) if asked == path else head + b"\r\n\r\n" + body

    _, code, wire = await crawled(crawler, change)
    assert wire.paths.count(path) == 1
    assert wire.paths[-1] == path
    assert code == ExitCode.BLOCKED
    (wait,) = row(crawler.conninfo, "SELECT EXTRACT(EPOCH FROM blocked_until - clock_timestamp())::float8 FROM host")
    assert 55 < wait < 70


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable", "500 Oh"])
@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [
        ((b"Content-Encoding: gzip",), b"<html>not packed", 16), ((b"Content-Encoding: deflate",), b"x", 1),
        ((), b"cut", 1000), ((), b"huge", 10**10), ((b"Set-Cookie: " + b"x" * 20_000,), b"", 0),
        ((b"Transfer-Encoding: chunked",), b"5\r\nhe", None),
    ],
)  # fmt: skip
async def test_a_busy_site_is_obeyed_whatever_its_body_is(
    crawler: Crawler, status: str, headers: tuple[bytes, ...], body: bytes, length: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    counted = () if length is None else (b"Content-Length: %d" % length,)
    head = b"\r\n".join([f"HTTP/1.1 {status}".encode(), b"Retry-After: 3600", *headers, *counted])

    def change(path: str, there: bytes, whole: bytes) -> bytes:
        return (
            (head if path == VICTIM.page_path else there) + b"\r\n\r\n" + (body if path == VICTIM.page_path else whole)
        )

    summary, code, wire = await crawled(crawler, change)
    assert wire.paths.count(VICTIM.page_path) == 1
    assert wire.paths[-1] == VICTIM.page_path
    assert (code, summary.requests) == (ExitCode.BLOCKED, len(wire.requests))
    (wait,) = row(crawler.conninfo, "SELECT EXTRACT(EPOCH FROM blocked_until - clock_timestamp())::float8 FROM host")
    assert 3590 < wait < 3601


async def test_a_date_to_come_back_at_is_on_the_clock_of_its_server(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose clock is a day behind asks for an hour."""
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    headers = (b"Date: Mon, 23 Nov 2020 12:00:00 GMT", b"Retry-After: Mon, 23 Nov 2020 13:00:00 GMT")

    def change(asked: str, head: bytes, body: bytes) -> bytes:
        return answer("429 Busy", *headers) if asked == VICTIM.page_path else head + b"\r\n\r\n" + body

    await crawled(crawler, change)
    (wait,) = row(crawler.conninfo, "SELECT EXTRACT(EPOCH FROM blocked_until - clock_timestamp())::float8 FROM host")
    assert 3590 < wait < 3601


async def test_a_photo_that_is_forgotten_between_two_tries_is_not_tried_again(
    crawler: Crawler, connection: Connection
) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.5, hostile=[f"500@{VICTIM.page_path}"]) as site:
        crawler = replace(crawler, sites=sites_at(site.base), timeouts=IMPATIENT)
        crawling = asyncio.create_task(crawl(crawler, SCOPE, show))
        while VICTIM.page_path not in site.paths():  # noqa: ASYNC110  (the site has no event for it)
            await asyncio.sleep(0.01)
        await forget_url(connection, site.base + VICTIM.page_path)
        so_far = len(site.requests)
        while len(site.requests) < so_far + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        crawler.stopping.set()
        summary, _ = await crawling
        assert site.paths().count(VICTIM.page_path) == 1
        assert summary.requests == len(site.requests)


async def test_a_crawl_that_is_stopped_between_attempts_leaves_no_slot_behind(crawler: Crawler) -> None:
    """The next one need not wait for a request that was never made."""
    async with demo_site(world=WORLD, crawl_delay=0.7, hostile=["500"]) as site:
        crawler = replace(crawler, sites=sites_at(site.base), timeouts=IMPATIENT)

        async def stop(_: Tick) -> None:
            if len(site.requests) > 1:
                crawler.stopping.set()

        summary, _ = await crawl(crawler, SCOPE, stop)
        assert summary.requests == len(site.requests)
    held = "SELECT open_until, slot_at, next_at <= clock_timestamp() + interval '0.7 s' FROM host"
    assert row(crawler.conninfo, held) == (None, None, True)
