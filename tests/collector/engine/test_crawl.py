"""A whole crawl of the look-alike site: what is found, what is asked, what a second run costs."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

import psycopg
import pytest

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode, UsageError
from collector.frontier.scope import Scope, read_scope
from collector.frontier.status import Summary, report
from collector.politeness.delay import TOKYO
from collector.politeness.gate import Connection
from tests.demo_site import DemoSite, demo_site
from tests.sites import sites_at
from tests.truth import truth

SMALL = World(years=range(2014, 2017), issues_per_year=3, photos_per_issue=4)
ALL = Scope(date(2014, 1, 1), date(2016, 12, 31))


async def show(_: Tick) -> None:
    """Show nothing."""


async def run(crawler: Crawler, site: DemoSite, scope: Scope = ALL) -> tuple[Summary, ExitCode]:
    """One `collector crawl`."""
    return await crawl(
        replace(crawler, sites=sites_at(site.base), stopping=type(crawler.stopping)(), interrupted=False), scope, show
    )


def rows(conninfo: str, query: str) -> list[tuple]:
    """What a query gives."""
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


async def test_everything_there_is_comes_and_is_what_the_pages_say(crawler: Crawler) -> None:
    # Every layout generation, and of each only some issues.
    async with demo_site(world=World(issues_per_year=4)) as site:
        summary, code = await run(crawler, site, Scope(date(2005, 1, 1), date(2017, 12, 31)))
        there = truth(site.world)
    assert code == ExitCode.DONE
    assert summary.issues == len(there.issues)
    assert rows(crawler.conninfo, "SELECT code, issue_date, race_days FROM issue ORDER BY code") == [
        (issue.code, issue.issue_date, list(issue.race_days)) for issue in there.issues
    ]
    columns = "issue_code, number, horse_name, race_name, coat, sex, age, trainer, comment, pedigree, digest"
    assert rows(crawler.conninfo, f"SELECT {columns} FROM photo ORDER BY 1, 2") == [
        (
            photo.issue_code,
            photo.number,
            photo.horse_name,
            photo.race_name,
            photo.coat,
            photo.sex,
            photo.age,
            photo.trainer,
            photo.comment,
            list(photo.pedigree),
            photo.sha256,
        )
        for photo in there.photos
    ]
    assert summary.photos_missing == sum(photo.missing for photo in there.photos)


async def test_each_address_is_asked_for_once_under_our_own_name(crawler: Crawler) -> None:
    async with demo_site() as site:
        summary, _ = await run(replace(crawler, contact="keeper@example.org"), site)
        asked = Counter(site.paths())
        agents = {(request.user_agent, request.contact) for request in site.requests}
    assert max(asked.values()) == 1
    assert summary.requests == sum(asked.values())
    assert agents == {("paddock-collector/0.1.0 (+keeper@example.org)", "keeper@example.org")}


async def test_a_second_run_on_old_issues_asks_for_nothing_and_changes_nothing(crawler: Crawler) -> None:
    async with demo_site(world=SMALL) as site:
        await run(crawler, site)
        before = rows(crawler.conninfo, "SELECT * FROM photo ORDER BY id"), rows(crawler.conninfo, "SELECT * FROM page")
        asked = len(site.requests)
        summary, code = await run(crawler, site)
        assert (code, summary.requests, len(site.requests)) == (ExitCode.DONE, 0, asked)
    after = rows(crawler.conninfo, "SELECT * FROM photo ORDER BY id"), rows(crawler.conninfo, "SELECT * FROM page")
    assert after == before


async def test_young_listings_are_asked_for_again_conditionally(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.frontier.due.STILL_CHANGING", timedelta(days=36500))
    async with demo_site(world=SMALL) as site:
        await run(crawler, site)
        asked = len(site.requests)
        photos = rows(crawler.conninfo, "SELECT * FROM photo ORDER BY id")
        summary, _ = await run(crawler, site)
        again = list(site.requests)[asked:]
    assert {request.path.rsplit("/", 1)[1] for request in again} == {
        "index.html",
        "2014.html",
        "2015.html",
        "2016.html",
    }
    assert summary.not_modified >= 0.95 * summary.requests > 0
    assert summary.photos_new == 0
    assert rows(crawler.conninfo, "SELECT * FROM photo ORDER BY id") == photos


async def test_the_range_is_kept_to_the_day(crawler: Crawler) -> None:
    issues = truth(SMALL).issues
    async with demo_site(world=SMALL) as site:
        summary, _ = await run(crawler, site, Scope(issues[4].issue_date, issues[5].issue_date))
    assert summary.issues == 2
    assert [row[0] for row in rows(crawler.conninfo, "SELECT code FROM issue ORDER BY 1")] == [
        issues[4].code,
        issues[5].code,
    ]


async def test_a_limit_counts_issues_from_the_first_on(crawler: Crawler) -> None:
    issues = truth(SMALL).issues
    async with demo_site(world=SMALL) as site:
        summary, _ = await run(crawler, site, replace(ALL, limit=4))
        assert "/keibabook/bn/2016.html" not in site.paths()
    assert summary.issues == 4
    assert [row[0] for row in rows(crawler.conninfo, "SELECT code FROM issue ORDER BY 1")] == [
        issue.code for issue in issues[:4]
    ]


async def test_a_wider_range_later_adds_only_what_was_left_out(crawler: Crawler) -> None:
    async with demo_site(world=SMALL) as site:
        await run(crawler, site, Scope(date(2016, 1, 1), date(2016, 12, 31)))
        first = set(site.paths())
        await run(crawler, site)
        asked = Counter(site.paths())
    assert first < set(asked)
    assert max(asked.values()) == 1


async def test_the_same_bytes_are_kept_once_and_a_reencoded_copy_is_linked(crawler: Crawler) -> None:
    async with demo_site() as site:
        await run(crawler, site, Scope(date(2014, 1, 1), date(2017, 12, 31)))
        digests = [photo.sha256 for photo in truth(site.world, since=2014).photos if photo.sha256]
    assert len(digests) > len(set(digests)), "the look-alike shows some photos under two addresses"
    assert rows(crawler.conninfo, "SELECT count(*) FROM blob WHERE media_type = 'image/jpeg'") == [(len(set(digests)),)]
    copies = rows(
        crawler.conninfo,
        "SELECT copy.horse_name = original.horse_name, copy.digest <> original.digest, copy.id > original.id"
        " FROM photo AS copy JOIN photo AS original ON original.id = copy.near_duplicate_of",
    )
    assert copies
    assert set(copies) == {(True, True, True)}


async def test_the_delay_in_robots_txt_is_kept(crawler: Crawler) -> None:
    async with demo_site(world=SMALL, crawl_delay=0.1) as site:
        summary, _ = await run(crawler, site, replace(ALL, limit=1))
        smallest = site.log.smallest_gap()
        assert site.log.most_open == 1
    assert smallest is not None
    assert smallest >= 0.09
    assert summary.min_gap is not None
    assert summary.min_gap >= 0.1
    assert summary.elapsed <= 1.02 * summary.requests * 0.1 + 1.5  # and what starting and ending takes


async def test_outside_the_opening_hours_nothing_is_asked_for(crawler: Crawler) -> None:
    now = datetime.now(TOKYO)
    hours = ((now + timedelta(hours=2)).time(), (now + timedelta(hours=3)).time())
    waiting: list[str | None] = []

    async def watch(tick: Tick) -> None:
        waiting.append(tick.waiting)
        if tick.waiting:
            crawler.stopping.set()

    async with demo_site(world=SMALL) as site:
        crawler = replace(crawler, sites=sites_at(site.base), hours=hours)
        await crawl(crawler, ALL, watch)
        assert site.paths() == []
    assert "outside the opening hours, until" in str(waiting[-1])


async def test_status_counts_what_is_held(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=SMALL) as site:
        await run(crawler, site)
    facts = await report(connection)
    photos = truth(SMALL).photos
    assert facts["held"]["issues"] == len(truth(SMALL).issues)
    assert facts["held"]["photos"] == len(photos)
    assert facts["held"]["photos_with_picture"] == sum(not photo.missing for photo in photos)
    assert facts["hosts"][0]["smallest_gap_s"] > 0
    assert facts["failures"] == []


@pytest.mark.parametrize(
    ("since", "until", "scope"),
    [
        ("2016", None, (date(2016, 1, 1), date.max)),
        ("2016", "2017", (date(2016, 1, 1), date(2017, 12, 31))),
        ("2016-05-23", "2016-06-30", (date(2016, 5, 23), date(2016, 6, 30))),
        (None, "2004", (date(2001, 1, 1), date(2004, 12, 31))),
        ("２０１６", "２０１７ー０６ー３０", (date(2016, 1, 1), date(2017, 6, 30))),
        (" 2016/05/23", "2016‐06−30", (date(2016, 5, 23), date(2016, 6, 30))),
    ],
)
def test_a_range_is_given_in_years_or_days(since: str | None, until: str | None, scope: tuple[date, date]) -> None:
    read = read_scope(since, until, None)
    assert (read.since, read.until) == scope


@pytest.mark.parametrize(
    ("since", "until", "limit", "said"),
    [
        ("soon", None, None, "neither a year"),
        ("2016-13-01", None, None, "neither a year"),
        ("2017", "2016", None, "is after"),
        ("2016", None, 0, "1 or more"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(since: str, until: str | None, limit: int | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_scope(since, until, limit)
