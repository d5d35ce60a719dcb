"""The overview: its numbers against what was put in, and what its page says of them."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from collector.codes import Said
from collector.console.catalogue import LANGUAGES, PAGES
from collector.frontier.status import report
from collector.imports.own_remark import store_remark
from collector.storage.racing import Axis
from collector.storage.reader import Reader, make_role
from collector.storage.roles import PageState, Role
from collector.web.overview.facts import BINS, CLASSES, Overview, count
from collector.web.overview.pages import HOLDS, OverviewPage
from collector.web.overview.treatment import Log
from collector.web.pages import Pages
from collector.web.review.queue import COUNTS
from collector.web.service import serving
from tests.collector.web.conftest import Open, Shown, generous, renewed
from tests.filled import execute, fill
from tests.sites import role_of

HOST = "old.keibado.ne.jp"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"


async def counted(conninfo: str, log: Log | None = None) -> Overview:
    """The overview of a database, as of now."""
    async with Reader(conninfo, await make_role(conninfo)) as reader:
        return await count(reader, log or Log(), datetime.now(UTC))


def add_page(
    conninfo: str, url: str, state: str, error: str | None = None, code: str | None = None, kind: str = "image"
) -> None:
    """Put a page into the frontier."""
    execute(conninfo, "INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", HOST)
    execute(conninfo, "INSERT INTO blob VALUES ('d', 'text/html', 1, '', 'x') ON CONFLICT DO NOTHING")
    execute(
        conninfo,
        "INSERT INTO page (url, host, source, kind, role, dated, state, error_code, error, digest)"
        " VALUES (%s, %s, 'keibado', %s, %s, now(), %s, %s, %s, %s)",
        url, HOST, kind, role_of(kind), state, code, error, "d" if state == PageState.FETCHED else None,
    )  # fmt: skip


def add_request(conninfo: str, days_ago: int, outcome: str, gap: float | None = 5.0) -> None:
    """Put a request of some days ago into the log."""
    execute(
        conninfo,
        "INSERT INTO fetch_log (page_id, host, url, at, took, gap, outcome, size)"
        " VALUES (1, %s, '', %s, 0.2, %s, %s, 9)",
        HOST, datetime.now(UTC) - timedelta(days=days_ago), gap, outcome,
    )  # fmt: skip


async def renew(conninfo: str) -> None:
    """Make the search's views what the tables say."""
    await asyncio.to_thread(renewed, conninfo)


async def make_worse(conninfo: str) -> None:
    """Open the matches of one photo of each issue, take one horse's opinions and every number 2's picture."""
    execute(conninfo, "UPDATE photo_match SET horse_id = NULL, race_id = NULL WHERE number = 1")
    execute(conninfo, "UPDATE photo_match SET race_id = NULL WHERE number = 3")
    execute(conninfo, "UPDATE photo SET digest = NULL WHERE number = 2")
    execute(
        conninfo,
        "DELETE FROM aptitude WHERE horse_id = (SELECT horse_id FROM photo_match WHERE number = 3 ORDER BY id LIMIT 1)",
    )
    await renew(conninfo)


async def test_photos_are_counted_under_the_year_of_their_issue(own: Shown) -> None:
    await make_worse(own.conninfo)
    overview = await counted(own.conninfo)
    rated = "horse_id IN (SELECT horse_id FROM aptitude WHERE axis = 'distance' AND value IS NOT NULL)"
    wanted = execute(
        own.conninfo,
        f"SELECT 2000 + left(issue_code, 2)::int AS year, count(*) FILTER (WHERE {rated}),"
        f" count(*) FILTER (WHERE horse_id IS NOT NULL AND NOT {rated}), count(*) FILTER (WHERE horse_id IS NULL)"
        " FROM photo JOIN photo_match USING (source, issue_code, number) WHERE digest IS NOT NULL"
        " GROUP BY year ORDER BY year",
    )
    assert [(year.year, year.rated, year.known, year.open) for year in overview.years] == wanted
    assert all(sum(column) > 0 for column in zip(*wanted, strict=True))


async def test_a_year_without_an_issue_is_there_and_empty(own: Shown) -> None:
    execute(own.conninfo, "UPDATE issue SET issue_date = issue_date + interval '2 years' WHERE code LIKE '16%'")
    await renew(own.conninfo)
    assert [(year.year, year.photos > 0) for year in (await counted(own.conninfo)).years] == [
        (2015, True), (2016, False), (2017, False), (2018, True),
    ]  # fmt: skip


