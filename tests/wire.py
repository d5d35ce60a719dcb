"""A wire in front of a site, on which its answers can be changed to the byte: servers' libraries send no wrong ones."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Asked:
    """One request, as it came in."""

    path: str
    started: float  # seconds, monotonic
    headers: bytes


@dataclass(slots=True)
class Wire:
    """The site as its visitors see it."""

    base: str = ""
    requests: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """What was asked for, oldest first."""
        return [request.path for request in self.requests]


# A path, the head and the body of the site's answer; gives what is sent instead, head and body.
Change = Callable[[str, bytes, bytes], bytes]


def answer(status: str = "200 OK", *headers: bytes, body: bytes = b"") -> bytes:
    """An answer of one's own, its length included."""
    lines = [f"HTTP/1.1 {status}".encode(), *headers, f"Content-Length: {len(body)}".encode()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@asynccontextmanager
async def changed(site: str, change: Change) -> AsyncIterator[Wire]:
    """The same site on another port, its answers changed; one connection for each request."""
    there = urlsplit(site)
    wire = Wire()

    async def pass_on(head: bytes) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection(there.hostname, there.port)
        writer.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        whole = await reader.read()
        writer.close()
        top, _, body = whole.partition(b"\r\n\r\n")
        return top, body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            wire.requests.append(Asked(path, time.monotonic(), head))
            writer.write(change(path, *await pass_on(head)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        wire.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield wire
