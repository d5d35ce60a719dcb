"""Four workers on one host, one killed and one frozen: the site never notices that there is more than one."""

import asyncio
import itertools
import signal
import time
from collections.abc import Sized

import aiohttp
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from collector.engine.crawl import begin
from collector.engine.crawl_jobs import Crawler, ask_for
from collector.frontier.scope import Scope
from collector.politeness.gate import host_name
from tests.chaos.processes import send, start, work_in_process
from tests.demo_site import YEARS_OF_A_THOUSAND_PAGES, demo_site
from tests.sites import sites_at

DELAY = 0.25  # seconds
TOLERANCE = 0.05  # by which a request may be held up between its start and the site, on a busy machine

HOLDER = """
SELECT activity.application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND classid::bigint = 1885430884 AND granted AND application_name LIKE 'worker%'
"""


async def holder(connection: psycopg.AsyncConnection) -> str:
    """The name of the worker that holds the lane."""
    while True:
        if row := await (await connection.execute(HOLDER)).fetchone():
            return row[0]
        await asyncio.sleep(0.05)


async def more_requests(requests: Sized, count: int, within: float) -> float:
    """Wait for `count` further requests; returns the seconds."""
    began, wanted = time.monotonic(), len(requests) + count
    while len(requests) < wanted:
        assert time.monotonic() - began < within, f"no worker took over within {within} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.long
@pytest.mark.timeout(280)
async def test_a_fleet_is_as_polite_as_one(conninfo: str) -> None:
    scope = Scope(*YEARS_OF_A_THOUSAND_PAGES)
    async with (
        demo_site(crawl_delay=DELAY) as site,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection,
    ):
        await begin(connection, Crawler(conninfo, None, sites_at(site.base), DELAY), scope)
        await ask_for(connection, [host_name(site.base)], scope, attended=False)
        # The site measures in this process: it is to have answered once before, and nothing is to hold it up.
        async with aiohttp.ClientSession() as session, session.get(f"{site.base}/_demo/site.json") as answer:
            await answer.read()
        workers = {
            name: await asyncio.to_thread(
                start, work_in_process, make_conninfo(conninfo, application_name=name), site.base, 0.0
            )
            for name in [f"worker{number}" for number in range(4)]
        }
        try:
            await more_requests(site.requests, 20, within=30)
            killed = await holder(connection)
            send(workers.pop(killed), signal.SIGKILL)
            assert await more_requests(site.requests, 10, within=90) < 90

            frozen = await holder(connection)
            send(workers[frozen], signal.SIGSTOP)
            await more_requests(site.requests, 10, within=90)
            assert await holder(connection) != killed
            send(workers[frozen], signal.SIGCONT)
            await more_requests(site.requests, 30, within=30)
        finally:
            for worker in workers.values():
                send(worker, signal.SIGCONT)
                send(worker, signal.SIGKILL)
        starts = [request.started for request in site.requests]
        gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
        assert min(gaps) >= DELAY - TOLERANCE
        # The gate keeps its own record of when requests start, on the database's clock, where nothing is held up.
        record = await (await connection.execute("SELECT smallest_gap FROM host")).fetchone()
        assert record is not None
        assert record[0] >= DELAY - 0.001
        assert max(request.open_requests for request in site.requests) == 1
