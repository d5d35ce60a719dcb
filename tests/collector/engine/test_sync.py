"""One command brings a collection up to date: what it asks for, what it leaves alone, and beside whom."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from collector.demo.world.races import Races
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler, ask_for
from collector.engine.refresh import label_scope, plan, refresh
from collector.engine.schedule import Schedule
from collector.engine.sync import Plan, Synced, alone, first_day, plan_sync, sync
from collector.engine.worker import work
from collector.errors import ExitCode, UsageError
from collector.frontier.due import today
from collector.frontier.scope import Scope
from collector.politeness.delay import TOKYO
from tests.demo_site import DemoSite, demo_site
from tests.sites import labels_at, sites_at

YEAR = today().year - 1
MONTH = date(YEAR + 1, 3, 1)
WORLD = World(years=range(YEAR, YEAR + 1), issues_per_year=4, photos_per_issue=3, opinion_month=MONTH)
ISSUES = WORLD.issues(YEAR)
FIRST_HALF = Scope(date(YEAR, 1, 1), ISSUES[1].issue_date)


async def show(_: Tick) -> None:
    """Show nothing."""


@pytest.fixture
async def site() -> AsyncIterator[DemoSite]:
    async with demo_site(world=WORLD, month_may_change=True) as opened:
        yield opened


@pytest.fixture
def crawler(crawler: Crawler, site: DemoSite) -> Crawler:
    crawler.sites = sites_at(site.base, site.netkeiba, race=site.netkeiba)
    return crawler


def another(crawler: Crawler) -> Crawler:
    """The crawler of another process."""
    return replace(crawler, stopping=asyncio.Event(), interrupted=False, fetcher=None)


async def collect(crawler: Crawler, scope: Scope = FIRST_HALF) -> None:
    """What was there before: photos, races and labels of the first half of the year."""
    assert (await crawl(another(crawler), scope, show))[1] == ExitCode.DONE
    asked = labels_at(crawler.sites[1].url)
    async with await crawler.connect() as connection:
        await plan(connection, asked, older_than=None, horses=None)
    assert (await refresh(another(crawler), asked, label_scope(), show))[1] == ExitCode.DONE


async def planned(crawler: Crawler, since: date | None = None) -> Plan:
    async with await crawler.connect() as connection:
        return await plan_sync(connection, crawler, since)


async def run(crawler: Crawler, since: date | None = None) -> tuple[Synced, ExitCode]:
    """One `collector sync`, in a process of its own."""
    return await sync(another(crawler), await planned(crawler, since), show, labels=True)


def rows(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def let_pass(conninfo: str, time: str) -> None:
    """Let everything that is held be older."""
    for table, columns in {
        "page": ("due_at", "last_fetched_at", "changed_at", "added_at"),
        "fetch_log": ("at",),
        "host": ("next_at", "last_request_at"),
        "aptitude": ("observed_at",),
    }.items():
        changes = ", ".join(f"{column} = {column} - interval '{time}'" for column in columns)
        rows(conninfo, f"UPDATE {table} SET {changes}")


def asked(site: DemoSite) -> Counter[str]:
    return Counter(path for path in site.paths() if path != "/robots.txt")


# --- what it asks for -------------------------------------------------------------------------------------


async def test_a_month_later_new_issues_their_races_and_labels_come(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler)
    let_pass(crawler.conninfo, "31 days")
    before = asked(site)
    site.world.opinion_month = MONTH.replace(month=4)
    site.requests.clear()
    done, code = await run(crawler)
    assert (code, done.plan.scope.since) == (ExitCode.DONE, ISSUES[1].race_days[-1] - timedelta(days=28))
    held = {code for (code,) in rows(crawler.conninfo, "SELECT code FROM issue")}
    assert held == {issue.code for issue in ISSUES}
    new = ISSUES[2:]
    assert done.new["issue"] == len(new)
    assert done.new["result"] == len({path for path in asked(site) if path.startswith("/race/2")}) > 0
    days = {day for issue in new for day in issue.race_days}
    assert days <= {day for (day,) in rows(crawler.conninfo, "SELECT race_date FROM race")}
    assert done.labels is not None
    assert done.labels.changed > 0
    assert done.labels.due == 0
    again = before & asked(site)
    assert not [path for path in again if path.endswith((".jpg", "photo01.html")) or path.startswith("/race/2")]
    assert max(asked(site).values()) == 1


async def test_a_second_sync_right_after_asks_for_nothing(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler)
    await run(crawler)
    site.requests.clear()
    done, code = await run(crawler)
    assert (code, site.paths(), done.summary.requests) == (ExitCode.DONE, [], 0)


async def test_a_daily_sync_looks_at_young_lists_each_day(crawler: Crawler, site: DemoSite) -> None:
    """Also where it begins some minutes earlier than the list was answered the day before."""
    await collect(crawler)
    await run(crawler)
    let_pass(crawler.conninfo, "23 hours 50 minutes")
    rows(crawler.conninfo, f"UPDATE page SET dated = '{YEAR + 1}-01-01' WHERE role = 'listing'")  # this year's
    rows(crawler.conninfo, "UPDATE page SET due_at = last_fetched_at + interval '1 day' WHERE role = 'listing'")
    site.requests.clear()
    done, _ = await run(crawler)
    assert asked(site) == {f"/keibabook/bn/{YEAR}.html": 1}
    assert done.summary.not_modified == 1


async def test_where_nothing_is_held_it_says_what_to_run_first(crawler: Crawler, site: DemoSite) -> None:
    with pytest.raises(UsageError, match=r"run `collector crawl --since 2016` first, or .* `collector sync --since"):
        await planned(crawler)
    done, code = await run(crawler, since=date(YEAR, 1, 1))
    assert (code, done.new["issue"]) == (ExitCode.DONE, len(ISSUES))
    assert site.paths()


def test_it_looks_from_four_weeks_before_the_older_of_both() -> None:
    assert first_day(date(2016, 6, 27), date(2016, 3, 29)) == date(2016, 3, 1)
    assert first_day(None, date(2016, 3, 29)) == date(2016, 3, 1)
    assert first_day(date(2999, 1, 1), None) == today() - timedelta(days=28)


async def test_all_races_are_asked_for_where_calendars_are_held(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, replace(FIRST_HALF, since=ISSUES[1].issue_date - timedelta(days=7)))
    assert not (await planned(crawler)).scope.all_races
    await collect(crawler, replace(FIRST_HALF, since=ISSUES[1].issue_date - timedelta(days=7), all_races=True))
    assert (await planned(crawler)).scope.all_races


# --- interrupted, and beside others -----------------------------------------------------------------------


async def interrupted_after(requests: int, crawler: Crawler, site: DemoSite) -> tuple[Synced, ExitCode]:
    """A sync that Ctrl-C ends when the site has seen this number of requests."""
    stopped = another(crawler)
    running = asyncio.create_task(sync(stopped, await planned(crawler), show, labels=True))
    async with asyncio.timeout(60):
        while len(site.requests) < requests and not running.done():  # noqa: ASYNC110  (the site has no event for it)
            await asyncio.sleep(0.01)
    stopped.interrupted = True
    stopped.stopping.set()
    return await running


async def test_interrupted_and_run_again_it_asks_for_each_page_once(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler)
    site.requests.clear()
    for requests in (3, 10, 20):
        done, code = await interrupted_after(requests, crawler, site)
        assert (code, done.labels) == (ExitCode.INTERRUPTED, None)
    _, code = await run(crawler)
    assert code == ExitCode.DONE
    assert max(asked(site).values()) == 1
    assert {code for (code,) in rows(crawler.conninfo, "SELECT code FROM issue")} == {issue.code for issue in ISSUES}
    assert rows(crawler.conninfo, "SELECT * FROM crawl_job") == []


async def test_a_crawl_that_was_interrupted_is_taken_up_too(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, Scope(ISSUES[3].issue_date, ISSUES[3].issue_date))
    left = Scope(date(YEAR, 1, 1), ISSUES[0].issue_date)
    async with await crawler.connect() as connection:
        await ask_for(connection, crawler.hosts, left, attended=False)
    assert (await planned(crawler)).left == (left,)
    done, code = await run(crawler)
    assert (code, done.plan.left) == (ExitCode.DONE, (left,))
    held = {code for (code,) in rows(crawler.conninfo, "SELECT code FROM issue")}
    assert held == {ISSUES[0].code, ISSUES[3].code}
    assert rows(crawler.conninfo, "SELECT * FROM crawl_job") == []


async def test_beside_a_worker_nothing_is_asked_for_twice(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler)
    site.requests.clear()
    worker = another(crawler)
    working = asyncio.create_task(work(worker, Schedule()))
    _, code = await run(crawler)
    worker.stopping.set()
    await working
    assert code == ExitCode.DONE
    assert max(asked(site).values()) == 1
    assert {code for (code,) in rows(crawler.conninfo, "SELECT code FROM issue")} == {issue.code for issue in ISSUES}


async def test_outside_the_opening_hours_it_waits(crawler: Crawler, site: DemoSite) -> None:
    now = datetime.now(TOKYO)
    crawler.hours = ((now + timedelta(hours=2)).time(), (now + timedelta(hours=3)).time())
    seen = []

    async def note(tick: Tick) -> None:
        seen.append(tick.waiting)

    stopped = another(crawler)
    running = asyncio.create_task(sync(stopped, await planned(crawler, date(YEAR, 1, 1)), note, labels=True))
    async with asyncio.timeout(60):
        while not any(seen):  # noqa: ASYNC110  (nothing else happens)
            await asyncio.sleep(0.01)
    stopped.interrupted = True
    stopped.stopping.set()
    assert (await running)[1] == ExitCode.INTERRUPTED
    assert site.paths() == []
    assert "opening hours" in f"{seen}"


async def test_of_two_syncs_one_works_and_its_end_makes_room(crawler: Crawler) -> None:
    async with alone(crawler) as first, alone(crawler) as second:
        assert (first, second) == (True, False)
    with suppress(RuntimeError):
        async with alone(crawler):
            raise RuntimeError
    async with alone(crawler) as first:
        assert first


async def test_a_database_that_restarts_does_not_end_it(crawler: Crawler) -> None:
    async with alone(crawler) as first:
        assert first
        rows(
            crawler.conninfo,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()",
        )
        _, code = await run(crawler, since=ISSUES[3].issue_date)
    assert code == ExitCode.DONE


async def test_a_site_that_closes_does_not_keep_the_other_from_being_asked(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=["503-retry-after=3600@/race/*"]) as site:
        crawler.sites = sites_at(site.base, site.netkeiba)
        done, code = await run(crawler, since=date(YEAR, 1, 1))
    assert (code, done.new["issue"], done.new.get("result", 0)) == (ExitCode.BLOCKED, len(ISSUES), 0)


async def test_cards_of_the_week_to_come_are_asked_for_each_day(crawler: Crawler) -> None:
    world = World(
        years=range(YEAR, YEAR + 1), issues_per_year=1, photos_per_issue=2, coming_day=today() + timedelta(days=1)
    )
    async with demo_site(world=world) as site:
        crawler.sites = sites_at(site.base, site.netkeiba, race=site.netkeiba)
        for _ in range(2):
            site.requests.clear()
            async with await crawler.connect() as connection:
                wanted = await plan_sync(connection, crawler, today(), all_races=True)
            _, code = await sync(another(crawler), wanted, show, labels=False)
            cards = [path for path in site.paths() if path.startswith("/race/shutuba")]
            assert (code, len(cards)) == (ExitCode.DONE, len(Races(world).coming))
            assert len(set(cards)) == len(cards) > 0
            let_pass(crawler.conninfo, "23 hours 50 minutes")
