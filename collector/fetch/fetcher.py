"""One request, and what came of it: bounded in size, time and address, and never following where it is sent."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from yarl import URL

from collector import PRODUCT_TOKEN, __version__
from collector.errors import HostBusy, Refused, TryLater, Unsafe
from collector.fetch import headers, keepout
from collector.fetch.addresses import NOT_GLOBAL, AddressRules
from collector.fetch.decompress import too_large, unpack
from collector.fetch.headers import all_of, shown

PAGE_BYTES = 5 * 1024 * 1024  # of a page, on the wire and unpacked
IMAGE_BYTES = 20 * 1024 * 1024
CHUNK = 64 * 1024
KEPT_ALIVE = 1.0  # seconds that a connection is used again; servers close idle ones after 2 s and more
MOST_CODINGS = 5  # of one body, one within the other
LONGEST_HEADER = 64 * 1024  # bytes; browsers take more of all headers together
MOST_HEADERS = 500
REDIRECTS = (301, 302, 303, 307, 308)
NO_WHOLE_PAGE = (204, 205, 206)  # successes without the page: none, or a part that was not asked for
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
        """The entity tag, where it can be sent back."""
        return headers.usable_etag(self.headers.get("ETag"))

    @property
    def last_modified(self) -> str | None:
        """The date of the last change, where it can be sent back."""
        return headers.usable_date(self.headers.get("Last-Modified"))

    @property
    def content_type(self) -> str:
        return headers.content_type(self.headers.get("Content-Type"))

    @property
    def media_type(self) -> str:
        return headers.media_type(self.headers.get("Content-Type"))

    @property
    def location(self) -> str:
        """Where a redirect leads, absolute.

        Raises:
            Unsafe: nowhere, or to what is not an address.
        """
        return headers.redirect_target(self.url, self.headers.get("Location"))


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One request and no second one: the library would repeat a GET on these errors, without a slot and unseen.

    Closing each connection would not help, it repeats on new ones too.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise  # nothing was sent, and nothing is repeated
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise TryLater(f"no whole answer: {shown(error) or type(error).__name__}") from error


async def _tell_when_sent(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _sent: aiohttp.TraceRequestHeadersSentParams
) -> None:
    if context.trace_request_ctx:
        context.trace_request_ctx()


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
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_tell_when_sent)
        # A request on a connection that the server is just closing would be lost and asked again: at the pauses that
        # sites get, each request has a new one.
        connector = aiohttp.TCPConnector(
            limit_per_host=1, ttl_dns_cache=300, keepalive_timeout=KEPT_ALIVE, socket_factory=self._rules.make_socket
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            middlewares=(_once,),
            trace_configs=[trace],
            timeout=aiohttp.ClientTimeout(total=timeouts.total, sock_connect=timeouts.connect, sock_read=timeouts.read),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
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

    def check(self, url: str) -> None:
        """Refuse an address that is not on one of the sites, before anything is asked.

        Raises:
            Unsafe: says which rule it breaks.
        """
        self._rules.check(url)

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        etag: str | None = None,
        last_modified: str | None = None,
        when_sent: Callable[[], None] | None = None,
    ) -> Response:
        """One GET, conditional where validators are given; a redirect is an answer like any other.

        Only a success has a body: what a refusal says stands in its status and headers, and no broken, endless or
        missing body may hide that. `when_sent` is called when the request leaves, after the connection is made.

        Raises:
            TryLater: no whole answer came (network, timeout, cut off, broken packing).
            Unsafe: the address or the size is not to be touched.
        """
        assert self._session is not None
        self._rules.check(url)
        given = {"If-None-Match": headers.usable_etag(etag), "If-Modified-Since": headers.usable_date(last_modified)}
        conditions = {name: value for name, value in given.items() if value}
        try:
            async with self._session.get(
                URL(url, encoded=True), headers=conditions, allow_redirects=False, trace_request_ctx=when_sent
            ) as answer:
                wire = await _read(answer, max_bytes) if 200 <= answer.status < 300 else b""
        except TimeoutError as error:
            raise TryLater(f"no whole answer in time ({self._timeouts.total:g} s)") from error
        except aiohttp.ClientConnectorError as error:
            if NOT_GLOBAL in str(error):
                raise Unsafe(f"{url}: {error.os_error.strerror or error}") from error
            raise TryLater(f"no connection: {shown(error.os_error.strerror or error)}") from error
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise TryLater(f"no whole answer: {shown(error) or type(error).__name__}") from error
        return Response(url, answer.status, answer.headers, unpacked(wire, answer.headers, max_bytes))


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The body as it came, counted while it comes."""
    announced = answer.content_length
    if announced is not None:
        if announced > max_bytes:
            answer.close()
            raise too_large(max_bytes)
        return await answer.read()  # the parser ends it at what was announced
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(CHUNK):
        size += len(chunk)
        if size > max_bytes:
            answer.close()
            raise too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def unpacked(wire: bytes, named: Mapping[str, str], max_bytes: int) -> bytes:
    """A body without all that its headers say it is packed in.

    Raises:
        Unsafe, TryLater: as `unpack`.
    """
    packings = headers.codings(named) if wire else []
    if len(packings) > MOST_CODINGS:
        raise Unsafe(f"packed {len(packings)} times")
    for packing in reversed(packings):
        wire = unpack(wire, packing, max_bytes)
    return wire


def check_status(response: Response, now: datetime) -> None:
    """Sort an answer by its status: successes with a page, 304, 404, 410 and redirects pass.

    Raises:
        HostBusy: 429, 503 and any other failure that says for how long to stay away.
        TryLater: other 5xx, 408, 425, and what makes no sense as an answer to a plain GET.
        Refused: 401, 403, 451 and other 4xx.
    """
    status = response.status
    if status in (304, 404, 410, *REDIRECTS) or (200 <= status < 300 and status not in NO_WHOLE_PAGE):
        return
    if status >= 400:
        pause = pause_asked_for(response, now)
        if status in (429, 503) or pause is not None:
            raise HostBusy(f"the site answered {status}", status, pause)
    if 400 <= status < 500 and status not in (408, 425):
        raise Refused(f"{REFUSALS} ({status})", status)
    raise TryLater(f"the site answered {status}", status)


def pause_asked_for(response: Response, now: datetime) -> float | None:
    """Seconds that Retry-After asks for, the longest of all. A date is read on the clock of who wrote it."""
    clock = headers.read_date(response.headers.get("Date")) or now
    asked = (headers.retry_after_seconds(value, clock) for value in all_of(response.headers, "Retry-After"))
    return max((seconds for seconds in asked if seconds is not None), default=None)


def keeps_out(named: Mapping[str, str], *, of_picture: bool = False) -> str | None:
    """The directive of an answer's headers that keeps a photo out of collections, for everybody or for us by name."""
    tags = all_of(named, "X-Robots-Tag")
    signals = all_of(named, "Content-Signal") + all_of(named, "Content-Usage")
    said = keepout.of_tags(tags, of_picture=of_picture) or keepout.of_signals(signals)
    return said or keepout.of_reservations(all_of(named, keepout.RESERVATION))
