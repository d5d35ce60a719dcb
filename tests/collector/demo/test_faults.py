"""Each fault of the connection and of HTTP does what it says, on a real socket."""

import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from collector.demo.faults import bombs
from collector.demo.requestlog import RequestLog
from collector.demo.site import serving
from collector.errors import Unsafe
from collector.fetch.fetcher import PAGE_BYTES, unpack
from tests.collector.demo.asking import IMAGE, PAGE, ask_raw, asking, body_of, whole


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_status(status: int):
    async with asking(str(status)) as get:
        answer, _ = await get(PAGE)
        assert answer.status == status
        assert "Retry-After" not in answer.headers


async def test_retry_after_in_seconds_and_only_once():
    async with asking("429-retry-after=7x1") as get:
        first, _ = await get(PAGE)
        second, _ = await get(PAGE)
    assert (first.status, first.headers["Retry-After"], second.status) == (429, "7", 200)


async def test_retry_after_as_a_date():
    async with asking("503-retry-date=60") as get:
        answer, _ = await get(PAGE)
    ahead = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
    assert answer.status == 503
    assert 50 < ahead.total_seconds() <= 61


async def test_a_reset_before_the_answer():
    async with serving(port=0, hostile=["reset"]) as base:
        received, ended = await ask_raw(base, PAGE)
    assert received == b""
    assert isinstance(ended, ConnectionResetError)


async def test_a_reset_within_the_body():
    async with serving(port=0, hostile=["reset-body"]) as base:
        received, ended = await ask_raw(base, IMAGE)
    assert received.startswith(b"HTTP/1.1 200")
    assert isinstance(ended, ConnectionResetError)
    assert 0 < len(body_of(received)) < len(whole(IMAGE))


async def test_an_answer_that_comes_late_and_whole():
    async with asking("slow=0.3x1") as get:
        began = time.monotonic()
        late, late_body = await get(PAGE)
        took = time.monotonic() - began
        prompt, body = await get(PAGE)
    assert took >= 0.3
    assert (late.status, late_body) == (prompt.status, body)


async def test_an_answer_that_never_comes():
    async with serving(port=0, hostile=["stall"]) as base:
        received, ended = await ask_raw(base, PAGE)
    assert received == b""
    assert isinstance(ended, TimeoutError)


async def test_a_body_that_stops_midway():
    async with serving(port=0, hostile=["stall-body"]) as base:
        received, ended = await ask_raw(base, IMAGE)
    assert isinstance(ended, TimeoutError)
    assert body_of(received) == whole(IMAGE)[: len(whole(IMAGE)) // 2]


async def test_a_body_that_is_cut_off():
    async with serving(port=0, hostile=["truncate"]) as base:
        received, ended = await ask_raw(base, IMAGE, seconds=3)
    assert ended is None
    assert f"Content-Length: {len(whole(IMAGE))}".encode() in received
    assert body_of(received) == whole(IMAGE)[: len(whole(IMAGE)) // 2]


@pytest.mark.parametrize(("fault", "packing", "most"), [
    ("gzip-bomb", "gzip", 3_000_000), ("br-bomb", "br", 300_000), ("zstd-bomb", "zstd", 100_000),
])  # fmt: skip
async def test_a_bomb_is_small_on_the_wire_and_too_large_unpacked(fault: str, packing: str, most: int):
    async with asking(fault) as get:
        answer, wire = await get(PAGE)
    assert answer.headers["Content-Encoding"] == packing
    assert len(wire) < most
    with pytest.raises(Unsafe, match="larger than"):
        unpack(wire, packing, PAGE_BYTES)


@pytest.mark.parametrize(
    ("build", "packing"), [(bombs.gzip_bomb, "gzip"), (bombs.brotli_bomb, "br"), (bombs.zstd_bomb, "zstd")]
)
def test_a_bomb_is_valid_to_its_end(build: Callable[[int], bytes], packing: str):
    size = 2 * bombs.PIECE
    body = unpack(build(size), packing, size)
    assert len(body) == size
    assert zlib.crc32(body) == zlib.crc32(bytes(size))


async def test_a_body_without_an_end():
    async with serving(port=0, hostile=["endless"]) as base:
        received, ended = await ask_raw(base, PAGE)
    assert isinstance(ended, TimeoutError)
    assert b"Transfer-Encoding: chunked" in received
    assert len(received) > 1_000_000


async def test_a_redirect_that_never_ends():
    async with asking("redirect-loop") as get:
        answer, _ = await get(PAGE)
    assert (answer.status, answer.headers["Location"]) == (302, PAGE)


async def test_redirects_to_private_addresses():
    async with asking("redirect-private") as get:
        targets = {(await get(PAGE))[0].headers["Location"] for _ in range(6)}
    assert {"http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "file:///etc/passwd"} < targets
    assert any(target.startswith("http://[::1]:") for target in targets)


async def test_a_redirect_to_another_site():
    async with asking("redirect-host", "redirect-host=http://127.0.0.2:81/@/*") as get:
        answer, _ = await get(PAGE)
        robots, _ = await get("/robots.txt")
    assert answer.headers["Location"] == "http://elsewhere.invalid/"
    assert robots.headers["Location"] == "http://127.0.0.2:81/"


async def test_a_harmless_redirect_leads_to_the_same_page():
    async with asking("redirect-within") as get:
        answer, _ = await get(PAGE)
        target, body = await get(answer.headers["Location"])
    assert (answer.status, target.status, body) == (302, 200, whole(PAGE))


async def test_a_header_too_large():
    async with asking("huge-header") as get:
        with pytest.raises(aiohttp.ClientError):
            await get(PAGE)


async def test_robots_txt_misbehaves_alone():
    for fault, expected in (("robots-500", 500), ("robots-429", 429), ("503@/robots.txt", 503)):
        async with asking(fault) as get:
            robots, _ = await get("/robots.txt")
            page, _ = await get(PAGE)
        assert (robots.status, page.status) == (expected, 200)
    async with asking("robots-disallow") as get:
        _, body = await get("/robots.txt")
    assert body == b"User-agent: *\nDisallow: /\n"
    async with serving(port=0, hostile=["robots-stall"]) as base:
        _, ended = await ask_raw(base, "/robots.txt", 0.2)
    assert isinstance(ended, TimeoutError)


async def test_faults_are_in_the_log():
    log = RequestLog()
    async with serving(port=0, hostile=["reset@*photo*", "truncate"], log=log) as base:
        await ask_raw(base, PAGE)
        await ask_raw(base, IMAGE)
    assert [(request.fault, request.status) for request in log.requests] == [("reset", None), ("truncate", 200)]
