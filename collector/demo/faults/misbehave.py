"""Faults of the connection and of HTTP, on a real socket."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from aiohttp import web

from collector.demo.answer import Answer
from collector.demo.faults import bombs
from collector.demo.faults.hostile import STATUS, Fault

MOVED = "moved"  # the query that marks the target of a harmless redirect
RESET_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
FLUSH = 0.05  # seconds until written bytes have been sent
FILLER = b"<p>" + b"paddock " * 2048 + b"</p>"
# Link-local, private and loopback addresses, by IPv4, IPv6 and name, and a file.
PRIVATE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://[::1]:{port}/keibabook/bn/2016.html",
    "file:///etc/passwd",
    "http://[::ffff:169.254.169.254]/",
    "http://localhost:22/",
)

Handler = Callable[[web.Request, Answer, Fault, int], Awaitable[web.StreamResponse]]


async def misbehave(request: web.Request, answer: Answer, fault: Fault, visit: int) -> web.StreamResponse:
    """Answer a request with this fault."""
    name = fault.name.removeprefix("robots-")
    head, _, how = name.partition("-")
    if STATUS.fullmatch(head):
        headers = {"Retry-After": _retry_after(how, fault.value or "")} if how else {}
        return web.Response(status=int(head), headers=headers, text=f"{head}\n")
    return await HANDLERS[name](request, answer, fault, visit)


def _retry_after(how: str, value: str) -> str:
    if how == "retry-date":
        return format_datetime(datetime.now(UTC) + timedelta(seconds=int(value)), usegmt=True)
    return value


def _ok(answer: Answer, **headers: str) -> web.StreamResponse:
    return web.StreamResponse(headers={"Content-Type": answer.media_type, **headers})


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is not None:
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        transport.abort()


async def _send_half(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Announce the whole body and send half of it."""
    response = _ok(answer)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    await asyncio.sleep(FLUSH)
    return response


async def _reset_before(request: web.Request, _answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    _reset(request)
    return web.Response()  # is never sent


async def _reset_in_body(request: web.Request, answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    response = await _send_half(request, answer)
    _reset(request)
    return response


async def _truncate(request: web.Request, answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    response = await _send_half(request, answer)
    if request.transport is not None:
        request.transport.close()
    return response


async def _stall(_request: web.Request, _answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    await asyncio.Event().wait()  # until the client disconnects, which cancels this
    raise AssertionError


async def _stall_in_body(request: web.Request, answer: Answer, fault: Fault, visit: int) -> web.StreamResponse:
    await _send_half(request, answer)
    return await _stall(request, answer, fault, visit)


async def _endless(request: web.Request, answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    response = _ok(answer)
    response.enable_chunked_encoding()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(FILLER)
            await asyncio.sleep(0)  # writing does not always let other tasks run
    return response


def _bomb(packing: str, build: Callable[[], bytes]) -> Handler:
    async def explode(request: web.Request, answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
        body = await asyncio.to_thread(build)
        response = _ok(answer, **{"Content-Encoding": packing})
        response.content_length = len(body)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await response.write(body)
        return response

    return explode


def _moved(to: str) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": to})


async def _loop(request: web.Request, _answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    return _moved(request.path)


async def _to_private(request: web.Request, _answer: Answer, _fault: Fault, visit: int) -> web.StreamResponse:
    return _moved(PRIVATE[(visit - 1 + len(request.path)) % len(PRIVATE)].format(port=request.url.port))


async def _to_host(_request: web.Request, _answer: Answer, fault: Fault, _visit: int) -> web.StreamResponse:
    return _moved(fault.value or "")


async def _within(request: web.Request, _answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    return _moved(f"{request.path}?{MOVED}")


async def _huge_header(_request: web.Request, answer: Answer, _fault: Fault, _visit: int) -> web.StreamResponse:
    return web.Response(body=answer.body, headers={"Content-Type": answer.media_type, "X-Filler": "f" * 262_144})


HANDLERS: dict[str, Handler] = {
    "reset": _reset_before,
    "reset-body": _reset_in_body,
    "stall": _stall,
    "stall-body": _stall_in_body,
    "truncate": _truncate,
    "endless": _endless,
    "gzip-bomb": _bomb("gzip", bombs.gzip_bomb),
    "br-bomb": _bomb("br", bombs.brotli_bomb),
    "zstd-bomb": _bomb("zstd", bombs.zstd_bomb),
    "redirect-loop": _loop,
    "redirect-private": _to_private,
    "redirect-host": _to_host,
    "redirect-within": _within,
    "huge-header": _huge_header,
}
