"""One request, and what came of it: bounded in size, time and address, and never following where it is sent."""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import aiohttp
import brotli
from yarl import URL

from collector import __version__
from collector.addresses import NOT_GLOBAL, AddressRules
from collector.errors import HostBusy, Refused, TryLater, Unsafe
from collector.robots import PRODUCT_TOKEN, retry_after_seconds

try:
    from backports import zstd
except ImportError:  # Python 3.14 has it
    from compression import zstd  # pyright: ignore[reportMissingImports]

PAGE_BYTES = 5 * 1024 * 1024  # of a page, on the wire and unpacked
IMAGE_BYTES = 20 * 1024 * 1024
CHUNK = 64 * 1024
WIDEST_WINDOW = 23  # log2 of the bytes that a zstd answer may make us hold, 8 MiB, as RFC 9659 has it
KEEP_OUT = ("noimageindex", "noai", "noimageai")
REFUSALS = "the site refuses this page"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each part of a request may take, in seconds."""

    connect: float = 10.0
    read: float = 30.0  # between two pieces
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole and unpacked."""

    url: str
    status: int
    headers: Mapping[str, str]  # any case
    body: bytes

    @property
    def etag(self) -> str | None:
        return self.headers.get("ETag")

    @property
    def last_modified(self) -> str | None:
        return self.headers.get("Last-Modified")

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "")

    @property
    def location(self) -> str | None:
        """Where a redirect leads, absolute."""
        target = self.headers.get("Location")
        return urljoin(self.url, target) if target else None


class Fetcher:
    """Asks one of the sites for one thing at a time, and says honestly who is asking."""

    def __init__(self, contact: str | None, sites: Sequence[str], timeouts: Timeouts) -> None:
        self._rules = AddressRules(sites)
        self._timeouts = timeouts
        agent = f"{PRODUCT_TOKEN}/{__version__}"
        self._headers = {"User-Agent": f"{agent} (+{contact})" if contact else agent}
        if contact:
            self._headers["From"] = contact
        self._headers |= {"Accept": "*/*", "Accept-Encoding": "gzip, br, zstd"}
        self._session: aiohttp.ClientSession | None = None

    @property
    def patience(self) -> float:
        """Seconds that an answer may take, all in all."""
        return self._timeouts.total

    async def __aenter__(self) -> Self:
        timeouts = self._timeouts
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=1, ttl_dns_cache=300, socket_factory=self._rules.make_socket),
            timeout=aiohttp.ClientTimeout(total=timeouts.total, sock_connect=timeouts.connect, sock_read=timeouts.read),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # unpacked below, where the size is watched
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def get(
        self, url: str, *, max_bytes: int, etag: str | None = None, last_modified: str | None = None
    ) -> Response:
        """One GET, conditional where validators are given; a redirect is an answer like any other.

        Raises:
            TryLater: no whole answer came (network, timeout, cut off, broken packing).
            Unsafe: the address or the size is not to be touched.
        """
        assert self._session is not None
        self._rules.check(url)
        conditions = {}
        if etag:
            conditions["If-None-Match"] = etag
        if last_modified:
            conditions["If-Modified-Since"] = last_modified
        try:
            async with self._session.get(URL(url, encoded=True), headers=conditions, allow_redirects=False) as answer:
                wire = await _read(answer, max_bytes)
        except TimeoutError as error:
            raise TryLater(f"no whole answer in time ({self._timeouts.total:g} s)") from error
        except aiohttp.ClientConnectorError as error:
            if NOT_GLOBAL in str(error):
                raise Unsafe(f"{url}: {error.os_error.strerror or error}") from error
            raise TryLater(f"no connection: {error.os_error.strerror or error}") from error
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise TryLater(f"no whole answer: {error or type(error).__name__}") from error
        packing = answer.headers.get("Content-Encoding", "").strip().lower()
        body = unpack(wire, packing, max_bytes) if wire and packing not in ("", "identity") else wire
        return Response(url, answer.status, answer.headers, body)


def _too_large(max_bytes: int) -> Unsafe:
    return Unsafe(f"larger than {max_bytes // (1024 * 1024)} MiB")


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The body as it came, counted while it comes."""
    announced = answer.content_length
    if announced is not None:
        if announced > max_bytes:
            answer.close()
            raise _too_large(max_bytes)
        return await answer.read()  # the parser ends it at what was announced
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(CHUNK):
        size += len(chunk)
        if size > max_bytes:
            answer.close()
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def unpack(wire: bytes, packing: str, max_bytes: int) -> bytes:
    """A body without its Content-Encoding, never more than `max_bytes` of it in memory.

    Raises:
        Unsafe: it would become larger than that.
        TryLater: it is cut off or broken, or packed in a way that was not asked for.
    """
    unpackers: dict[str, Callable[[bytes, int], bytes]] = {
        "gzip": _gunzip, "x-gzip": _gunzip, "br": _unbrotli, "zstd": _unzstd,
    }  # fmt: skip
    unpacker = unpackers.get(packing)
    if unpacker is None:
        raise TryLater(f"packed as {packing[:40]!r}, which was not asked for")
    try:
        body = unpacker(wire, max_bytes + 1)
    except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
        raise TryLater(f"broken {packing}: {error}") from error
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


def _gunzip(wire: bytes, most: int) -> bytes:
    body = b""
    while wire:
        member = zlib.decompressobj(wbits=31)
        body += member.decompress(wire, most - len(body))
        if len(body) >= most:
            return body
        if not member.eof:
            raise EOFError("cut off")
        wire = member.unused_data
    return body


def _unbrotli(wire: bytes, most: int) -> bytes:
    stream = brotli.Decompressor()
    body = stream.process(wire, output_buffer_limit=most)
    while len(body) < most and not stream.is_finished():
        more = stream.process(b"", output_buffer_limit=most - len(body))
        if not more:
            raise EOFError("cut off")
        body += more
    return body


def _unzstd(wire: bytes, most: int) -> bytes:
    body = b""
    while wire:
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WIDEST_WINDOW})
        body += frame.decompress(wire, most - len(body))
        if len(body) >= most:
            return body
        if not frame.eof:
            raise EOFError("cut off")
        wire = frame.unused_data
    return body


def check_status(response: Response, now: datetime) -> None:
    """Sort an answer by its status: 200, 304, 404, 410 and redirects pass.

    Raises:
        HostBusy: 429 and 503, with what Retry-After says.
        TryLater: other 5xx, 408, 425, and what makes no sense as an answer to a plain GET.
        Refused: 401, 403, 451 and other 4xx.
    """
    status = response.status
    if status in (200, 304, 404, 410) or 300 <= status < 400:
        return
    if status in (429, 503):
        raise HostBusy(
            f"the site answered {status}", status, retry_after_seconds(response.headers.get("Retry-After"), now)
        )
    if 400 <= status < 500 and status not in (408, 425):
        raise Refused(f"{REFUSALS} ({status})", status)
    raise TryLater(f"the site answered {status}", status)


def keeps_out(headers: Mapping[str, str]) -> str | None:
    """The X-Robots-Tag directive that keeps a photo out of collections, for everybody or for us by name."""
    lines = headers.getall("X-Robots-Tag", []) if hasattr(headers, "getall") else [headers.get("X-Robots-Tag", "")]  # pyright: ignore
    for line in lines:
        agent, colon, directives = line.lower().rpartition(":")
        if colon and agent.strip() != PRODUCT_TOKEN and "," not in agent:
            continue  # meant for another robot
        words = [word.strip() for word in (directives if colon else line.lower()).split(",")]
        if found := next((word for word in words if word in KEEP_OUT), None):
            return found
    return None
