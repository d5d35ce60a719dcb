"""What robots.txt, headers and metas keep out is not asked for, or not held."""

import gzip
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from collector.cli.dry_run import print_plan, robots_verdict
from collector.console.common import Common, asked_for
from collector.console.terminal import stdout
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from tests.collector.engine.changed_site import (
    IMPATIENT,
    OTHERS,
    SCOPE,
    VICTIM,
    WORLD,
    crawled,
    page,
    robots_says,
    row,
    with_headers,
)
from tests.demo_site import demo_site
from tests.sites import sites_at
from tests.wire import answer, changed


async def test_pages_that_robots_disallows_do_not_close_the_host(crawler: Crawler) -> None:
    summary, code, wire = await crawled(crawler, robots_says(b"User-agent: *\nDisallow: /keibabook/*/photo\n"))
    assert row(crawler.conninfo, "SELECT incidents, blocked_until, open_until FROM host") == (0, None, None)
    assert not any("photo" in path for path in wire.paths)
    query = "SELECT count(*) > 3, bool_and(state = 'failed') FROM page WHERE kind = 'photo_page'"
    assert row(crawler.conninfo, query) == (True, True)
    assert code == ExitCode.BLOCKED  # the site does not give them
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


async def test_a_dry_run_says_what_is_not_for_training(crawler: Crawler, capsys: pytest.CaptureFixture[str]) -> None:
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


async def test_an_opt_out_is_obeyed_on_a_page_that_cannot_be_read(crawler: Crawler) -> None:
    bare = answer("200 OK", b"Content-Type: text/html", body=b"<meta name=robots content=noai><p>no name")
    await crawled(crawler, lambda at, head, body: bare if at == VICTIM.page_path else head + b"\r\n\r\n" + body)
    assert page(crawler.conninfo, VICTIM.page_path)[0] == "excluded"
    assert row(crawler.conninfo, "SELECT digest FROM page WHERE url LIKE '%%' || %s", VICTIM.page_path) == (None,)
