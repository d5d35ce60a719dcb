"""A port is opened and served until the process is told to end; what is asked of whom, by the address it listens on."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable

from aiohttp import web

from collector.errors import UsageError
from collector.settings import is_loopback

LONGEST_LINE = 256 * 1024  # bytes of an address: a small photo fits into one


def is_local(host: str) -> bool:
    """Whether a host to listen on is this machine alone."""
    return is_loopback(f"http://{_bracketed(host)}")


def reading_token(given: str | None, host: str) -> str | None:
    """What is asked for: the token that is set, or one made now where others can reach the host; else none."""
    return given or (None if is_local(host) else new_token())


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


def make_runner(app: web.Application) -> web.AppRunner:
    """What serves the application. There is no access log: an address may hold a token, or somebody's photo."""
    return web.AppRunner(app, access_log=None, max_line_size=LONGEST_LINE, keepalive_timeout=30.0, shutdown_timeout=3.0)


def address(host: str, port: int, token: str | None) -> str:
    """What to open in a browser."""
    return f"http://{_bracketed(host)}:{port}/{f'?token={token}' if token else ''}"


async def serve_until_told(app: web.Application, host: str, port: int, say: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM; `say` is told the port once it is open.

    Raises:
        UsageError: nothing can listen there.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, ended.set)
    runner = make_runner(app)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            # asyncio's own words say it all twice; of a name that is none, the resolver's are good.
            named = isinstance(error, socket.gaierror) or error.errno is None
            reason = error.strerror or str(error) if named else os.strerror(error.errno or 0)
            raise UsageError(f"Nothing can listen on {host} port {port} ({reason}).") from error
        say(runner.addresses[0][1])
        await ended.wait()
    finally:
        await runner.cleanup()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
