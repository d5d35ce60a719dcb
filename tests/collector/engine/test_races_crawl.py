"""From issues to races, horses and labels: whole runs against the look-alike of both sites."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from collector.demo.world import opinion
from collector.demo.world.races import Races
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.engine.refresh import Refreshed, label_scope, plan, refresh
from collector.errors import ExitCode
from collector.frontier.due import today
from collector.frontier.scope import Scope
from collector.frontier.status import Summary
from collector.storage.racing import Axis
from tests.demo_site import DemoSite, demo_site
from tests.sites import labels_at, sites_at
from tests.truth import truth

WORLD = World(11, range(2015, 2018), issues_per_year=2, photos_per_issue=6)  # two horses were withdrawn
ALL = Scope(date(2015, 1, 1), date(2017, 12, 31))
RACES = Races(WORLD)


async def show(_: Tick) -> None:
    """Show nothing."""


@pytest.fixture
async def site() -> AsyncIterator[DemoSite]:
    async with demo_site(world=WORLD) as opened:
        yield opened


async def collect(crawler: Crawler, site: DemoSite, scope: Scope = ALL) -> tuple[Summary, ExitCode]:
    """One `collector crawl` of everything."""
    crawler.sites = sites_at(site.base, site.netkeiba, race=site.netkeiba)
    crawler.stopping.clear()
    return await crawl(crawler, scope, show)


async def label(crawler: Crawler, site: DemoSite) -> tuple[Refreshed, ExitCode]:
    """One `collector refresh-labels`."""
    async with await crawler.connect() as connection:
        await plan(connection, labels_at(site.netkeiba), older_than=None, horses=None)
    crawler.stopping.clear()
    return await refresh(crawler, labels_at(site.netkeiba), label_scope(), show)


def rows(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


async def test_every_race_of_the_issues_days_comes_as_it_was_run(crawler: Crawler, site: DemoSite) -> None:
    summary, code = await collect(crawler, site)
    assert code == ExitCode.DONE
    run = {race.race_id: race for issue in truth(WORLD).issues for day in issue.race_days for race in RACES.on(day)}
    held = rows(crawler.conninfo, "SELECT race_id, race_date, racecourse, distance FROM race")
    assert {row[0]: row[1:] for row in held} == {
        race.race_id: (race.day, race.racecourse, race.distance) for race in run.values()
    }
    assert summary.races == len(run)
    entries = rows(crawler.conninfo, "SELECT race_id, horse_id FROM entry")
    assert sorted(entries) == sorted(
        (race.race_id, entry.horse.horse_id) for race in run.values() for entry in race.entries
    )
    assert rows(crawler.conninfo, "SELECT * FROM parse_failure") == []


async def test_photos_find_the_horse_and_the_race_they_were_taken_for(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    found = rows(crawler.conninfo, "SELECT issue_code, number, horse_id, race_id FROM photo_match")
    matches = {(code, number): (horse_id, race_id) for code, number, horse_id, race_id in found}
    true = {(photo.issue_code, photo.number): (photo.horse_id, photo.race_id) for photo in truth(WORLD).photos}
    wrong = {key: (matches.get(key), true[key]) for key in true if matches.get(key) != true[key]}
    assert wrong == {}


async def test_a_second_run_asks_for_no_race_again_and_changes_no_row(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    queries = [f"SELECT * FROM {table} ORDER BY id" for table in ("race", "entry", "horse", "photo_match")]
    before = [rows(crawler.conninfo, query) for query in queries]
    site.requests.clear()
    await collect(crawler, site)
    assert [path for path in site.paths() if path.startswith("/race")] == []
    assert [rows(crawler.conninfo, query) for query in queries] == before


async def test_labels_are_what_the_site_shows_and_need_a_review(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    done, code = await label(crawler, site)
    assert code == ExitCode.DONE
    assert done.held == done.horses == len({photo.horse_id for photo in truth(WORLD).photos if photo.horse_id})
    shown = rows(crawler.conninfo, "SELECT horse_id, axis, left_px, right_px, value, reviews FROM aptitude")
    for horse_id, axis, left, right, value, reviews in shown:
        registered = RACES.registry.find(horse_id)
        assert registered is not None
        graph = opinion.graph(registered.horse, WORLD.opinion_month)
        assert (left, right) == graph[list(Axis).index(Axis(axis))]
        count = opinion.reviews(registered.horse, WORLD.opinion_month)
        assert reviews == count
        assert value == (pytest.approx(right / (left + right)) if count else None)


async def test_a_refresh_of_labels_that_are_not_due_makes_no_request(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    await label(crawler, site)
    site.requests.clear()
    done, code = await label(crawler, site)
    assert (done.requests, code, list(site.requests)) == (0, ExitCode.DONE, [])


async def test_the_two_hosts_have_a_robots_txt_and_a_gate_each(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    assert site.paths().count("/robots.txt") == 2
    assert len(rows(crawler.conninfo, "SELECT name FROM host WHERE smallest_gap IS NOT NULL")) == 2


async def test_a_name_in_no_race_is_searched_for_once(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    searches = [request.path for request in site.requests if "pid=horse_list" in request.path]
    assert searches
    assert len(searches) == len(set(searches))
    await collect(crawler, site)
    assert [request.path for request in site.requests if "pid=horse_list" in request.path] == searches


# --- when the second site closes, or changes --------------------------------------------------------------


async def test_a_closed_second_site_does_not_keep_the_photos_waiting(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=["503-retry-after=3600@/race/*"]) as site:
        summary, code = await collect(crawler, site)
        assert (code, summary.races) == (ExitCode.BLOCKED, 0)
        assert summary.photos_new == len([photo for photo in truth(WORLD).photos if not photo.missing])
        site.requests.clear()
        _, code = await collect(crawler, site)
        assert code == ExitCode.BLOCKED
        assert [path for path in site.paths() if path.startswith(("/race/", "/robots.txt"))] == []
        hosts = dict(rows(crawler.conninfo, "SELECT name, blocked_until > now() + interval '50 minutes' FROM host"))
        assert hosts == {site.base.removeprefix("http://"): None, site.netkeiba.removeprefix("http://"): True}


async def test_a_changed_layout_of_results_stops_them_and_nothing_else(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=["layout@/race/2017*"]) as site:
        summary, code = await collect(crawler, site)
        assert code == ExitCode.LAYOUT_CHANGED
        assert summary.photos_new == len([photo for photo in truth(WORLD).photos if not photo.missing])
        stopped = rows(crawler.conninfo, "SELECT DISTINCT source, kind FROM drift")
        assert stopped == [("netkeiba", "race_result")]
        asked = {path for path in site.paths() if path.startswith("/race/2017")}
        archived = rows(crawler.conninfo, "SELECT url FROM page WHERE kind = 'race_result' AND digest IS NOT NULL")
        assert {site.netkeiba + path for path in asked} <= {url for (url,) in archived}


# --- all races, and those to come -------------------------------------------------------------------------


async def test_with_all_races_the_days_that_no_issue_names_come_too(crawler: Crawler, site: DemoSite) -> None:
    first, *others = WORLD.issues(2015)
    # From after the first issue on: its races are named by the calendar alone.
    scope = Scope(first.race_days[0], first.issue_date - timedelta(days=1), all_races=True)
    summary, code = await collect(crawler, site, scope)
    assert (code, summary.issues, bool(others)) == (ExitCode.DONE, 0, True)
    held = {row[0] for row in rows(crawler.conninfo, "SELECT race_id FROM race")}
    assert held == {race.race_id for day in first.race_days for race in RACES.on(day)}
    days = rows(crawler.conninfo, "SELECT race_date, racecourses FROM race_day ORDER BY race_date")
    assert {day for day, _ in days} >= set(first.race_days)


async def test_races_to_come_are_stored_as_cards_where_all_are_requested(crawler: Crawler) -> None:
    tomorrow = today() + timedelta(days=1)  # of the test, as it may run after midnight
    world = World(years=range(2015, 2018), issues_per_year=2, photos_per_issue=6, coming_day=tomorrow)
    async with demo_site(world=world) as site:
        _, code = await collect(crawler, site, Scope(tomorrow, date.max, all_races=True))
        assert code == ExitCode.DONE
        coming = Races(world).coming
        held = rows(crawler.conninfo, "SELECT race_id, race_date, distance FROM race")
        assert sorted(held) == sorted((race.race_id, tomorrow, race.distance) for race in coming)
        entries = rows(crawler.conninfo, "SELECT race_id, horse_id FROM entry WHERE finish IS NULL")
        assert sorted(entries) == sorted(
            (race.race_id, entry.horse.horse_id) for race in coming for entry in race.entries
        )
        assert rows(crawler.conninfo, "SELECT * FROM parse_failure") == []
        due = rows(
            crawler.conninfo,
            "SELECT DISTINCT kind FROM page WHERE kind IN ('coming_day', 'race_card') AND due_at > now()",
        )
        assert {kind for (kind,) in due} == {"coming_day", "race_card"}


async def test_the_host_of_the_calendars_has_a_lane_and_a_gate_of_its_own(crawler: Crawler, site: DemoSite) -> None:
    first = WORLD.issues(2015)[0]
    scope = Scope(first.race_days[0], first.issue_date - timedelta(days=1), all_races=True)
    async with demo_site(world=WORLD) as other:
        crawler.sites = sites_at(site.base, site.netkeiba, race=other.netkeiba)
        _, code = await crawl(crawler, scope, show)
        assert code == ExitCode.DONE
        assert {path.partition("?")[0] for path in other.paths()} == {"/robots.txt", "/top/calendar.html"}
        assert not [path for path in site.paths() if path.startswith("/top/")]
    held = {row[0] for row in rows(crawler.conninfo, "SELECT race_id FROM race")}
    assert held == {race.race_id for day in first.race_days for race in RACES.on(day)}
    assert len(rows(crawler.conninfo, "SELECT name FROM host WHERE last_request_at IS NOT NULL")) == 3


async def test_calendars_wait_until_a_limited_range_has_an_end(crawler: Crawler, site: DemoSite) -> None:
    scope = Scope(date(2015, 1, 1), date.max, limit=1, all_races=True)
    await collect(crawler, site, scope)
    months = rows(crawler.conninfo, "SELECT min(dated), max(dated) FROM page WHERE kind = 'race_calendar'")
    assert months == [(date(2015, 1, 1), WORLD.issues(2015)[0].issue_date.replace(day=1))]


async def test_without_all_races_no_calendar_is_asked_for(crawler: Crawler, site: DemoSite) -> None:
    await collect(crawler, site)
    assert [path for path in site.paths() if path.startswith("/top/")] == []
