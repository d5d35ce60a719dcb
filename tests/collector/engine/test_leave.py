"""No request leaves for a site whose keepers' terms nobody has accepted: counted at the site, on every way there."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from collector.cli.dry_run import current_copy, foresee_crawl
from collector.codes import AcceptedBy, Copying
from collector.demo.world.world import World
from collector.engine.crawl import Tick, begin, crawl
from collector.engine.crawl_jobs import Crawler, ask_for
from collector.engine.crew import Crew
from collector.engine.refresh import label_scope, refresh
from collector.engine.schedule import Schedule
from collector.engine.sync import plan_sync, sync
from collector.engine.worker import work
from collector.errors import ExitCode, UsageError
from collector.frontier.scope import Scope
from collector.politeness.accepted import accept, accept_first, check, in_force
from collector.politeness.gate import Connection
from collector.settings import Settings
from collector.sources import Site
from collector.sources.keibado.source import KEIBADO
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.registry import known_addresses
from tests.demo_site import DemoSite, demo_site
from tests.paths import ROOT
from tests.sites import labels_at, sites_at

WORLD = World(years=range(2016, 2017), issues_per_year=1, photos_per_issue=2)
YEAR = Scope(date(2016, 1, 1), date(2016, 12, 31))
STRICT = replace(KEIBADO, terms=replace(KEIBADO.terms, copying=Copying.FORBIDDEN))


async def show(_: Tick) -> None:
    """Show nothing."""


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoSite]:
    """A local site that counts as its keepers' own."""
    async with demo_site(world=WORLD) as opened:
        monkeypatch.setattr("collector.sources.source.is_loopback", lambda _url: False)
        yield opened


@pytest.fixture
def crawler(crawler: Crawler, site: DemoSite) -> Crawler:
    crawler.sites = sites_at(site.base)
    return crawler


async def synced(crawler: Crawler) -> None:
    async with await crawler.connect() as connection:
        plan = await plan_sync(connection, crawler, date(2016, 1, 1))
    await sync(crawler, plan, show, labels=False)


async def refreshed(crawler: Crawler) -> None:
    crawler.sites = sites_at("http://127.0.0.1:9", crawler.sites[0].url)
    await refresh(crawler, labels_at(crawler.sites[1].url), label_scope(), show)


WAYS: dict[str, Callable[[Crawler], Coroutine[Any, Any, object]]] = {
    "crawl": lambda crawler: crawl(crawler, YEAR, show),
    "crawl --dry-run": lambda crawler: foresee_crawl(crawler, YEAR),
    "sync": synced,
    "refresh-labels": refreshed,
    "robots": lambda crawler: current_copy(crawler, crawler.sites[0]),
}


@pytest.mark.parametrize("way", WAYS)
async def test_no_way_to_a_site_is_open_before_its_terms_are_accepted(
    crawler: Crawler, connection: Connection, site: DemoSite, way: str
) -> None:
    with pytest.raises(UsageError, match=r"No request is made: the terms of \w+ have not been .* sources accept \w+`"):
        await asyncio.wait_for(WAYS[way](crawler), 10)
    assert site.paths() == []
    row = await (await connection.execute("SELECT count(*) FROM crawl_job")).fetchone()
    assert row == (0,)


async def test_a_lane_that_finds_work_of_others_makes_no_request_either(
    crawler: Crawler, connection: Connection, site: DemoSite
) -> None:
    """The command has looked before; a job that is there all the same is held up by the gate."""
    await begin(connection, crawler, YEAR)
    await ask_for(connection, crawler.hosts, YEAR, attended=True)

    async def stop_when_broken(_: Connection) -> None:
        if crew._breakdowns:
            crawler.stopping.set()

    crew = Crew(crawler, chores=stop_when_broken)
    await asyncio.wait_for(crew.run(), 10)
    assert isinstance(crew._breakdowns[crawler.hosts[0]].error, UsageError)
    assert site.paths() == []


