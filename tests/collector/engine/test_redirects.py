"""Redirects lead where browsers go, and nowhere that robots.txt or the photo itself keeps out."""

from datetime import timedelta

import pytest

from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from tests.collector.engine.changed_site import OTHERS, VICTIM, WORLD, crawled, page, row, run
from tests.demo_site import demo_site
from tests.wire import Wire, answer, changed


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


@pytest.mark.parametrize("path", [VICTIM.page_path, VICTIM.image_path])
async def test_a_redirect_that_keeps_a_photo_out_is_not_followed(crawler: Crawler, path: str) -> None:
    away = answer("302 Found", b"Location: /moved.html", b"X-Robots-Tag: noai")
    _, _, wire = await crawled(crawler, lambda at, head, body: away if at == path else head + b"\r\n\r\n" + body)
    assert page(crawler.conninfo, path)[0] == "excluded"
    assert "/moved.html" not in wire.paths
