"""Requests to a look-alike with faults, over HTTP and over a plain connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from collector.demo.keibado.site import answer_path
from collector.demo.site import serving
from collector.demo.world.world import World

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
async def asking(*faults: str) -> AsyncIterator[Get]:
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        serving(port=0, hostile=faults) as base,
        aiohttp.ClientSession(base, timeout=timeout, auto_decompress=False) as session,
    ):

        async def get(path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
            async with session.get(path, headers=headers, allow_redirects=False) as answer:
                return answer, await answer.read()

        yield get


async def ask_raw(base: str, path: str, seconds: float = 0.4) -> tuple[bytes, BaseException | None]:
    """The bytes from a plain connection until it ends or the time is over, and how it ended."""
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


def body_of(received: bytes) -> bytes:
    return received.partition(b"\r\n\r\n")[2]


def whole(path: str) -> bytes:
    answer = answer_path(WORLD, path)
    assert answer
    return answer.body
