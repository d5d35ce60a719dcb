"""The web server of the look-alike."""

import asyncio
import contextlib
import errno
import hashlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import aiohttp
from aiohttp import web

from collector.demo.answer import HTML, Answer
from collector.demo.faults.distort import distort, is_distortion
from collector.demo.faults.hostile import ROBOTS, Fault, Hostility
from collector.demo.faults.misbehave import MOVED, misbehave
from collector.demo.keibado import site as keibado
from collector.demo.netkeiba import site as netkeiba
from collector.demo.requestlog import LoggedRequest, RequestLog
from collector.demo.world.world import World
from collector.errors import UsageError
from collector.settings import DEMO_PORT

CRAWL_DELAY = 0.03  # seconds, in its robots.txt
OPENED = datetime(2005, 1, 1, tzinfo=UTC)
NOTHING = Answer(b"<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n", HTML, OPENED)
SERVER = "Apache"  # like the archive's server
PROBE_SECONDS = 2.0
SHUTDOWN_SECONDS = 0.2  # for requests that are still open


class Site:
    """Answers requests from a world, correctly or with faults, and keeps the log."""

    def __init__(
        self,
        world: World,
        crawl_delay: float,
        hostility: Hostility,
        log: RequestLog,
        *,
        month_may_change: bool = False,
    ) -> None:
        self.world = world
        self.month = world.opinion_month  # of the opinions that are shown
        self.month_may_change = month_may_change
        self.crawl_delay = crawl_delay
        self.hostility = hostility
        self.log = log

    def identity(self) -> str:
        """The text that two processes must have in common to share a port."""
        world = self.world
        facts = [world.random_seed, world.years, world.issues_per_year, world.photos_per_issue, self.crawl_delay]
        facts += [f"{world.opinion_month:%Y-%m}", f"{world.coming_day}", self.month_may_change]
        return f"{facts} {self.hostility.faults}"

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application()
        application.router.add_get("/_demo/site.json", self._show_identity)
        application.router.add_get("/_demo/requests.json", self._show_log)
        if self.month_may_change:
            application.router.add_post("/_demo/month/{month}", self._change_month)
        application.router.add_get("/{path:.*}", self._serve)
        return application

    async def _show_identity(self, _request: web.Request) -> web.Response:
        return web.json_response({"paddock_demo": self.identity()})

    async def _show_log(self, _request: web.Request) -> web.Response:
        return web.json_response(self.log.as_json())

    async def _change_month(self, request: web.Request) -> web.Response:
        try:
            self.month = date.fromisoformat(f"{request.match_info['month']}-01")
        except ValueError:
            return web.Response(status=400, text="write the month as 2018-05\n")
        return web.json_response({"month": f"{self.month:%Y-%m}"})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
        with self.log.record(
            request.path_qs,
            conditional=conditional,
            user_agent=headers.get("User-Agent"),
            contact=headers.get("From"),
            host=headers.get("Host"),
        ) as logged:
            response = await self._answer(request, logged)
            if response.prepared or (request.transport and not request.transport.is_closing()):
                logged.status = response.status
            # We send it here, not the framework, so that the log has the time of the last byte.
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)
                await response.write_eof()
            return response

    async def _answer(self, request: web.Request, logged: LoggedRequest) -> web.StreamResponse:
        answer = self._look_up(request.path, request.rel_url.raw_query_string)
        fault, visit = self.hostility.visit(request.path, request.rel_url.raw_query_string)
        if fault and fault.name == "redirect-within" and MOVED in request.query:
            fault = None
        if fault is None:
            return _respond(request, answer)
        logged.fault = fault.name
        if fault.name == "slow":
            await asyncio.sleep(float(fault.value or 0))
            return _respond(request, answer)
        if is_distortion(fault):
            return _respond(request, distort(answer, fault) if answer else None)
        return await misbehave(request, answer or NOTHING, fault, visit)

    def _look_up(self, path: str, query: str) -> Answer | None:
        if path == ROBOTS:
            text = f"User-agent: *\nCrawl-delay: {self.crawl_delay:g}\nDisallow: /ad/\nDisallow: /keibado/member/\n"
            return Answer(text.encode(), "text/plain", OPENED)
        return keibado.answer_path(self.world, path) or netkeiba.answer_path(self.world, path, query, self.month)


