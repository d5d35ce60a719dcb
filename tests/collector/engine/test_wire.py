"""What a site sends, to the byte: nothing of it ends a lane, and what we owe the site is counted at the site."""

import asyncio
import gzip
import itertools
import json
import random
from dataclasses import replace
from datetime import date, timedelta

import aiohttp
import psycopg
import pytest

from collector.cli.dry_run import print_plan, robots_verdict
from collector.console.common import Common, asked_for
from collector.console.terminal import stdout
from collector.demo.world.world import World
from collector.engine import lane
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from collector.fetch.fetcher import Timeouts
from collector.frontier.scope import Scope
from collector.frontier.status import Summary
from collector.pipeline.forget import forget_url
from collector.politeness.gate import Connection
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
    """Nobody watches."""


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


@pytest.mark.parametrize(
    "headers",
    [
        (b'ETag: "caf\xe9"',), (b"ETag: \xff\xfe",), (b'ETag: "' + b"x" * 4000 + b'"',), (b"ETag: *",), (b'ETag: ""',),
        (b'ETag: "\x01"',), (b"Last-Modified: gestern, \xe9",), (b"Last-Modified: 0",), (b"ETag:", b"Last-Modified:"),
        (b'ETag: "a"', b'ETag: "caf\xe9"'), (b"Last-Modified: \x8d\xa1\x93\xfa",),
    ],
)  # fmt: skip
async def test_a_validator_not_fit_to_be_sent_is_dropped_and_the_page_kept(
    crawler: Crawler, headers: tuple[bytes, ...]
) -> None:
    summary, code, wire = await crawled(crawler, with_headers(*headers))
    state, error, etag, last_modified = page(crawler.conninfo, VICTIM.page_path)
    assert (state, error, code) == ("fetched", "", ExitCode.DONE)
    assert summary.photos_new == OTHERS + 1
    assert etag in (None, '"a"') or not any(header.startswith(b"ETag") for header in headers)
    assert last_modified is None or not any(header.startswith(b"Last-Modified") for header in headers)
    assert summary.requests == len(wire.requests)


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Type: text/html; charset=caf\xe9",), (b"Content-Type: \xff\xfe",), (b"Content-Type:",),
        (b"Content-Type: " + b"t" * 5000,), (b"X-Robots-Tag: \x8d\xa1\x93\xfa",), (b"Retry-After: \xe9",),
        (b"Content-Encoding: utf-8",), (b"Content-Encoding: UTF-8, identity",), (b"Content-Encoding: none",),
        (b"Content-Encoding: \xe9",), (b"Content-Encoding:",), (b"Date: \xe9",), (b"Location: /\xe9",),
        (b"Set-Cookie: \xe9=\xff",), (b"Link: <\xe9>",), (b"Content-Security-Policy: " + b"x" * 40_000,),
        tuple(b"X-Own-%d: y" % number for number in range(300)),
    ],
)  # fmt: skip
async def test_a_page_is_read_whatever_its_headers_say_besides(crawler: Crawler, headers: tuple[bytes, ...]) -> None:
    summary, code, wire = await crawled(crawler, with_headers(*headers))
    assert (page(crawler.conninfo, VICTIM.page_path)[:2], code) == (("fetched", ""), ExitCode.DONE)
    assert summary.photos_new == OTHERS + 1
    assert summary.requests == len(wire.requests)


