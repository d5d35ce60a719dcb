"""Each fault really does what it says, on a real connection."""

import asyncio
import io
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image

from collector.demo import bombs
from collector.demo.keibado import answer_path
from collector.demo.requestlog import RequestLog
from collector.demo.site import serving
from collector.demo.world import World
from collector.errors import ParseError, Unsafe
from collector.fetch import PAGE_BYTES, unpack
from collector.models import PageKind
from collector.sources import keibado as parser
from collector.sources.text import block_reason, decode

WORLD = World()
CODE = WORLD.issues(2016)[0].code
YEAR, ISSUE, PAGE, IMAGE = (
    "/keibabook/bn/2016.html",
    f"/keibabook/{CODE}/index.html",
    f"/keibabook/{CODE}/photo01.html",
    f"/keibabook/{CODE}/images/pp01.jpg",
)
Get = Callable[..., Awaitable[tuple[aiohttp.ClientResponse, bytes]]]


@asynccontextmanager
async def _asking(*faults: str) -> AsyncIterator[Get]:
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        serving(port=0, hostile=faults) as base,
        aiohttp.ClientSession(base, timeout=timeout, auto_decompress=False) as session,
    ):

        async def get(path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
            async with session.get(path, headers=headers, allow_redirects=False) as answer:
                return answer, await answer.read()

        yield get


async def _raw(base: str, path: str, seconds: float = 0.4) -> tuple[bytes, BaseException | None]:
    """What comes over a bare connection until it ends or the time is over, and how it ended."""
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    received = b""
    try:
        async with asyncio.timeout(seconds):
            while chunk := await reader.read(65536):
                received += chunk
    except (OSError, TimeoutError) as error:
        return received, error
    finally:
        writer.close()
    return received, None


def _body(received: bytes) -> bytes:
    return received.partition(b"\r\n\r\n")[2]


def _whole(path: str) -> bytes:
    answer = answer_path(WORLD, path)
    assert answer
    return answer.body


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_status(status: int):
    async with _asking(str(status)) as get:
        answer, _ = await get(PAGE)
        assert answer.status == status
        assert "Retry-After" not in answer.headers


async def test_retry_after_in_seconds_and_only_once():
    async with _asking("429-retry-after=7x1") as get:
        first, _ = await get(PAGE)
        second, _ = await get(PAGE)
    assert (first.status, first.headers["Retry-After"], second.status) == (429, "7", 200)


async def test_retry_after_as_a_date():
    async with _asking("503-retry-date=60") as get:
        answer, _ = await get(PAGE)
    ahead = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
    assert answer.status == 503
    assert 50 < ahead.total_seconds() <= 61


async def test_a_reset_before_the_answer():
    async with serving(port=0, hostile=["reset"]) as base:
        received, ended = await _raw(base, PAGE)
    assert received == b""
    assert isinstance(ended, ConnectionResetError)


async def test_a_reset_within_the_body():
    async with serving(port=0, hostile=["reset-body"]) as base:
        received, ended = await _raw(base, IMAGE)
    assert received.startswith(b"HTTP/1.1 200")
    assert isinstance(ended, ConnectionResetError)
    assert 0 < len(_body(received)) < len(_whole(IMAGE))


async def test_an_answer_that_never_comes():
    async with serving(port=0, hostile=["stall"]) as base:
        received, ended = await _raw(base, PAGE)
    assert received == b""
    assert isinstance(ended, TimeoutError)


async def test_a_body_that_stops_midway():
    async with serving(port=0, hostile=["stall-body"]) as base:
        received, ended = await _raw(base, IMAGE)
    assert isinstance(ended, TimeoutError)
    assert _body(received) == _whole(IMAGE)[: len(_whole(IMAGE)) // 2]


async def test_a_body_that_is_cut_off():
    async with serving(port=0, hostile=["truncate"]) as base:
        received, ended = await _raw(base, IMAGE, seconds=3)
    assert ended is None
    assert f"Content-Length: {len(_whole(IMAGE))}".encode() in received
    assert _body(received) == _whole(IMAGE)[: len(_whole(IMAGE)) // 2]


@pytest.mark.parametrize(("fault", "packing", "most"), [
    ("gzip-bomb", "gzip", 3_000_000), ("br-bomb", "br", 300_000), ("zstd-bomb", "zstd", 100_000),
])  # fmt: skip
async def test_a_bomb_is_small_on_the_wire_and_too_large_unpacked(fault: str, packing: str, most: int):
    async with _asking(fault) as get:
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
        received, ended = await _raw(base, PAGE)
    assert isinstance(ended, TimeoutError)
    assert b"Transfer-Encoding: chunked" in received
    assert len(received) > 1_000_000


async def test_a_tiny_png_of_enormous_size():
    async with _asking("huge-png") as get:
        answer, body = await get(IMAGE)
    assert answer.content_type == "image/png"
    assert len(body) < 2000
    assert struct.unpack(">II", body[16:24]) == (50_000, 50_000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(body))


async def test_a_wrong_charset():
    async with _asking("euc-jp") as get:
        answer, body = await get(PAGE)
    assert answer.charset == "Shift_JIS"
    assert "厩舎" in body.decode("euc_jp")
    with pytest.raises(ParseError):
        parser.parse(PageKind.PHOTO_PAGE, f"http://x{PAGE}", decode(body, answer.headers["Content-Type"], "shift_jis"))


async def test_bytes_that_are_no_text():
    async with _asking("broken-bytes") as get:
        answer, body = await get(PAGE)
    with pytest.raises(ParseError):
        decode(body, answer.headers["Content-Type"], parser.CHARSET)


async def test_a_page_where_a_picture_should_be():
    async with _asking("html-as-jpeg") as get:
        answer, body = await get(IMAGE)
    assert answer.content_type == "image/jpeg"
    assert body.startswith(b"<!DOCTYPE html>")


async def test_a_redirect_that_never_ends():
    async with _asking("redirect-loop") as get:
        answer, _ = await get(PAGE)
    assert (answer.status, answer.headers["Location"]) == (302, PAGE)


async def test_redirects_to_private_addresses():
    async with _asking("redirect-private") as get:
        targets = {(await get(PAGE))[0].headers["Location"] for _ in range(6)}
    assert {"http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "file:///etc/passwd"} < targets
    assert any(target.startswith("http://[::1]:") for target in targets)


async def test_a_redirect_to_another_site():
    async with _asking("redirect-host", "redirect-host=http://127.0.0.2:81/@/*") as get:
        answer, _ = await get(PAGE)
        robots, _ = await get("/robots.txt")
    assert answer.headers["Location"] == "http://elsewhere.invalid/"
    assert robots.headers["Location"] == "http://127.0.0.2:81/"


async def test_a_harmless_redirect_leads_to_the_same_page():
    async with _asking("redirect-within") as get:
        answer, _ = await get(PAGE)
        target, body = await get(answer.headers["Location"])
    assert (answer.status, target.status, body) == (302, 200, _whole(PAGE))


@pytest.mark.parametrize(
    ("path", "kind"),
    [(YEAR, PageKind.YEAR_INDEX), (ISSUE, PageKind.ISSUE_INDEX), (PAGE, PageKind.PHOTO_PAGE)],
)
async def test_a_layout_in_which_nothing_is_found(path: str, kind: PageKind):
    async with _asking(f"layout@{path}") as get:
        answer, body = await get(path)
        other, _ = await get(PAGE if path != PAGE else ISSUE, **{"If-None-Match": "*"})
    text = decode(body, answer.headers["Content-Type"], parser.CHARSET)
    assert other.status == 304
    with pytest.raises(ParseError):
        parser.parse(kind, f"http://127.0.0.1{path}", text)
    assert not block_reason(text)


@pytest.mark.parametrize("year", [2005, 2008, 2010, 2013])
async def test_every_generation_can_be_redesigned(year: int):
    code = WORLD.issues(year)[0].code
    async with _asking("layout") as get:
        for name, kind in (("index", PageKind.ISSUE_INDEX), ("photo01", PageKind.PHOTO_PAGE)):
            _, body = await get(f"/keibabook/{code}/{name}.html")
            with pytest.raises(ParseError):
                parser.parse(kind, f"http://x/keibabook/{code}/{name}.html", body.decode("cp932"))


async def test_a_distorted_page_has_validators_of_its_own():
    async with _asking("layoutx2") as get:
        _ = await get(PAGE)
        distorted, _ = await get(PAGE)
        plain, _ = await get(PAGE, **{"If-None-Match": distorted.headers["ETag"]})
        changed, _ = await get(PAGE, **{"If-None-Match": plain.headers["ETag"]})
    assert (distorted.status, plain.status, changed.status) == (200, 200, 304)


async def test_a_block_page_with_status_200():
    async with _asking("block-page") as get:
        answer, body = await get(PAGE)
    assert answer.status == 200
    assert block_reason(body.decode())


async def test_a_header_too_large():
    async with _asking("huge-header") as get:
        with pytest.raises(aiohttp.ClientError):
            await get(PAGE)


@pytest.mark.parametrize("word", ["noimageindex", "noai"])
async def test_a_photo_that_asks_to_be_left_out(word: str):
    async with _asking(word) as get:
        image, body = await get(IMAGE)
        page, _ = await get(PAGE)
    assert image.headers["X-Robots-Tag"] == word
    assert body == _whole(IMAGE)
    assert "X-Robots-Tag" not in page.headers


async def test_robots_txt_misbehaves_alone():
    for fault, expected in (("robots-500", 500), ("robots-429", 429), ("503@/robots.txt", 503)):
        async with _asking(fault) as get:
            robots, _ = await get("/robots.txt")
            page, _ = await get(PAGE)
        assert (robots.status, page.status) == (expected, 200)
    async with _asking("robots-disallow") as get:
        _, body = await get("/robots.txt")
    assert body == b"User-agent: *\nDisallow: /\n"
    async with serving(port=0, hostile=["robots-stall"]) as base:
        _, ended = await _raw(base, "/robots.txt", 0.2)
    assert isinstance(ended, TimeoutError)


async def test_a_missing_picture_stays_missing_whatever_is_wrong_with_content():
    missing = WORLD.issues(2016)[1]
    async with _asking("html-as-jpeg", "noai") as get:
        answer, _ = await get(f"/keibabook/{missing.code}/images/pp{len(missing.photos):02}.jpg")
    assert answer.status == 404


async def test_faults_are_in_the_log():
    log = RequestLog()
    async with serving(port=0, hostile=["reset@*photo*", "truncate"], log=log) as base:
        await _raw(base, PAGE)
        await _raw(base, IMAGE)
    assert [(request.fault, request.status) for request in log.requests] == [("reset", None), ("truncate", 200)]
