"""One blow each, of those that once stopped a crawl for good or made it ask a site twice at a time."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import LiteralString

import psycopg
import pytest

from collector.demo.faults.hostile import parse_fault
from collector.demo.world.world import World
from tests.chaos import judge
from tests.chaos.facts import due, logged
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.processes import database_proxy, ended, send
from tests.chaos.server import FAST, IMMEDIATE, KILLED, Server, server_of_its_own
from tests.chaos.watched_site import WatchedSite, watched_site

DELAY = 0.1  # seconds
AT_ONCE = 10.0  # seconds, on a busy machine: two looks at what there is to do, and the start of a process
TAKEN_UP = 90.0  # seconds
SLOW = 5.0  # seconds that an answer may take: longer than a process needs to notice that a session has ended
WORLD = World(years=range(2016, 2018), issues_per_year=2, photos_per_issue=4)
CRAWL = ("crawl", "--since", "2016")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def server() -> Iterator[Server]:
    """A Postgres of this test's own."""
    with server_of_its_own() as running:
        yield running


@pytest.fixture
def site() -> Iterator[WatchedSite]:
    """A small site."""
    with watched_site(WORLD) as watched:
        yield watched


async def wait_for_requests(site: WatchedSite, more: int, within: float) -> float:
    """Wait for `more` further requests; returns the seconds until the first of them."""
    count, began, first = site.count, time.monotonic(), None
    while site.count < count + more:
        first = first or (site.count > count and time.monotonic() - began) or None
        assert time.monotonic() - began < within, f"{site.count - count} of {more} requests within {within:g} s"
        await asyncio.sleep(0.005)
    return first or time.monotonic() - began


def seen(site: WatchedSite) -> list[judge.Seen]:
    """What the site was asked."""
    return judge.seen(site.requests, site.log.late)


def assert_polite(site: WatchedSite) -> None:
    """Never two requests at once, never one too soon."""
    at_once = [f"{later} while {earlier} was open" for earlier, later in judge.overlaps(seen(site))]
    too_soon = [
        f"{later} {1000 * (later.started - earlier.started):.0f} ms after {earlier}"
        for earlier, later in judge.short_gaps(seen(site), DELAY)
    ]
    assert not at_once
    assert not too_soon


@asynccontextmanager
async def working(folder: Path, server: Server, site: WatchedSite, conninfo: str | None = None) -> AsyncIterator[Fleet]:
    """Two workers on a crawl whose command was killed after a few requests."""
    async with fleet(folder, conninfo or server.conninfo, site, DELAY) as ships:
        await ships.begin(*CRAWL)
        await wait_for_requests(site, 5, within=60)
        assert ships.command is not None
        send(ships.command, signal.SIGKILL)
        await ended(ships.command)
        await wait_for_requests(site, 3, within=TAKEN_UP)
        yield ships


@pytest.mark.parametrize("how", [FAST, IMMEDIATE, KILLED], ids=["fast", "immediate", "kill -9"])
async def test_a_crawl_goes_on_when_its_database_was_restarted(
    tmp_path: Path, server: Server, site: WatchedSite, how: signal.Signals
) -> None:
    async with working(tmp_path, server, site):
        await server.restart(how)
        await wait_for_requests(site, 5, within=TAKEN_UP)
    assert_polite(site)


LANE = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
)
EVERY_SESSION = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'worker%'"


async def a_slow_answer_begins(site: WatchedSite) -> None:
    """Wait for a request that will be open for some seconds."""
    site.hostility.provoke(parse_fault(f"slow={SLOW:g}"), 1)
    while not (site.log.open_requests and site.hostility.is_done):  # noqa: ASYNC110  (a moment, not an event)
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("whose", [LANE, EVERY_SESSION], ids=["the lane's session", "every session"])
async def test_a_session_that_ends_during_a_slow_answer_opens_no_second_request(
    tmp_path: Path, server: Server, site: WatchedSite, whose: LiteralString
) -> None:
    async with working(tmp_path, server, site):
        await a_slow_answer_begins(site)
        with server.connect() as connection:
            assert connection.execute(whose).rowcount > 0
        await wait_for_requests(site, 5, within=TAKEN_UP)
    assert_polite(site)


async def test_a_frozen_worker_without_sessions_opens_no_second_request(
    tmp_path: Path, server: Server, site: WatchedSite
) -> None:
    """No process can know whether its request is over, but the request cannot last longer than a minute."""
    async with working(tmp_path, server, site) as ships:
        await a_slow_answer_begins(site)
        frozen = list(ships.workers.values())
        for worker in frozen:
            send(worker, signal.SIGSTOP)
        with server.connect() as connection:
            connection.execute(EVERY_SESSION)
        ships.workers["worker-3"] = await ships.start("worker-3", "worker")
        await asyncio.sleep(SLOW + 1)
        for worker in frozen:
            send(worker, signal.SIGCONT)
        await wait_for_requests(site, 5, within=TAKEN_UP)
    assert_polite(site)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