async def test_coverage_counts_each_step(own: Shown) -> None:
    await make_worse(own.conninfo)
    held = (await counted(own.conninfo)).coverage
    ((photos, pictures, horse, race, horses, issues),) = execute(
        own.conninfo,
        "SELECT count(*), count(digest), count(horse_id) FILTER (WHERE digest IS NOT NULL),"
        " count(race_id) FILTER (WHERE digest IS NOT NULL), count(DISTINCT horse_id),"
        " count(DISTINCT issue_code) FROM photo JOIN photo_match USING (source, issue_code, number)",
    )
    assert (held.photos, held.pictures, held.horse, held.race) == (photos, pictures, horse, race)
    assert photos > pictures > horse > race > 0
    assert (held.horses, held.issues) == (horses, issues)
    assert 0 < held.rated_horses <= held.horses
    assert 0 < held.rated <= held.horse


async def test_remarks_are_counted_by_what_they_say_of_distance(own: Shown) -> None:
    execute(own.conninfo, "UPDATE photo SET comment = NULL, distance_said = NULL WHERE number = 1")
    said = dict(execute(own.conninfo, "SELECT distance_said, count(*) FROM photo WHERE comment IS NOT NULL GROUP BY 1"))
    remarks = (await counted(own.conninfo)).remarks
    assert remarks == {"remarks": sum(said.values()), **dict.fromkeys(Said, 0), **said}
    assert remarks["said"] > 0


async def test_the_latest_opinions_are_spread_over_twenty_bins(own: Shown) -> None:
    (horse_id,) = execute(own.conninfo, "SELECT horse_id FROM aptitude WHERE value IS NOT NULL LIMIT 1")[0]
    execute(
        own.conninfo,
        "INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)"
        " SELECT horse_id, axis, 1, 99, .99, 70, source_url, observed_at + interval '1 day' FROM aptitude"
        " WHERE horse_id = %s",
        horse_id,
    )
    overview = (await counted(own.conninfo)).opinions
    rows = execute(own.conninfo, "SELECT axis, horse_id, value, reviews FROM aptitude ORDER BY observed_at")
    latest = {(axis, horse): (value, reviews) for axis, horse, value, reviews in rows}
    wanted = {axis: [0] * BINS for axis in Axis}
    for (axis, _), (value, _) in latest.items():
        if value is not None:
            wanted[Axis(axis)][int(value * BINS)] += 1
    assert overview.bins == wanted
    reviews = [reviews for (axis, _), (value, reviews) in latest.items() if axis == "distance" and value is not None]
    assert overview.reviews == sum(reviews)
    ends = [*CLASSES[1:], 10**9]
    assert overview.classes == [
        sum(start <= number < end for number in reviews) for start, end in zip(CLASSES, ends, strict=True)
    ]
    assert overview.classes[-1] == 1


async def test_a_value_on_the_bound_of_two_types_is_of_the_upper_one(conninfo: str) -> None:
    for place, right in enumerate((20, 40, 60)):
        execute(
            conninfo,
            "INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, source_url, observed_at)"
            " VALUES (%s, 'distance', %s, %s, %s, '', now())",
            f"201310000{place}", 100 - right, right, right / 100,
        )  # fmt: skip
    opinions = (await counted(conninfo)).opinions
    assert [place for place, horses in enumerate(opinions.bins[Axis.DISTANCE]) if horses] == [4, 8, 12]
    assert opinions.uncounted == 3
    assert opinions.reviews == 0