@pytest.mark.parametrize(
    ("labels", "wrap"),
    [
        (b"gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
        (b"identity, gzip", gzip.compress), (b"utf-8, GZIP", gzip.compress), (b"x-gzip", gzip.compress),
        (b"gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]) + b"\r\n\0\0"),
    ],
)  # fmt: skip
async def test_codings_are_undone_one_after_the_other(crawler: Crawler, labels: bytes, wrap) -> None:
    await crawled(crawler, with_headers(b"Content-Encoding: " + labels, wrap=wrap))
    assert page(crawler.conninfo, VICTIM.page_path)[0] == "fetched"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (b"201 Created", "fetched"), (b"203 Changed", "fetched"), (b"226 IM Used", "fetched"), (b"299 Well", "fetched"),
        (b"204 Nothing", "failed"), (b"205 Reset", "failed"), (b"206 A part", "failed"), (b"300 Choose", "failed"),
        (b"304 The same", "failed"), (b"305 Ask him", "failed"), (b"999 No", "failed"),
    ],
)  # fmt: skip
async def test_which_successes_have_a_page(crawler: Crawler, status: bytes, state: str) -> None:
    """As browsers show it, and only where it is whole; a 304 that answers no condition brings nothing."""
    bodiless = status[:3] in (b"204", b"304")
    summary, _, wire = await crawled(crawler, with_headers(status=status, wrap=lambda body: b"" if bodiless else body))
    held = row(
        crawler.conninfo, "SELECT state, digest IS NOT NULL FROM page WHERE url LIKE '%%' || %s", VICTIM.page_path
    )
    assert held == (state, state == "fetched")
    assert summary.photos_new == OTHERS + (state == "fetched")
    assert summary.requests == len(wire.requests)


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/写真/表.html".encode("cp932"), "/%8E%CA%90%5E/%95%5C.html"), ("/写真".encode("euc_jp"), "/%BC%CC%BF%BF"),
        ("/写真".encode(), "/%E5%86%99%E7%9C%9F"), (b"/%e5%86 x?y=1 2", "/%e5%86%20x?y=1%202"),
        (b"/a b\tc#part", "/a%20bc"), (b"../../x/./y", "/x/y"), (b"/a/%2e%2e/b", "/b"), (b"\\a\\b", "/a/b"),
        (b"?moved", None), (b"//HOST/a//b", "/a//b"), (b"http:/c", "/c"), (b"  /a  ", "/a"),
    ],
)  # fmt: skip
async def test_a_redirect_leads_where_browsers_go(crawler: Crawler, location: bytes, asked: str | None) -> None:
    def change(path: str, head: bytes, body: bytes) -> bytes:
        if path == VICTIM.page_path:
            to = location.replace(b"HOST", wires[0].base.removeprefix("http://").encode())
            return answer("302 Found", b"Location: " + to)
        return head + b"\r\n\r\n" + body

    wires: list[Wire] = []
    async with demo_site(world=WORLD) as site, changed(site.base, change) as wire:
        wires.append(wire)
        summary, _ = await run(crawler, wire.base)
    hop = wire.paths[wire.paths.index(VICTIM.page_path) + 1]
    assert hop == (asked or f"{VICTIM.page_path}?moved")
    assert summary.requests == len(wire.requests)
    assert summary.photos_new == OTHERS + (asked is None)


@pytest.mark.parametrize(
    "location",
    [
        b"http://[::1/", b"http://127.0.0.1:99999/", b"", b"   ", b"javascript:alert(1)", b"http://\xe9.example/",
        b"//", b"http://elsewhere.example/\x1b[31m", b"http://user:word@elsewhere.example/", b"mailto:a@b", b"http://[v1.x]/",
    ],
)  # fmt: skip
async def test_a_redirect_to_nowhere_is_one_request_and_one_row(crawler: Crawler, location: bytes) -> None:
    def change(path: str, head: bytes, body: bytes) -> bytes:
        if path == VICTIM.image_path:
            return answer("302 Found", b"Location: " + location)
        return head + b"\r\n\r\n" + body

    summary, code, wire = await crawled(crawler, change)
    assert page(crawler.conninfo, VICTIM.image_path)[0] == "failed"
    assert code == ExitCode.SOME_FAILED
    assert summary.requests == len(wire.requests)
    assert summary.photos_new == OTHERS


