"""The history of opinion read again: crawls go on beside it, and what was never understood is not stored later."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import aiohttp
import psycopg
import pytest

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.engine.refresh import label_scope, plan, refresh
from collector.frontier.scope import Scope
from collector.pipeline.reparse import reparse
from collector.politeness.gate import Connection
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.parsed import Parsed
from tests.demo_site import DemoSite, demo_site
from tests.sites import change_kind, labels_at, sites_at

WORLD = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=4, opinion_month=date(2016, 1, 1))
HISTORY = (
    "SELECT horse_id, axis, left_px, right_px, value, evidence, reviews, observed_at FROM aptitude ORDER BY 1, 2, 8"
)
KINDS = ("horse", "aptitude")
Ask = Callable[[str], Any]


async def show(_: Tick) -> None:
    """Show nothing."""


async def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()  # pyright: ignore


async def read_again(connection: Connection, show: Callable[[int, int], None] = lambda _done, _total: None) -> None:
    await reparse(connection, date(1, 1, 1), dry_run=False, show=show)


async def refreshed(crawler: Crawler, connection: Connection, site: DemoSite, month: str) -> None:
    """Ask for all opinions as they are in a month."""
    async with aiohttp.ClientSession() as session, session.post(f"{site.base}/_demo/month/{month}") as answer:
        assert answer.status == 200
    await plan(connection, labels_at(site.netkeiba), older_than=timedelta(0), horses=None)
    await refresh(replace(crawler, stopping=asyncio.Event()), labels_at(site.netkeiba), label_scope(), show)


@pytest.fixture
async def ask(crawler: Crawler, connection: Connection) -> AsyncIterator[Ask]:
    """A collection with the opinions of two months; asks for those of another."""
    async with demo_site(world=WORLD, month_may_change=True) as site:
        crawler = replace(crawler, sites=sites_at(site.base, site.netkeiba))
        await crawl(crawler, Scope(date(2015, 1, 1), date(2016, 12, 31)), show)
        for month in ("2016-01", "2016-04"):
            await refreshed(crawler, connection, site, month)
        yield lambda month: refreshed(crawler, connection, site, month)


@pytest.mark.usefixtures("ask")
async def test_a_review_count_stored_during_a_reading_waits_for_nothing(
    crawler: Crawler, connection: Connection
) -> None:
    before = await rows(connection, HISTORY)
    counted: list[int] = []

    def count(_done: int, _total: int) -> None:
        with psycopg.connect(crawler.conninfo, options="-c lock_timeout=500") as other:  # as a lane's commit does
            counted.append(other.execute("UPDATE aptitude SET reviews = COALESCE(reviews, 0) + 1").rowcount)

    await read_again(connection, count)
    assert set(counted) == {len(before)}
    after = await rows(connection, HISTORY)
    assert [row[6] for row in after] == [(row[6] or 0) + len(counted) for row in before]


@pytest.mark.usefixtures("ask")
async def test_opinions_that_were_wrong_missing_or_too_many_are_made_good(connection: Connection) -> None:
    before = await rows(connection, HISTORY)
    await connection.execute("UPDATE aptitude SET left_px = left_px + 1 WHERE axis = 'distance'")
    await connection.execute("DELETE FROM aptitude WHERE axis = 'surface'")
    await connection.execute(
        """INSERT INTO aptitude (horse_id, axis, left_px, right_px, source_url, observed_at)
           SELECT DISTINCT ON (page_id) '2019109999', 'distance', 1, 1, page.url, log.at
           FROM fetch_log AS log JOIN page ON page.id = page_id
           WHERE log.digest IS NOT NULL AND role = 'aptitude' LIMIT 1"""
    )
    assert await rows(connection, HISTORY) != before
    await read_again(connection)
    assert await rows(connection, HISTORY) == before


async def test_no_answer_that_came_while_its_kind_was_stopped_is_stored_later(
    ask: Ask, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in KINDS:
        await connection.execute(
            """INSERT INTO drift (source, kind, field, old_coverage, new_coverage, samples, observed_at)
               VALUES ('netkeiba', %s, 'coat', 1, 0, '{}', now())""",
            (kind,),
        )
    before = await rows(connection, HISTORY)
    for month in ("2016-12", "2019-12", "2024-12"):
        await ask(month)
    assert await rows(connection, HISTORY) == before
    earlier = """SELECT count(*) FROM fetch_log AS log JOIN page ON page.id = page_id JOIN drift USING (source, kind)
                 WHERE log.digest <> page.digest AND log.at > drift.observed_at"""
    assert await rows(connection, earlier) > [(0,)]
    with monkeypatch.context() as patch:
        for kind in KINDS:
            change_kind(patch, NETKEIBA, kind, parse=_without_coat(NETKEIBA.kind(kind).parse))
        await read_again(connection)
    assert await rows(connection, HISTORY) == before
    await read_again(connection)  # the parser knows the layout by now
    assert len(await rows(connection, HISTORY)) > len(before)


def _without_coat(parse: Callable[[str, str], Parsed] | None) -> Callable[[str, str], Parsed]:
    assert parse is not None

    def lacking(url: str, text: str) -> Parsed:
        parsed = parse(url, text)
        return replace(parsed, missing=(*parsed.missing, "coat"))

    return lacking
