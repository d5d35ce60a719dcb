"""A port is opened and served until the process is stopped; the address it listens on decides who needs a token."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

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


class Unread(logging.Filter):
    """Keeps out of the log what is not HTTP: it is quoted there, and may hold a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is something else."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


UNREAD = Unread()


def make_runner(app: web.Application) -> web.AppRunner:
    """What serves the application. There is no access log: an address may hold a token, or somebody's photo."""
    logging.getLogger("aiohttp.server").addFilter(UNREAD)  # once, however often it is added
    return web.AppRunner(app, access_log=None, max_line_size=LONGEST_LINE, keepalive_timeout=30.0, shutdown_timeout=3.0)


def address(host: str, port: int, token: str | None, path: str = "") -> str:
    """What to open in a browser."""
    return f"http://{_bracketed(host)}:{port}/{path}{f'?token={token}' if token else ''}"


async def serve_until_stopped(app: web.Application, host: str, port: int, say: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM; `say` gets the port once it is open.

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
            raise UsageError(
                f"Nothing can listen on {host} port {port} ({reason}); --port takes another one."
            ) from error
        say(runner.addresses[0][1])
        await ended.wait()
    finally:
        await runner.cleanup()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
