"""A host's work is one thing: any process takes it over, and nothing that was cut off blocks it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.cli import dry_run as planning
from collector.codes import Block
from collector.demo.world.world import World
from collector.engine.crawl import Tick, begin, crawl
from collector.engine.crawl_jobs import Crawler, ask_for, open_jobs
from collector.engine.crew import Crew
from collector.engine.refresh import label_scope, refresh
from collector.engine.refresh import plan as plan_labels
from collector.errors import ExitCode
from collector.frontier.scope import Scope
from collector.frontier.status import report
from collector.politeness.delay import TOKYO
from collector.politeness.gate import Connection, Gate, Pace, host_name
from tests.demo_site import DemoSite, demo_site
from tests.sites import labels_at, sites_at

WORLD = World(years=range(2014, 2017), issues_per_year=3, photos_per_issue=4)
ALL = Scope(date(2014, 1, 1), date(2016, 12, 31))
ONE_YEAR = Scope(date(2016, 1, 1), date(2016, 12, 31))
LANES = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = 1885430884 AND granted AND pid <> pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
EVERY_SESSION = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def show(_: Tick) -> None:
    """Show nothing."""


def at(crawler: Crawler, site: DemoSite, *, races: bool = False) -> Crawler:
    """A process of its own at this site."""
    sites = sites_at(site.base, site.netkeiba if races else None)
    return replace(crawler, sites=sites, stopping=asyncio.Event(), interrupted=False)


async def interrupted(crawler: Crawler, site: DemoSite, scope: Scope, *, after: int) -> ExitCode:
    """A `collector crawl` that is interrupted after a number of requests."""

    async def stop(_: Tick) -> None:
        if len(site.requests) >= after:
            crawler.interrupted = True
            crawler.stopping.set()

    return (await crawl(crawler, scope, stop))[1]


async def one(connection: Connection, query: str) -> Any:
    """The first column of a query's first row."""
    row = await (await connection.execute(query)).fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


async def until(true: Callable[[], Awaitable[object]], within: float = 20.0) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def worker(crawler: Crawler) -> AsyncIterator[Crew]:
    """A `collector worker` without a schedule, in this process."""
    crew = Crew(crawler, everything=True)
    running = asyncio.create_task(crew.run())
    try:
        yield crew
    finally:
        crawler.stopping.set()
        await asyncio.wait_for(running, 20)


async def leave_unfinished(connection: Connection, site: DemoSite, scope: Scope = ALL) -> None:
    """What a command that was killed leaves: its seeds, and a job without a process."""
    await begin(connection, Crawler("", None, sites_at(site.base), 0.0), scope)
    await ask_for(connection, [host_name(site.base)], scope, attended=False)