async def test_pages_are_counted_by_kind_and_state_and_failures_by_code(conninfo: str) -> None:
    for number in range(12):
        add_page(conninfo, f"http://{HOST}/{number}", "fetched")
    for number in range(3):
        add_page(conninfo, f"http://{HOST}/failed/{number}", "failed", f"the site answered {500 + number}", "try_later")
    add_page(conninfo, f"http://{HOST}/unread", "quarantined", None, kind="photo_page")
    overview = await counted(conninfo)
    assert list(overview.pages) == [Role.PICTURE, Role.PHOTO_PAGE]
    assert overview.pages[Role.PICTURE] == dict.fromkeys(PageState, 0) | {PageState.FETCHED: 12, PageState.FAILED: 3}
    assert [(failure.code, failure.detail, failure.pages, failure.url) for failure in overview.failures] == [
        ("try_later", "the site answered 502", 3, f"http://{HOST}/failed/2"), (None, None, 1, f"http://{HOST}/unread"),
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_picture_has_a_name_and_stands_beside_its_numbers(opened: Open, own: Shown, language: str) -> None:
    full(own.conninfo)
    async with opened(conninfo=own.conninfo) as client:
        text = await (await client.get(f"/overview?lang={language}")).text()
    pictures = re.findall(r'<svg[^>]*role="img"[^>]*>', text)
    assert len(pictures) == 11  # years, coverage, distance, reviews, four axes, one kind of page, days, outcomes
    assert all(re.search(r'aria-label="[^"{}]{5,}"', picture) for picture in pictures)
    assert text.count("<details") == 8
    assert 'style="' not in text
    assert '<a href="/overview' in text
    assert 'aria-current="page">' + PAGES.read(language)["nav_overview"] in text
    assert PAGES.read(language)["overview_well"] in text


def full(conninfo: str) -> None:
    """A page and requests of one host, which has had its pauses."""
    add_page(conninfo, f"http://{HOST}/1", "fetched")
    execute(conninfo, "UPDATE host SET delay = 5, delay_reason = 'own'")
    for days_ago in range(4):
        add_request(conninfo, days_ago, "new")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_empty_collection_says_how_to_begin(opened: Open, conninfo: str, language: str) -> None:
    async with opened(conninfo=conninfo) as client:
        answer = await client.get(f"/overview?lang={language}")
        text = await answer.text()
    assert answer.status == 200
    assert PAGES.read(language)["overview_empty"] in text
    assert "collector crawl --since 2016" in text
    assert "<svg" not in text


@pytest.mark.parametrize("there", ["host", "page", "photo", "match"])
async def test_a_collection_that_has_just_begun_has_a_page(opened: Open, conninfo: str, there: str) -> None:
    if there == "host":
        execute(conninfo, "INSERT INTO host (name) VALUES (%s)", HOST)
    elif there == "page":
        add_page(conninfo, f"http://{HOST}/robots.txt", "due", kind="robots")
    else:
        fill(conninfo, labels=False, matches=there == "match")
        await renew(conninfo)
    async with opened(conninfo=conninfo) as client:
        for language in LANGUAGES:
            assert (await client.get(f"/overview?lang={language}")).status == 200


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_a_site_made_us_note_is_shown_as_it_is_and_never_obeyed(
    opened: Open, conninfo: str, language: str
) -> None:
    add_page(conninfo, "javascript:alert(1)", "failed", HOSTILE)
    execute(
        conninfo,
        "UPDATE host SET delay = 1, delay_reason = %s, block_code = %s, reason = %s,"
        " blocked_until = now() + interval '1 hour'",
        HOSTILE, HOSTILE, HOSTILE,
    )  # fmt: skip
    execute(
        conninfo,
        "INSERT INTO drift (source, kind, field, old_coverage, new_coverage, samples, observed_at)"
        " VALUES ('keibado', 'photo_page', %s, 1, 0, %s, now())",
        HOSTILE, ["javascript:alert(2)"],
    )  # fmt: skip
    async with opened(conninfo=conninfo) as client:
        text = await (await client.get(f"/overview?lang={language}")).text()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert 'href="javascript' not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


async def test_the_numbers_hold_for_a_minute(own: Shown) -> None:
    async with serving(own.conninfo, generous(), store_remark) as service:
        now = 0.0
        service.clock = lambda: now
        while service.renewal.at is None:
            await service.renewal.look()
        page = OverviewPage(Pages(service))
        first = await page.numbers()
        add_page(own.conninfo, f"http://{HOST}/1", "due")
        now = HOLDS
        assert await page.numbers() is first
        now = HOLDS + 1
        assert Role.PICTURE in (await page.numbers()).pages


async def test_nothing_is_asked_of_the_database_that_its_reader_may_not_see(conninfo: str) -> None:
    async with Reader(conninfo, await make_role(conninfo)) as reader:
        overview = await count(reader, Log(), datetime.now(UTC))
    assert overview.empty
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT rolname FROM pg_roles WHERE rolname = 'paddock_reader'").fetchone()


async def test_commands_and_pages_show_the_same_numbers(own: Shown) -> None:
    await make_worse(own.conninfo)
    first, second = "(SELECT min(id) FROM photo WHERE digest IS NOT NULL)", "(SELECT max(id) FROM photo)"
    execute(
        own.conninfo, f"UPDATE photo SET digest = (SELECT digest FROM photo WHERE id = {first}) WHERE id = {second}"
    )
    await renew(own.conninfo)
    on_page = (await counted(own.conninfo)).coverage
    async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
        overview = await report(connection)
    async with Reader(own.conninfo) as reader:
        ((counts),) = await reader.rows(COUNTS)
    held, labels = overview["held"], overview["labels"]
    assert held["horses"] == labels["horses"] == on_page.horses > 0
    assert labels["labelled"] == on_page.rated_horses > 0
    assert (held["photos"], held["photos_with_picture"]) == (on_page.photos, on_page.pictures)
    assert held["issues"] == on_page.issues
    assert held["copies"] == counts["copies"] > 0
    assert overview["matches"]["open"] == counts["open"]