@pytest.mark.parametrize(("pause", "followed"), [(b"1", True), (b"3600", False)])
async def test_a_redirects_retry_after_is_waited_for_or_closes_the_host(
    crawler: Crawler, pause: bytes, followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9110 section 10.2.3: with a redirect, Retry-After is the least wait before the next request of it."""
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))

    def change(path: str, head: bytes, body: bytes) -> bytes:
        moved = answer("302 Found", b"Location: ?moved", b"Retry-After: " + pause)
        return moved if path == VICTIM.page_path else head + b"\r\n\r\n" + body

    summary, code, wire = await crawled(crawler, change)
    asked = wire.paths.index(VICTIM.page_path)
    assert wire.paths.count(VICTIM.page_path) == 1
    assert summary.requests == len(wire.requests)
    assert code == (ExitCode.DONE if followed else ExitCode.BLOCKED)
    if followed:
        assert wire.paths[asked + 1].endswith("?moved")
        assert wire.requests[asked + 1].started - wire.requests[asked].started > 0.99
    else:
        assert wire.requests[asked + 1 :] == []
        (wait,) = row(
            crawler.conninfo, "SELECT EXTRACT(EPOCH FROM blocked_until - clock_timestamp())::float8 FROM host"
        )
        assert 3590 < wait < 3601


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
    """Without a delay connections are used again, and the first reset of one is the place for a repeat."""
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


async def test_pages_that_robots_disallows_do_not_close_the_host(crawler: Crawler) -> None:
    summary, code, wire = await crawled(crawler, robots_says(b"User-agent: *\nDisallow: /keibabook/*/photo\n"))
    assert row(crawler.conninfo, "SELECT incidents, blocked_until, open_until FROM host") == (0, None, None)
    assert not any("photo" in path for path in wire.paths)
    query = "SELECT count(*) > 3, bool_and(state = 'failed') FROM page WHERE kind = 'photo_page'"
    assert row(crawler.conninfo, query) == (True, True)
    assert code == ExitCode.BLOCKED  # the site does not give them
    assert summary.requests == len(wire.requests)


async def test_a_redirect_to_what_robots_disallows_is_not_followed(crawler: Crawler) -> None:
    def change(path: str, head: bytes, body: bytes) -> bytes:
        if path == "/robots.txt":
            return answer(body=b"User-agent: *\nDisallow: /hidden/\n")
        moved = answer("302 Found", b"Location: /seen/%2e%2e/hidden/x")
        return moved if path == VICTIM.page_path else head + b"\r\n\r\n" + body

    summary, _, wire = await crawled(crawler, change)
    assert not any("hidden" in path for path in wire.paths)
    assert page(crawler.conninfo, VICTIM.page_path)[:2] == (
        "failed", "robots: Disallow: /hidden/",
    )  # fmt: skip
    assert summary.requests == len(wire.requests)


@pytest.mark.parametrize(
    "signal",
    [b"Content-Signal: search=yes, ai-train=no", b"Content-Usage: train-ai=n", b"content-signal:AI-TRAIN = no"],
)
async def test_photos_that_are_not_for_training_are_not_asked_for(crawler: Crawler, signal: bytes) -> None:
    robots = b"User-agent: *\n" + signal + b"\nAllow: /\n"
    _, code, wire = await crawled(crawler, robots_says(robots))
    assert not any("photo" in path or path.endswith(".jpg") for path in wire.paths)
    assert any(path.endswith("index.html") for path in wire.paths)
    state, error, *_ = page(crawler.conninfo, VICTIM.page_path)
    assert (state, error) == ("failed", f"training: {signal.decode()}")
    assert row(crawler.conninfo, "SELECT incidents FROM host") == (0,)
    assert code == ExitCode.BLOCKED


async def test_what_is_not_for_training_is_told_before_anything_is_asked(
    crawler: Crawler, capsys: pytest.CaptureFixture[str]
) -> None:
    says = robots_says(b"User-agent: *\nContent-Signal: search=yes, ai-train=no\n")
    async with demo_site(world=WORLD) as site, changed(site.base, says) as wire:
        crawler = replace(crawler, sites=sites_at(wire.base), timeouts=IMPATIENT)
        verdict = await robots_verdict(crawler, crawler.sites[0], wire.base + VICTIM.image_path)
        with asked_for(Common(json=True)):
            await print_plan(stdout(), crawler, SCOPE)
        assert wire.paths == ["/robots.txt"]
    assert (verdict["allowed"], verdict["training"]) == (True, False)
    assert verdict["training_line"] == "2: Content-Signal: search=yes, ai-train=no"
    assert json.loads(capsys.readouterr().out)["training"] is False


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"User-agent: *\nDisallow: /\n", mtime=0), "User-agent: *\nDisallow: /\n".encode("utf-16"),
        "User-agent: *\nDisallow: /\n".encode("utf-16-be"), b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /\r\n\x1a",
        gzip.compress(b"User-agent: *\nAllow: /\n", mtime=0)[:-9], b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"BZh91AY&SY\x00\x01", b"\x04\x22\x4d\x18packed in a way of its own",
    ],
)  # fmt: skip
async def test_a_robots_txt_is_read_by_its_first_bytes_or_out_of_reach(
    crawler: Crawler, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    summary, code, wire = await crawled(crawler, robots_says(body))
    assert set(wire.paths) == {"/robots.txt"}
    assert code == ExitCode.BLOCKED
    assert summary.requests == len(wire.requests)


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
async def test_a_site_that_says_stay_away_is_heard_whatever_its_body_is(
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


@pytest.mark.parametrize(
    ("status", "state"), [(b"404 Not Found", "gone"), (b"410 Gone", "gone"), (b"403 Forbidden", "failed")]
)
async def test_what_a_status_says_needs_no_body(crawler: Crawler, status: bytes, state: str) -> None:
    broken = with_headers(b"Content-Encoding: gzip", status=status, wrap=lambda _: b"not packed")
    summary, _, wire = await crawled(crawler, broken)
    assert page(crawler.conninfo, VICTIM.page_path)[0] == state
    assert wire.paths.count(VICTIM.page_path) == 1
    assert summary.requests == len(wire.requests)


async def test_a_date_to_come_back_at_is_on_the_clock_of_who_wrote_it(
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


@pytest.mark.parametrize(
    "headers",
    [
        (b"X-Robots-Tag: noai, max-image-preview:large",), (b"X-Robots-Tag: max-snippet:-1, noai",),
        (b"X-Robots-Tag: otherbot: noindex", b"X-Robots-Tag: Paddock-Collector: NoImageIndex"),
        (b"X-Robots-Tag: noimageindex, unavailable_after: 25 Jun 2030 15:00:00 PST",),
        (b"Content-Signal: search=yes, ai-train=no",), (b"Content-Usage: train-ai=n",), (b"TDM-Reservation: 1",),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [VICTIM.page_path, VICTIM.image_path])
async def test_what_the_headers_keep_out_is_not_held(crawler: Crawler, headers: tuple[bytes, ...], path: str) -> None:
    summary, code, wire = await crawled(crawler, with_headers(*headers, at=path))
    assert page(crawler.conninfo, path)[0] == "excluded"
    assert row(crawler.conninfo, "SELECT digest FROM page WHERE url LIKE '%%' || %s", path) == (None,)
    assert (summary.photos_new, code) == (OTHERS, ExitCode.DONE)
    if path == VICTIM.page_path:
        assert VICTIM.image_path not in wire.paths


async def test_what_a_pages_own_metas_keep_out_is_not_held(crawler: Crawler) -> None:
    def change(path: str, head: bytes, body: bytes) -> bytes:
        if path != VICTIM.page_path:
            return head + b"\r\n\r\n" + body
        metas = b'<meta name="robots" content="index"><meta name="Paddock-Collector" content="max-snippet:-1;noai">'
        return answer("200 OK", b"Content-Type: text/html; charset=Shift_JIS", body=metas + body)

    _, _, wire = await crawled(crawler, change)
    assert page(crawler.conninfo, VICTIM.page_path)[0] == "excluded"
    assert VICTIM.image_path not in wire.paths


@pytest.mark.parametrize("path", [VICTIM.page_path, VICTIM.image_path])
async def test_a_redirect_that_keeps_a_photo_out_is_not_followed(crawler: Crawler, path: str) -> None:
    away = answer("302 Found", b"Location: /moved.html", b"X-Robots-Tag: noai")
    _, _, wire = await crawled(crawler, lambda at, head, body: away if at == path else head + b"\r\n\r\n" + body)
    assert page(crawler.conninfo, path)[0] == "excluded"
    assert "/moved.html" not in wire.paths


async def test_an_opt_out_is_obeyed_on_a_page_that_cannot_be_read(crawler: Crawler) -> None:
    bare = answer("200 OK", b"Content-Type: text/html", body=b"<meta name=robots content=noai><p>no name")
    await crawled(crawler, lambda at, head, body: bare if at == VICTIM.page_path else head + b"\r\n\r\n" + body)
    assert page(crawler.conninfo, VICTIM.page_path)[0] == "excluded"
    assert row(crawler.conninfo, "SELECT digest FROM page WHERE url LIKE '%%' || %s", VICTIM.page_path) == (None,)


async def test_not_modified_leaves_the_validators_that_the_bytes_came_with(crawler: Crawler) -> None:
    def change(path: str, head: bytes, body: bytes) -> bytes:
        return answer("304 Not Modified", b'ETag: "other"') if b" 304 " in head else head + b"\r\n\r\n" + body

    async with demo_site(world=WORLD) as site, changed(site.base, change) as wire:
        await run(crawler, wire.base)
        before = page(crawler.conninfo, VICTIM.page_path)
        with psycopg.connect(crawler.conninfo) as connection:
            connection.execute("UPDATE page SET due_at = now() WHERE url LIKE '%%' || %s", [VICTIM.page_path])
        await run(crawler, wire.base)
    assert before[2]
    assert page(crawler.conninfo, VICTIM.page_path) == before
    log = "SELECT outcome FROM fetch_log WHERE url LIKE '%%' || %s ORDER BY id DESC LIMIT 1"
    assert row(crawler.conninfo, log, VICTIM.page_path) == ("not_modified",)


@pytest.mark.parametrize(("etag", "last_modified"), [("caf\xe9", None), ("*", "yesterday"), (None, None)])
async def test_a_304_counts_only_where_what_is_held_could_be_asked_about(
    crawler: Crawler, etag: str | None, last_modified: str | None
) -> None:
    """An earlier version kept validators that cannot be sent, so the request had no conditions."""

    def change(path: str, head: bytes, body: bytes) -> bytes:
        return answer("304 Not Modified") if again and path == VICTIM.page_path else head + b"\r\n\r\n" + body

    again: list[bool] = []
    async with demo_site(world=WORLD) as site, changed(site.base, change) as wire:
        await run(crawler, wire.base)
        with psycopg.connect(crawler.conninfo) as connection:
            connection.execute(
                "UPDATE page SET due_at = now(), etag = %s, last_modified = %s WHERE url LIKE '%%' || %s",
                [etag, last_modified, VICTIM.page_path],
            )
        again.append(True)
        assert (await run(crawler, wire.base))[1] == ExitCode.SOME_FAILED
    assert page(crawler.conninfo, VICTIM.page_path)[:2] == (
        "failed", "try_later: not modified (304), though we asked without conditions: nothing came",
    )  # fmt: skip


NAMES = (
    b"ETag", b"Last-Modified", b"Content-Type", b"Content-Encoding", b"Location", b"Retry-After", b"Date",
    b"X-Robots-Tag", b"Content-Signal", b"Content-Usage", b"Set-Cookie", b"Cache-Control", b"Server", b"Vary",
)  # fmt: skip
PIECES = (
    b"noai", b"gzip", b"br", b"utf-8", b"text/html", b"charset=", b"http://", b"/", b"..", b":", b",", b";", b"=", b'"',
    b"W/", b"0", b"-1", b"Mon, 23 Nov 2026 12:05:00 GMT", b"paddock-collector", b"\xe9", b"\xff", b"\x80", b"\x01",
    b"\x1b[31m", b"%", b"[", b"\\", b" ", b"\t", b"x" * 300, "馬".encode(), "馬".encode("cp932"),
)  # fmt: skip
STATUSES = (b"200 OK",) * 8 + (b"302 Moved", b"304 Same", b"500 Oh", b"404 None", b"203 \xe9", b"206 Part")


@pytest.mark.parametrize("random_seed", range(4))
async def test_no_answer_ends_a_lane(
    crawler: Crawler, random_seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Headers of random bytes on every page: each page is decided on, and the site sees what our log has."""
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    chance = random.Random(random_seed)

    def change(path: str, head: bytes, body: bytes) -> bytes:
        if path == "/robots.txt" or chance.random() < 0.3:
            return head + b"\r\n\r\n" + body
        headers = [
            chance.choice(NAMES) + b": " + b"".join(chance.choices(PIECES, k=chance.randint(0, 5)))
            for _ in range(chance.randint(1, 4))
        ]
        return with_headers(*headers, at=path, status=chance.choice(STATUSES))(path, head, body)

    summary, code, wire = await crawled(crawler, change)
    assert summary.requests == len(wire.requests)
    assert code in (ExitCode.DONE, ExitCode.SOME_FAILED, ExitCode.BLOCKED)
    ours = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert ours == []
    due = "SELECT count(*) FROM page WHERE due_at <= clock_timestamp() AND kind <> 'robots'"
    assert code == ExitCode.BLOCKED or row(crawler.conninfo, due) == (0,)
    assert row(crawler.conninfo, "SELECT count(*) FROM page WHERE state = 'fetched' AND digest IS NULL") == (0,)


async def test_an_error_of_our_own_after_a_request_is_one_row(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lane.read

    def read(visit, response, stopped_kinds):
        if visit.page.url.endswith(VICTIM.page_path):
            raise KeyError("a mistake of ours")
        return real(visit, response, stopped_kinds)

    monkeypatch.setattr(lane, "read", read)
    async with demo_site(world=WORLD) as site:
        summary, _ = await run(crawler, site.base)
        assert summary.requests == len(site.requests)
    assert summary.photos_new == OTHERS


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