async def test_an_interrupted_crawl_blocks_no_other_crawl(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        assert await interrupted(at(crawler, site, races=True), site, ALL, after=20) == ExitCode.INTERRUPTED
        _, narrower = await crawl(at(crawler, site, races=True), ONE_YEAR, show)
        await plan_labels(connection, labels_at(site.netkeiba), older_than=None, horses=None)
        labels, refreshed = await refresh(at(crawler, site, races=True), labels_at(site.netkeiba), label_scope(), show)
        _, first_again = await crawl(at(crawler, site, races=True), ALL, show)
        asked = Counter(site.paths())
    assert (narrower, refreshed, first_again) == (ExitCode.DONE,) * 3
    assert labels.held > 0
    assert {path: count for path, count in asked.items() if count > 1} in ({}, {"/robots.txt": 2})  # two hosts
    assert await one(connection, "SELECT count(*) FROM crawl_job") == 0


async def test_the_range_of_an_interrupted_crawl_does_not_widen_the_next(crawler: Crawler) -> None:
    async with demo_site(world=WORLD) as site:
        await interrupted(at(crawler, site), site, ALL, after=3)
        site.requests.clear()
        summary, _ = await crawl(at(crawler, site), replace(ONE_YEAR, limit=1), show)
        assert "/keibabook/bn/2015.html" not in site.paths()
    assert summary.issues == 1


async def test_two_commands_with_ranges_of_their_own_share_a_host(crawler: Crawler) -> None:
    ranges = [Scope(date(year, 1, 1), date(year, 12, 31)) for year in (2014, 2015, 2016)]
    async with demo_site(world=WORLD, crawl_delay=0.02) as site:
        ended = await asyncio.gather(*(crawl(at(crawler, site), scope, show) for scope in ranges))
        assert max(Counter(site.paths()).values()) == 1
        assert site.log.most_open == 1
    assert [code for _, code in ended] == [ExitCode.DONE] * 3
    assert [summary.issues for summary, _ in ended] == [3, 3, 3]


@pytest.mark.parametrize("cut", [LANES, EVERY_SESSION], ids=["the lane's", "every"])
async def test_a_lane_whose_session_is_cut_is_taken_up_again(
    crawler: Crawler, connection: Connection, cut: str
) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.02) as site:
        await leave_unfinished(connection, site)
        async with worker(at(crawler, site)):
            for _ in range(3):
                before = len(site.requests)
                await until(lambda before=before: _has_requests(site, before + 5))
                await connection.execute(cut)  # type: ignore[arg-type]
            await until(lambda: _is_done(connection), within=60)
        asked = Counter(site.paths())
        assert site.log.most_open == 1
    assert sum(asked.values()) - len(asked) <= 3  # one request more for each cut at most
    assert await one(connection, "SELECT count(*) FROM page WHERE state <> 'fetched' AND state <> 'gone'") == 0


async def _has_requests(site: DemoSite, count: int) -> bool:
    return len(site.requests) >= count


async def _is_done(connection: Connection) -> bool:
    return await one(connection, "SELECT count(*) FROM crawl_job") == 0


async def test_a_crawl_survives_a_database_that_cuts_every_session(crawler: Crawler, conninfo: str) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.02) as site:
        running = asyncio.create_task(crawl(at(crawler, site), ALL, show))
        await until(lambda: _has_requests(site, 5))
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
            await other.execute(EVERY_SESSION)  # type: ignore[arg-type]
        summary, code = await asyncio.wait_for(running, 90)
    assert code == ExitCode.DONE
    assert summary.issues == 9


