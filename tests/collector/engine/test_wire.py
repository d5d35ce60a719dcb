"""What a site sends, to the byte: nothing of it ends a lane, and no page is lost by it."""

import gzip
import random
from datetime import timedelta

import psycopg
import pytest

from collector.engine import lane
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from tests.collector.engine.changed_site import OTHERS, VICTIM, WORLD, crawled, page, row, run, with_headers
from tests.demo_site import demo_site
from tests.wire import answer, changed


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
async def test_a_page_is_read_whatever_its_other_headers_say(crawler: Crawler, headers: tuple[bytes, ...]) -> None:
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
    ("status", "state"), [(b"404 Not Found", "gone"), (b"410 Gone", "gone"), (b"403 Forbidden", "failed")]
)
async def test_what_a_status_says_needs_no_body(crawler: Crawler, status: bytes, state: str) -> None:
    broken = with_headers(b"Content-Encoding: gzip", status=status, wrap=lambda _: b"not packed")
    summary, _, wire = await crawled(crawler, broken)
    assert page(crawler.conninfo, VICTIM.page_path)[0] == state
    assert wire.paths.count(VICTIM.page_path) == 1
    assert summary.requests == len(wire.requests)


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
