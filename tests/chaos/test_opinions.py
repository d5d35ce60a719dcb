"""A year of changing opinion, asked for by three workers of which one is killed at random each month."""

import asyncio
import itertools
import random
import signal
import time
from datetime import date, timedelta

import aiohttp
import pytest

from collector.demo.world import opinion
from collector.demo.world.races import Races
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler, ask_for
from collector.engine.refresh import label_scope, plan
from collector.frontier.scope import Scope
from collector.pipeline.reparse import reparse
from collector.politeness.gate import Connection, host_name
from collector.storage.racing import Axis
from collector.storage.roles import UNDATED
from tests.chaos.processes import send, start, work_in_process
from tests.demo_site import DemoSite, demo_site
from tests.sites import labels_at, sites_at

WORLD = World(years=range(2015, 2017), issues_per_year=3, photos_per_issue=6, opinion_month=date(2016, 1, 1))
HISTORY = """
SELECT horse_id, axis, observed_at, left_px, right_px, value, reviews, evidence, source_url FROM aptitude
ORDER BY horse_id, axis, observed_at
"""
MONTHS = [date(2016, month, 1) for month in range(1, 13)]
LEFT = """
SELECT (SELECT count(*) FROM page WHERE dated = %s AND kind <> 'robots' AND due_at <= clock_timestamp()),
       (SELECT count(*) FROM crawl_job)
"""


async def show(_: Tick) -> None:
    """Show nothing."""


async def turn_to(site: DemoSite, month: date) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{site.base}/_demo/month/{month:%Y-%m}") as answer:
        assert answer.status == 200


async def settle(connection: Connection, within: float = 60.0) -> None:
    """Wait until no label is due and no job is open."""
    began = time.monotonic()
    while True:
        row = await (await connection.execute(LEFT, (UNDATED,))).fetchone()
        if row == (0, 0):
            return
        assert time.monotonic() - began < within, f"still due and open: {row}"
        await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_stored_history_is_the_one_that_was_shown(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD, month_may_change=True) as site:
        crawler.sites = sites_at(site.base, site.netkeiba)
        await crawl(crawler, Scope(date(2015, 1, 1), date(2016, 12, 31)), show)
        arguments = (crawler.conninfo, site.base, 0.0, site.netkeiba)
        workers = [start(work_in_process, *arguments) for _ in range(3)]
        try:
            for month in MONTHS:
                await turn_to(site, month)
                await plan(connection, labels_at(site.netkeiba), older_than=timedelta(0), horses=None)
                await ask_for(connection, [host_name(site.netkeiba)], label_scope(), attended=False)
                await asyncio.sleep(random.uniform(0.0, 0.4))
                send(workers.pop(random.randrange(3)), signal.SIGKILL)
                workers.append(start(work_in_process, *arguments))
                await settle(connection)
        finally:
            for worker in workers:
                send(worker, signal.SIGKILL)
    rows = await (
        await connection.execute("SELECT horse_id, axis, left_px, right_px FROM aptitude ORDER BY observed_at, id")
    ).fetchall()
    registry, moved = Races(WORLD).registry, 0
    for horse_id in {row[0] for row in rows}:
        registered = registry.find(horse_id)
        assert registered is not None
        shown = [opinion.graph(registered.horse, month) for month in MONTHS]
        for index, axis in enumerate(Axis):
            stored = [(left, right) for one, name, left, right in rows if (one, name) == (horse_id, axis)]
            served = [bars for bars, _ in itertools.groupby(graph[index] for graph in shown)]
            assert stored == served, (horse_id, axis)
            moved += len(served) - 1
    assert moved > 20  # so that there was a history to keep
    # The stored answers give the same history once more, whatever has become of the table.
    held = await (await connection.execute(HISTORY)).fetchall()
    await connection.execute("UPDATE aptitude SET left_px = 1, value = 0.5 WHERE id % 3 = 0")
    await connection.execute("DELETE FROM aptitude WHERE id % 3 = 1")
    await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _total: None)
    assert await (await connection.execute(HISTORY)).fetchall() == held