def _respond(request: web.Request, answer: Answer | None) -> web.Response:
    """A correct answer: 200, 304 or 404."""
    if answer is None:
        return web.Response(
            status=404, body=NOTHING.body, headers={"Content-Type": NOTHING.media_type, "Server": SERVER}
        )
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
    validators = {"ETag": etag, "Last-Modified": format_datetime(answer.modified, usegmt=True), "Server": SERVER}
    headers = {**answer.headers, **validators}
    if _is_unchanged(request, etag, answer.modified):
        return web.Response(status=304, headers=headers)
    return web.Response(body=answer.body, headers={**headers, "Content-Type": answer.media_type})


def _is_unchanged(request: web.Request, etag: str, modified: datetime) -> bool:
    """Whether the client's copy is current (RFC 9110 section 13: an entity tag has priority over a date)."""
    tags_sent = request.headers.get("If-None-Match")
    if tags_sent is not None:
        tags = [tag.strip().removeprefix("W/") for tag in tags_sent.split(",")]
        return "*" in tags or etag in tags
    since = request.headers.get("If-Modified-Since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return moment.replace(tzinfo=moment.tzinfo or UTC) >= modified


@asynccontextmanager
async def serving(
    world: World | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = DEMO_PORT,
    crawl_delay: float = CRAWL_DELAY,
    hostile: Hostility | Sequence[Fault | str] = (),
    log: RequestLog | None = None,
    month_may_change: bool = False,
) -> AsyncIterator[str]:
    """The base URL of a look-alike that runs until the block ends; port 0 takes a free port.

    Processes with equal sites share a port. If a different look-alike already has the port, a caller with default
    arguments uses that one. With `month_may_change`, `POST /_demo/month/2018-05` sets the month of the opinions that
    are shown; it begins with the world's month.

    Raises:
        UsageError: another program has the port; says how to choose one.
    """
    hostility = hostile if isinstance(hostile, Hostility) else Hostility(hostile)
    plain = world is None and log is None and not (hostility.faults or month_may_change) and crawl_delay == CRAWL_DELAY
    world = world or World(coming_day=next_saturday())
    site = Site(world, crawl_delay, hostility, log or RequestLog(), month_may_change=month_may_change)
    base = f"http://{f'[{host}]' if ':' in host else host}"
    there = await _identity_at(f"{base}:{port}") if port else None
    if there is not None and there != site.identity():
        if not plain:
            raise UsageError(f"another look-alike site is on port {port} of {host}; stop it, or {_way_out()}")
        yield f"{base}:{port}"
        return
    # A client that disconnects ends its request, also one that never gets an answer.
    runner = web.AppRunner(
        site.application(), access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield f"{base}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def next_saturday() -> date:
    """The next Saturday in Japan after today: the day of the coming races."""
    tomorrow = (datetime.now(UTC) + timedelta(hours=9, days=1)).date()
    return tomorrow + timedelta(days=(5 - tomorrow.weekday()) % 7)


async def _identity_at(base: str) -> str | None:
    """The identity of the look-alike at an address; None without one."""
    timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(f"{base}/_demo/site.json", allow_redirects=False) as answer,
        ):
            return str(json.loads(await answer.content.read(100_000))["paddock_demo"])
    except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
        return None


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    share = hasattr(socket, "SO_REUSEPORT")
    try:
        await web.TCPSite(runner, host, port, reuse_port=share or None).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise UsageError(f"cannot listen on {host}:{port} ({error.strerror}).") from error
        raise UsageError(f"port {port} of {host} is taken; {_way_out()}") from error


def _way_out() -> str:
    return "choose another one with PADDOCK_DEMO_PORT (or, for `collector demo-site`, with --port)."


def run(
    host: str = "127.0.0.1",
    port: int = DEMO_PORT,
    issues: int = 8,
    photos: int = 10,
    crawl_delay: float = CRAWL_DELAY,
    hostile: Sequence[str] = (),
) -> None:
    """Serve until SIGINT or SIGTERM."""
    hostility = Hostility(hostile)
    world = World(issues_per_year=issues, photos_per_issue=photos, coming_day=next_saturday())

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log = RequestLog()  # with a log, it never joins a different site
        async with serving(world, host=host, port=port, crawl_delay=crawl_delay, hostile=hostility, log=log) as base:
            sys.stdout.write(f"The look-alike site is at {base}/keibabook/bn/2016.html; Ctrl-C ends it.\n")
            sys.stdout.flush()
            await stop.wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
