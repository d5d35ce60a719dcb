"""A look-alike without faults: validators, robots.txt, the log, and its port."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import aiohttp
import pytest

from collector.demo.faults.hostile import Hostility, parse_fault
from collector.demo.requestlog import RequestLog
from collector.demo.site import serving
from collector.demo.world.world import World
from collector.errors import UsageError

PATHS = ("/robots.txt", "/keibabook/bn/2016.html", "{issue}index.html", "{issue}photo01.html", "{issue}images/pp01.jpg")
ISSUE = f"/keibabook/{World().issues(2016)[0].code}/"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def log() -> RequestLog:
    return RequestLog()


@pytest.fixture
async def site(log: RequestLog) -> AsyncIterator[str]:
    async with serving(port=0, log=log) as base:
        yield base


@pytest.mark.parametrize("path", PATHS)
async def test_an_unchanged_file_is_answered_with_304(site: str, client: aiohttp.ClientSession, path: str):
    url = site + path.format(issue=ISSUE)
    async with client.get(url) as first:
        body, etag, modified = await first.read(), first.headers["ETag"], first.headers["Last-Modified"]
        assert first.status == 200
        assert len(body) > 20
    for condition in ({"If-None-Match": etag}, {"If-None-Match": f'"x", W/{etag}'}, {"If-Modified-Since": modified}):
        async with client.get(url, headers=condition) as again:
            assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", etag)


async def test_a_changed_file_is_sent_again(site: str, client: aiohttp.ClientSession):
    url = f"{site}/keibabook/bn/2016.html"
    long_ago = format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)
    future = format_datetime(datetime(2030, 1, 1, tzinfo=UTC), usegmt=True)
    for condition in (
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": long_ago},
        {"If-Modified-Since": "yesterday"},
        {"If-None-Match": '"other"', "If-Modified-Since": future},  # the tag counts, not the date
    ):
        async with client.get(url, headers=condition) as answer:
            assert answer.status == 200


async def test_robots_txt_asks_for_a_delay(client: aiohttp.ClientSession):
    async with serving(port=0, crawl_delay=0.25) as base, client.get(f"{base}/robots.txt") as answer:
        assert re.search(r"^Crawl-delay: 0\.25$", await answer.text(), re.M)


async def test_what_is_not_there_is_404(site: str, client: aiohttp.ClientSession):
    async with client.get(f"{site}/keibabook/bn/1999.html") as answer:
        assert answer.status == 404


async def test_the_log_shows_every_request_but_its_own(site: str, client: aiohttp.ClientSession, log: RequestLog):
    headers = {"User-Agent": "tester/1", "From": "someone@example.org", "If-None-Match": '"x"'}
    async with client.get(f"{site}/keibabook/bn/2016.html", headers=headers) as answer:
        await answer.read()
    async with client.get(f"{site}/_demo/requests.json") as answer:
        log_shown = await answer.json()
    (request,) = log.requests
    assert log_shown["requests"] == [
        {
            "path": "/keibabook/bn/2016.html",
            "started": request.started,
            "started_at": pytest.approx(time.time(), abs=60),
            "conditional": True,
            "user_agent": "tester/1",
            "contact": "someone@example.org",
            "open_requests": 1,
            "host": site.removeprefix("http://"),
            "fault": None,
            "status": 200,
            "ended": request.ended,
        }
    ]
    assert request.ended
    assert request.ended >= request.started
    assert (log_shown["total"], log_shown["open"], log_shown["most_open"]) == (1, 0, 1)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 (the log is a plain record, it has no event)
            await asyncio.sleep(0.01)


async def test_the_log_sees_requests_that_are_open_at_once(client: aiohttp.ClientSession, log: RequestLog):
    hostility = Hostility(["stall"])
    async with serving(port=0, hostile=hostility, log=log) as base:
        waiting = [asyncio.create_task(client.get(f"{base}/{number}.html")) for number in range(3)]
        await _until(lambda: log.open_requests == 3)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await _until(lambda: log.open_requests == 0)  # clients that went away
    assert [request.open_requests for request in log.requests] == [1, 2, 3]
    assert log.most_open == 3
    assert all(request.status is None and request.fault == "stall" for request in log.requests)


def test_the_log_is_bounded():
    log = RequestLog(kept=10)
    for number in range(25):
        with log.record(f"/{number}"):
            pass
    assert (log.total, len(log.requests), log.requests[-1].path) == (25, 10, "/24")
    assert log.smallest_gap() is not None


async def test_faults_may_be_changed_while_it_serves(client: aiohttp.ClientSession):
    hostility = Hostility(["403"])
    async with serving(port=0, hostile=hostility) as base:
        statuses = []
        for faults in (None, [], [parse_fault("500")]):
            if faults is not None:
                hostility.faults = faults
            async with client.get(f"{base}/keibabook/bn/2016.html") as answer:
                statuses.append(answer.status)
    assert statuses == [403, 200, 500]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def test_alike_sites_share_a_port():
    port = _free_port()
    async with serving(port=port) as one, serving(port=port) as other:
        assert one == other == f"http://127.0.0.1:{port}"


async def test_a_caller_with_defaults_uses_the_site_that_runs_already(client: aiohttp.ClientSession):
    port = _free_port()
    async with serving(port=port, hostile=["403"]), serving(port=port) as base:
        for _ in range(8):
            async with aiohttp.ClientSession() as fresh, fresh.get(f"{base}/keibabook/bn/2016.html") as answer:
                assert answer.status == 403


async def test_a_different_site_on_the_port_is_an_error_that_says_what_to_do():
    port = _free_port()
    async with serving(port=port):
        with pytest.raises(UsageError, match="PADDOCK_DEMO_PORT"):
            async with serving(port=port, hostile=["403"]):
                pass


async def test_a_port_that_is_taken_is_an_error_that_says_what_to_do():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(UsageError, match=r"taken.*PADDOCK_DEMO_PORT.*--port"):
            async with serving(port=other.getsockname()[1]):
                pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_site_alone_ends_cleanly_on_a_signal(number: signal.Signals):
    code = f"from collector.demo.site import run; run(port={_free_port()}, issues=2, photos=3)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert "http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