async def test_a_crawl_whose_database_stays_away_ends(
    crawler: Crawler, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.engine.crawl.DATABASE_PATIENCE", 2.0)
    monkeypatch.setattr("collector.engine.breakdown.DATABASE_PATIENCE", 2.0)
    name = conninfo_to_dict(crawler.conninfo)["dbname"]
    async with (
        demo_site(world=WORLD, crawl_delay=0.1) as site,
        await psycopg.AsyncConnection.connect(cluster, autocommit=True) as other,
    ):
        running = asyncio.create_task(crawl(at(crawler, site), ALL, show))
        await until(lambda: _has_requests(site, 3))
        await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
        await other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # type: ignore[arg-type]
        with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
            await asyncio.wait_for(running, 30)
        asked = len(site.requests)
        await asyncio.sleep(1)
        assert len(site.requests) == asked


async def test_a_limit_holds_when_the_worker_is_killed(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.05) as site:
        await crawl(at(crawler, site, races=True), ALL, show)
        await plan_labels(connection, labels_at(site.netkeiba), older_than=None, horses=None)
        await ask_for(connection, [host_name(site.netkeiba)], label_scope(10), attended=False)
        site.requests.clear()
        for _ in range(2):
            before = len(site.requests)
            crew = Crew(at(crawler, site, races=True), everything=True)
            running = asyncio.create_task(crew.run())
            await until(lambda before=before: _has_requests(site, before + 3))
            await connection.execute(EVERY_SESSION)  # type: ignore[arg-type]
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        async with worker(at(crawler, site, races=True)):
            await until(lambda: _is_done(connection), within=60)
        assert 6 <= len(site.requests) <= 10


async def test_looking_at_robots_never_takes_a_host_from_its_lane(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane begins between the look at our copy and the taking of the host."""
    real, lanes = Gate.claim, []

    async def claim(opened: Connection, host: str, *rest: Any, **named: Any) -> Gate | None:
        if not lanes:
            lanes.append(await real(connection, host, Pace(0.0), asyncio.Event(), (), lease=30, who="a lane"))
        return await real(opened, host, *rest, **named)

    async with demo_site(world=WORLD) as site:
        monkeypatch.setattr(Gate, "claim", claim)
        assert await planning.current_copy(at(crawler, site), sites_at(site.base)[0]) is None
        assert await lanes[0].reserve()
        assert site.paths() == []


async def test_an_idle_worker_takes_one_connection(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site, contextlib.AsyncExitStack() as stack:
        before = await one(connection, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        for _ in range(14):
            await stack.enter_async_context(worker(at(crawler, site)))
        await asyncio.sleep(1.5)
        after = await one(connection, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert after - before <= 14
        assert (await crawl(at(crawler, site), ALL, show))[1] == ExitCode.DONE


async def first_wait(crawler: Crawler, site: DemoSite, scope: Scope = ALL) -> tuple[str, float]:
    """What a crawl says it waits for, and after how many seconds."""
    began, heard = asyncio.get_running_loop().time(), []

    async def listen(tick: Tick) -> None:
        if tick.waiting:
            heard.append((tick.waiting, asyncio.get_running_loop().time() - began))
            crawler.stopping.set()

    async with asyncio.timeout(15):
        await crawl(crawler, scope, listen)
    return heard[0]


async def test_a_crawl_says_within_three_seconds_that_a_site_is_slow(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD, crawl_delay=60) as site:
        crawler = at(crawler, site)
        seen: list[tuple[str, dict[str, Any]]] = []

        async def listen(tick: Tick) -> None:
            host = (await report(connection))["hosts"][0]
            if tick.waiting and host["waiting_for"]:
                seen.append((tick.waiting, host))
                crawler.stopping.set()

        async with asyncio.timeout(5):
            await crawl(crawler, ALL, listen)
    words, host = seen[0]
    assert "the next request, 60 s after the last (Crawl-delay of robots.txt), until" in words
    assert "the next request" in host["waiting_for"]
    assert host["waiting_until"] is not None


@pytest.mark.parametrize("command", ["crawl", "worker"])
async def test_status_says_what_keeps_every_lane_from_a_host(
    crawler: Crawler, connection: Connection, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "collector.engine.waits")
    async with demo_site(world=WORLD) as site:
        await leave_unfinished(connection, site)
        crawler = replace(at(crawler, site), hours=never_now())
        working = work_on(crawler, site) if command == "crawl" else Crew(crawler, everything=True).run()
        running = asyncio.create_task(working)
        await until(lambda: _waits(connection), within=3)
        (host,) = (await report(connection))["hosts"]
        crawler.stopping.set()
        await running
        assert (await report(connection))["hosts"][0]["waiting_for"] is None
        assert site.paths() == []
    assert (host["waiting_code"], host["waiting_for"]) == ("opening", "outside the opening hours")
    assert host["waiting_until"] > datetime.now(UTC)
    assert [record.__dict__["for"] for record in caplog.records] == [f"{host['host']}: outside the opening hours"]


async def work_on(crawler: Crawler, site: DemoSite) -> None:
    """A crawl of everything."""
    await crawl(crawler, ALL, show)


def never_now() -> tuple[time, time]:
    """Opening hours that are some hours away."""
    now = datetime.now(TOKYO)
    return (now + timedelta(hours=3)).time(), (now + timedelta(hours=4)).time()


async def _waits(connection: Connection) -> bool:
    return any(host["waiting_for"] for host in (await report(connection))["hosts"])


@pytest.mark.parametrize("after", [0, 3])
async def test_a_crawl_says_that_the_database_is_locked_and_goes_on(
    crawler: Crawler, connection: Connection, caplog: pytest.LogCaptureFixture, after: int
) -> None:
    caplog.set_level("INFO", "collector.engine.waits")
    heard = asyncio.Event()

    async def listen(tick: Tick) -> None:
        if "the database's answer" in (tick.waiting or ""):
            heard.set()

    async def logged() -> bool:
        return "the database's answer" in [record.__dict__.get("for") for record in caplog.records]

    async with demo_site(world=WORLD, crawl_delay=0.02) as site:
        async with contextlib.AsyncExitStack() as locked:
            if after == 0:
                await locked.enter_async_context(connection.transaction())
                await connection.execute("LOCK TABLE page")
            running = asyncio.create_task(crawl(at(crawler, site), ALL, listen))
            await until(lambda: _has_requests(site, after))
            if after:
                await locked.enter_async_context(connection.transaction())
                await connection.execute("LOCK TABLE page")
            await asyncio.wait_for(heard.wait(), 3)
            if after:  # there is a lane to be looked after, and the crew's log shows it
                await until(logged)
        assert (await asyncio.wait_for(running, 60))[1] == ExitCode.DONE


async def test_status_says_when_nothing_is_heard_of_a_lane(connection: Connection) -> None:
    gate = await Gate.claim(connection, "h", Pace(0.0), asyncio.Event(), (), lease=20, who="`collector elsewhere`")
    assert gate
    (host,) = (await report(connection))["hosts"]
    assert host["waiting_code"] == "silent_lane"
    assert host["waiting_for"] == "nothing is heard of `collector elsewhere`, which holds it"
    assert timedelta(0) < host["waiting_until"] - datetime.now(UTC) < timedelta(seconds=21)


async def test_a_crawl_names_the_lane_that_may_be_frozen(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        host = host_name(site.base)
        gate = await Gate.claim(connection, host, Pace(0.0), asyncio.Event(), (), lease=20, who="`collector elsewhere`")
        assert gate
        words, seconds = await first_wait(at(crawler, site), site)
    assert f"{host}: nothing is heard of `collector elsewhere`, which holds it, until" in words
    assert seconds < 3


async def test_a_crawl_says_that_the_host_is_closed(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        gate = await Gate.claim(
            connection, host_name(site.base), Pace(0.0), asyncio.Event(), (), lease=60, who="a lane"
        )
        assert gate
        await gate.block(30.0, Block.BUSY, "the site answered 429")
        await connection.execute("UPDATE host SET lane_until = NULL")
        words, seconds = await first_wait(at(crawler, site), site)
    assert "is closed (the site answered 429), until" in words
    assert seconds < 3


async def test_what_cannot_be_kept_is_not_asked_for_again_and_again(crawler: Crawler, connection: Connection) -> None:
    await connection.execute("ALTER TABLE fetch_log RENAME took TO taken")
    async with demo_site(world=WORLD) as site:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            await crawl(at(crawler, site), ALL, show)
        assert len(site.requests) <= 4  # the last one while the command looks away
    assert [job.scope for job in await open_jobs(connection, [host_name(site.base)], everything=True)] == [ALL]


async def test_a_frozen_lane_is_taken_over_when_its_time_is_up(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        await leave_unfinished(connection, site)
        gate = await Gate.claim(connection, host_name(site.base), Pace(0.0), asyncio.Event(), (), lease=2, who="frozen")
        assert gate
        async with (
            await psycopg.AsyncConnection.connect(crawler.conninfo, autocommit=True) as other,
            worker(at(crawler, site)),
        ):
            await asyncio.sleep(1)
            assert site.paths() == []
            await until(lambda: _is_done(other))