async def test_an_interrupted_crawl_blocks_no_other_command(
    tmp_path: Path, server: Server, site: WatchedSite, number: signal.Signals
) -> None:
    alone = Fleet(tmp_path, server.conninfo, site, DELAY)
    crawling = await alone.start("command", *CRAWL)
    await wait_for_requests(site, 8, within=60)
    send(crawling, number)
    assert await ended(crawling) == (130 if number is signal.SIGINT else -number)
    for words in ((*CRAWL, "--until", "2016"), ("refresh-labels",), CRAWL):
        await goes_on_at_once(alone, site, *words)
    assert not due(server.conninfo), "the crawl was to be done in the end"
    assert_polite(site)


async def goes_on_at_once(alone: Fleet, site: WatchedSite, *words: str) -> None:
    """A command whose pages are due asks for them at once, and comes to its end."""
    before = site.count
    command = await alone.start("command", *words)
    began = time.monotonic()
    try:
        while command.is_alive():
            idle = time.monotonic() - max([began, *(one.started for one in site.requests[before:])])
            assert idle < AT_ONCE, f"{' '.join(words)}: nothing for {idle:.0f} s\n{alone.said()}"
            await asyncio.sleep(0.02)
    finally:
        send(command, signal.SIGKILL)
    assert await ended(command) == 0, alone.said()


async def test_a_crawl_goes_on_when_there_were_no_connections_left_for_a_while(
    tmp_path: Path, server: Server, site: WatchedSite
) -> None:
    async with working(tmp_path, server, site):
        await server.fill(5)
        await wait_for_requests(site, 5, within=TAKEN_UP)
    assert_polite(site)


async def test_fourteen_idle_workers_leave_room_for_a_crawl(tmp_path: Path, server: Server, site: WatchedSite) -> None:
    async with fleet(tmp_path, server.conninfo, site, 0.0, workers=14) as ships:
        while len(ships.workers) < 14:  # noqa: ASYNC110  (they are started one by one)
            await asyncio.sleep(0.1)
        await asyncio.sleep(3)  # so that each has the sessions that it keeps
        with server.connect() as connection:
            counted = connection.execute(
                "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity"
                " WHERE application_name LIKE 'worker%'"
            ).fetchone()
        assert counted is not None
        assert counted[0] <= counted[1] / 2, f"{counted[0]} of {counted[1]} connections are taken by idle workers"
        assert await ships.run(*CRAWL) == 0, ships.said()
        assert not [end for end in ships.ends if end], "a worker ended"
    assert not due(server.conninfo)


async def test_a_database_that_answers_late_makes_no_pause_shorter(
    tmp_path: Path, server: Server, site: WatchedSite
) -> None:
    chance = Random(1)
    async with (
        database_proxy(server.conninfo, lambda: True, lambda: chance.choice((0.0, 0.0, DELAY))) as late,
        working(tmp_path, server, site, late),
    ):
        await wait_for_requests(site, 40, within=TAKEN_UP)
    assert_polite(site)
    assert len(logged(server.conninfo)) > 30


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk that is soon full; only root can have one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def cramped_server(open_folder: Path) -> Iterator[Server]:
    """A Postgres whose disk holds 160 MB."""
    folder = open_folder / "small"
    folder.mkdir(exist_ok=True)
    with small_disk(folder, 160), server_of_its_own(folder) as running:
        yield running


async def test_a_crawl_goes_on_when_the_disk_was_full_for_a_while(
    tmp_path: Path, cramped_server: Server, site: WatchedSite
) -> None:
    async with working(tmp_path, cramped_server, site):
        with cramped_server.full_disk():
            await asyncio.sleep(8)
        if not cramped_server.is_up:  # it stops for good when it cannot write its log; its operator starts it
            await asyncio.to_thread(cramped_server.start)
        await wait_for_requests(site, 5, within=TAKEN_UP)
    assert_polite(site)
    # What cannot be kept is not asked for again and again: after 0, 1, 3 and 7 s, by any lane.
    lost_requests = Counter(host for host, _ in judge.unlogged(seen(site), logged(cramped_server.conninfo)))
    assert max(lost_requests.values(), default=0) <= 4, lost_requests
    with psycopg.connect(cramped_server.conninfo) as connection:
        lost = connection.execute("SELECT count(*) FROM page WHERE state = 'fetched' AND digest IS NULL").fetchone()
    assert lost == (0,)