async def test_a_worker_waits_for_leave_says_so_once_and_goes_on_when_it_is_given(
    crawler: Crawler,
    connection: Connection,
    site: DemoSite,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("collector.engine.worker.LOOK_EVERY", 0.01)
    await begin(connection, crawler, YEAR)
    await ask_for(connection, crawler.hosts, YEAR, attended=False)
    looks = 0
    look = crawler.check_leave

    async def counted(hosts: Sequence[str]) -> None:
        nonlocal looks
        looks += 1
        place, crawler.conninfo = crawler.conninfo, "host=/nowhere" if looks == 2 else crawler.conninfo
        if looks == 4:  # it has gone on after a database that was away
            assert site.paths() == []
            await accept(connection, KEIBADO.leave, AcceptedBy.COMMAND)
        try:
            await look(hosts)
        finally:
            crawler.conninfo = place

    monkeypatch.setattr(Crawler, "check_leave", lambda _self, hosts: counted(hosts))
    with caplog.at_level("INFO", logger="collector.engine.worker"):
        working = asyncio.create_task(work(crawler, Schedule()))
        async with asyncio.timeout(20):
            while not [path for path in site.paths() if path.endswith(".jpg")]:  # noqa: ASYNC110  (the site has no event)
                await asyncio.sleep(0.01)
        crawler.stopping.set()
        await working
    said = [record for record in caplog.records if record.message == "waiting for leave"]
    assert [record.__dict__["reason"] for record in said] == [KEIBADO.leave.why_not(None)]


async def test_a_worker_that_waits_for_leave_can_be_stopped(crawler: Crawler, site: DemoSite) -> None:
    working = asyncio.create_task(work(crawler, Schedule()))
    await asyncio.sleep(0)
    crawler.stopping.set()
    await asyncio.wait_for(working, 10)
    assert site.paths() == []


async def test_once_they_are_accepted_it_is_crawled(crawler: Crawler, connection: Connection, site: DemoSite) -> None:
    await accept(connection, KEIBADO.leave, AcceptedBy.COMMAND)
    assert (await crawl(crawler, YEAR, show))[1] == ExitCode.DONE
    assert len(site.requests) > 3


async def test_a_host_of_two_sources_needs_the_leave_of_both(
    crawler: Crawler, connection: Connection, site: DemoSite
) -> None:
    await accept(connection, KEIBADO.leave, AcceptedBy.COMMAND)
    crawler.sites = (*sites_at(site.base), Site(NETKEIBA, "main", site.base))
    with pytest.raises(UsageError, match="terms of netkeiba"):
        await crawler.claim(connection, crawler.hosts[0], lease=5, who="a lane")


async def test_other_terms_ask_again_and_the_environment_does_not_answer(connection: Connection) -> None:
    await accept_first(connection, [KEIBADO.leave])
    await check(connection, [KEIBADO.leave])
    read_again = replace(KEIBADO.terms, read_on=date(2027, 1, 1))
    await check(connection, [replace(KEIBADO, terms=read_again).leave])
    revised = replace(KEIBADO, terms=replace(KEIBADO.terms, dated=date(2027, 1, 1))).leave
    await accept_first(connection, [revised])
    with pytest.raises(UsageError, match="terms of keibado have changed since 2"):
        await check(connection, [revised])
    await accept(connection, revised, AcceptedBy.COMMAND)
    await check(connection, [revised])
    found = await in_force(connection, revised)
    assert found is not None
    assert (found.by, found.dated) == (AcceptedBy.COMMAND, date(2027, 1, 1))


async def test_where_copying_is_forbidden_only_a_permission_that_is_named_opens_the_gate(
    connection: Connection,
) -> None:
    with pytest.raises(UsageError, match='--permission "who gave it, when"'):
        await accept(connection, STRICT.leave, AcceptedBy.COMMAND)
    await accept_first(connection, [STRICT.leave])
    with pytest.raises(UsageError, match='--permission "who gave it, when"'):
        await check(connection, [STRICT.leave])
    for _ in range(2):
        await accept(connection, STRICT.leave, AcceptedBy.COMMAND, "the editors, 2026-11-20")
    await check(connection, [STRICT.leave])
    rows = await (await connection.execute("SELECT source, permission FROM acceptance")).fetchall()
    assert rows == [("keibado", "the editors, 2026-11-20")]


def test_a_site_on_this_machine_is_nobody_s_but_ours() -> None:
    assert [site.leave for site in sites_at("http://127.0.0.1:8766", "http://localhost:8766")] == [None, None]
    assert Site(KEIBADO, "main", "http://mirror.example").leave == KEIBADO.leave


def test_only_a_crawl_may_ask_the_keepers_also_where_their_site_is_switched_off_or_set_otherwise() -> None:
    moved = Settings(urls={"PADDOCK_KEIBADO_URL": "", "PADDOCK_NETKEIBA_URL": "http://mirror.example"})
    wanted = {"http://mirror.example", "http://old.keibado.ne.jp", "https://db.netkeiba.com"}
    assert wanted <= set(known_addresses(moved))


def test_requests_are_sent_where_a_gate_is_held_and_nowhere_else() -> None:
    """A fetcher asks without looking: where one is made, the host is claimed first, and that needs leave."""
    files = [path for room in ("collector", "trainer") for path in (ROOT / room).rglob("*.py")]
    found = [path for path in files if re.search(r"(?<!class )\bFetcher\(", path.read_text())]
    makers = {path.relative_to(ROOT).as_posix() for path in found}
    # The trainer reads a photo from an address that a person names, and from no site of a source.
    assert makers == {"collector/engine/crew.py", "collector/cli/dry_run.py", "trainer/inference/photos.py"}
