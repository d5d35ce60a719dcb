"""Whatever a page says and whatever it does to our own code: its bytes are kept, and it costs that page alone."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from psycopg import AsyncRawCursor

from collector.codes import Failure
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode, LaneLost, NoSuchPage, ParseError
from collector.frontier.queue import DuePage
from collector.frontier.scope import Scope
from collector.pipeline.derive import Derived, meaning_of
from collector.pipeline.keep import keep
from collector.pipeline.store import Outcome, store_derived
from collector.politeness.gate import Connection, Gate, Pace
from collector.sources.keibado.urls import PHOTO_PAGE
from collector.sources.netkeiba.urls import APTITUDE, REVIEWS
from collector.sources.parsed import Item, Link, Parsed
from collector.sources.source import IMAGE
from collector.storage.archive import pack
from collector.storage.items import EntryItem, HorseItem, ListedPhotoItem, PhotoItem, RaceItem
from collector.storage.roles import PageState, Role
from tests.demo_site import DemoSite, demo_site
from tests.sites import role_of, sites_at
from tests.spoil import parsing, tripping
from tests.truth import truth

WORLD = World(years=range(2014, 2015), issues_per_year=2, photos_per_issue=4)
SCOPE = Scope(date(2014, 1, 1), date(2014, 12, 31))
THERE = [photo for photo in truth(WORLD).photos if not photo.missing]
VICTIM = THERE[0]
NOW = datetime(2016, 2, 8, 12, tzinfo=UTC)
PAGE = (
    "SELECT state, digest IS NOT NULL, due_at > now(), failures, error, error_code FROM page WHERE url LIKE '%%' || %s"
)


async def show(_: Tick) -> None:
    """Show nothing."""


async def run(crawler: Crawler, site: DemoSite) -> ExitCode:
    crawler = replace(crawler, sites=sites_at(site.base), stopping=asyncio.Event())
    return (await crawl(crawler, SCOPE, show))[1]


def rows(conninfo: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query, parameters)  # pyright: ignore[reportArgumentType, reportCallIssue]
        return cursor.fetchall() if cursor.description else []


def without_end(parsed: Parsed) -> Parsed:
    return without_end(parsed)


def changed(**facts: Any) -> Callable[[Parsed], Parsed]:
    """The photo's facts, unchecked, as a parser with a bug may make them."""
    return lambda parsed: replace(parsed, items=(parsed.items[0].model_copy(update=facts),))


def more(*items: Item) -> Callable[[Parsed], Parsed]:
    return lambda parsed: replace(parsed, items=(*parsed.items, *items))


def leading_to(url: str) -> Callable[[Parsed], Parsed]:
    def spoil(parsed: Parsed) -> Parsed:
        base = parsed.links[0].url.partition("/keibabook")[0]
        return replace(parsed, links=(*parsed.links, Link(base + url, IMAGE, None)))

    return spoil


# --- our own code -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", [
    tripping(KeyError("a bug of ours")), tripping(MemoryError()), without_end, tripping(AssertionError("\0 \ud800")),
    tripping(OSError("no such file")),
])  # fmt: skip
async def test_a_page_that_breaks_our_code_is_kept_reported_and_not_due(
    crawler: Crawler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Parsed], Parsed],
) -> None:
    async with demo_site(world=WORLD) as site:
        with parsing(monkeypatch, VICTIM.page_path, spoil), caplog.at_level(logging.ERROR):
            assert await run(crawler, site) == ExitCode.SOME_FAILED
            await run(crawler, site)
        assert site.paths().count(VICTIM.page_path) == 1
        assert {photo.page_path for photo in THERE} <= set(site.paths()), "whatever is behind it comes"
    (found,) = rows(crawler.conninfo, PAGE, VICTIM.page_path)
    assert found[:4] == ("quarantined", True, True, 0)
    assert (found[4][:29], found[5]) == ("parser: an error of our own: ", "own_error")
    assert rows(crawler.conninfo, "SELECT field FROM parse_failure") == [("parser",)]
    assert "Traceback (most recent call last)" in caplog.text
    assert "tests/spoil.py" in caplog.text or "in without_end" in caplog.text
    assert "\0" not in caplog.text, "what a page says moves no cursor"


def test_a_failure_comes_back_from_another_process_as_it_was() -> None:
    import pickle

    for error in (
        ParseError("coat", "none"),
        ParseError("picture", "x", Failure.NO_PICTURE),
        NoSuchPage("page", "nothing"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.field, again.reason, again.code) == (
            type(error), str(error), error.field, error.reason, error.code,
        )  # fmt: skip


@pytest.mark.parametrize("state", ["failed", "due", "quarantined"])
async def test_an_unread_page_does_not_count_as_read_when_unchanged(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    async with demo_site(world=WORLD) as site:
        with parsing(monkeypatch, VICTIM.page_path, tripping(ParseError("coat", "none"))):
            await run(crawler, site)
            # The site was out of reach in between.
            rows(crawler.conninfo, "UPDATE page SET state = %s, due_at = now() WHERE state = 'quarantined'", state)
            await run(crawler, site)
            assert rows(crawler.conninfo, PAGE, VICTIM.page_path)[0][:3] == ("quarantined", True, True)
            statuses = [request.status for request in site.requests if request.path == VICTIM.page_path]
            assert statuses == [200, 304], "its bytes are not sent again"
        rows(crawler.conninfo, "UPDATE page SET state = %s, due_at = now() WHERE state = 'quarantined'", state)
        assert await run(crawler, site) == ExitCode.DONE  # by a parser that can read it
    assert rows(crawler.conninfo, PAGE, VICTIM.page_path)[0][0] == "fetched"
    assert rows(crawler.conninfo, "SELECT * FROM photo WHERE image_url IS NULL") == []


async def test_an_unchanged_page_that_says_nothing_is_there_says_so_again(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with demo_site(world=WORLD) as site:
        with parsing(monkeypatch, VICTIM.page_path, tripping(NoSuchPage("page", "nothing here"))):
            await run(crawler, site)
            rows(crawler.conninfo, "UPDATE page SET due_at = now() WHERE state = 'gone' AND digest IS NOT NULL")
            await run(crawler, site)
        assert site.paths().count(VICTIM.page_path) == 2
    assert rows(crawler.conninfo, PAGE, VICTIM.page_path)[0][0] == "gone"


@pytest.mark.parametrize("state", ["due", "failed", "quarantined"])
async def test_a_failure_goes_when_its_page_is_read_well(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    failures = "SELECT field FROM parse_failure"
    set_due = f"UPDATE page SET state = '{state}', due_at = now() WHERE state = 'quarantined'"
    async with demo_site(world=WORLD) as site:
        for error, said in ((ParseError("coat", "none"), "coat"), (KeyError("a bug of ours"), "parser")):
            with parsing(monkeypatch, VICTIM.page_path, tripping(error)):
                await run(crawler, site)
            assert rows(crawler.conninfo, failures) == [(said,)], "the last one alone"
            with psycopg.connect(crawler.conninfo) as connection:
                connection.execute(set_due)  # pyright: ignore
        await run(crawler, site)
    assert rows(crawler.conninfo, PAGE, VICTIM.page_path)[0][0] == "fetched"
    assert rows(crawler.conninfo, failures) == []


async def test_a_page_that_is_kept_out_leaves_no_failure(crawler: Crawler, monkeypatch: pytest.MonkeyPatch) -> None:
    async with demo_site(world=WORLD) as site:
        with parsing(monkeypatch, VICTIM.page_path, tripping(KeyError("a bug of ours"))):
            await run(crawler, site)
        with psycopg.connect(crawler.conninfo) as connection:
            connection.execute("UPDATE page SET due_at = now() WHERE state = 'quarantined'")
        with parsing(monkeypatch, VICTIM.page_path, changed(keep_out=True)):
            await run(crawler, site)
    assert rows(crawler.conninfo, PAGE, VICTIM.page_path)[0][0] == "excluded"
    assert rows(crawler.conninfo, "SELECT field FROM parse_failure") == []


# --- what the database will not have ----------------------------------------------------------------------

HORSE = HorseItem(horse_id="2011100001", name="x", horse_key="x")
ENTRY = EntryItem(race_id="201605010411", horse_id="2011100001", horse_name="x", horse_key="x")


UNPACKABLE = "".join(chr(0x4E00 + 7 * number) for number in range(2900))  # too long for an index


@pytest.mark.parametrize("spoil", [
    changed(horse_name="\0"), changed(comment="\ud800"), changed(pedigree=["\udce9"]), changed(age=2**40),
    changed(shot_day=object()), changed(horse_name=None), changed(number="x"), changed(horse_key=UNPACKABLE),
    more(ENTRY), more(HORSE.model_copy(update={"sex": 3, "born": "soon"})), leading_to("/\ud800.jpg"),
    leading_to("/\0.jpg"), leading_to("/" + "".join(f"{number:x}" for number in range(3000)) + ".jpg"),
])  # fmt: skip
async def test_a_page_that_cannot_be_stored_is_set_aside_and_the_rest_comes(
    crawler: Crawler, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Parsed], Parsed]
) -> None:
    async with demo_site(world=WORLD) as site:
        with parsing(monkeypatch, VICTIM.page_path, spoil):
            await run(crawler, site)
            await run(crawler, site)
        assert site.paths().count(VICTIM.page_path) == 1
    (found,) = rows(crawler.conninfo, PAGE, VICTIM.page_path)
    assert found[:4] == ("quarantined", True, True, 0)
    assert found[4].startswith("storage: not storable: ")
    assert rows(crawler.conninfo, "SELECT field FROM parse_failure") == [("storage",)]
    expected = {photo.horse_name for photo in THERE} - {VICTIM.horse_name}
    assert expected <= {
        name for (name,) in rows(crawler.conninfo, "SELECT horse_name FROM photo WHERE digest IS NOT NULL")
    }


async def page_of(connection: Connection, kind: str = PHOTO_PAGE) -> DuePage:
    """A page that is due."""
    await connection.execute("INSERT INTO host (name) VALUES ('h') ON CONFLICT DO NOTHING")
    row = await (
        await connection.execute(
            """INSERT INTO page (url, host, source, kind, role, dated, due_at)
               VALUES ('http://h/1', 'h', 'keibado', %s, %s, '2016-02-08', now()) RETURNING id""",
            (kind, role_of(kind)),
        )
    ).fetchone()
    assert row is not None
    return DuePage(row[0], "http://h/1", "keibado", kind, role_of(kind), date(2016, 2, 8), "due", None, None, None, 0)


async def outcome_of(connection: Connection, **facts: Any) -> Outcome:
    page = await page_of(connection)
    packed = pack(b"<html>", "text/html")
    return replace(
        Outcome(page, NOW, 0.1, "new", PageState.FETCHED, None, status=200, packed=packed, derived=Derived()), **facts
    )


async def gate_of(connection: Connection) -> Gate:
    return await Gate.take(connection, "h", 1, Pace(0.0), asyncio.Event())


@pytest.mark.parametrize("odd", ['"caf\udce9"', '"\0"', '"\ud83d"'])
async def test_an_odd_header_costs_itself_alone(connection: Connection, odd: str) -> None:
    outcome = await outcome_of(
        connection, etag=odd, last_modified=odd, error=odd, packed=pack(b"x", f"text/html;{odd}")
    )
    assert await keep(await gate_of(connection), outcome) == outcome
    query = "SELECT state, etag, last_modified, digest IS NOT NULL FROM page"
    assert await (await connection.execute(query)).fetchall() == [("fetched", None, None, True)]


@pytest.mark.parametrize("state", [PageState.FAILED, PageState.DUE, PageState.GONE, PageState.EXCLUDED])
async def test_a_failure_in_odd_words_is_counted_all_the_same(connection: Connection, state: PageState) -> None:
    outcome = await outcome_of(
        connection, state=state, error="redirected to \udce9\0", packed=None, derived=None, failures=1
    )
    assert await keep(await gate_of(connection), outcome) == outcome
    query = "SELECT state, failures, error FROM page"
    found = await (await connection.execute(query)).fetchall()
    assert found == [(str(state), 1, r"redirected to \udce9\x00")]


REFUSE = """
CREATE SEQUENCE tried;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tried') <= {times} THEN RAISE EXCEPTION 'made up for this test' USING ERRCODE = '{state}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("state", ["40P01", "40001", "23503", "55P03"])
async def test_what_may_pass_is_tried_again_and_nothing_is_set_aside(connection: Connection, state: str) -> None:
    outcome = await outcome_of(connection)
    await connection.execute(REFUSE.format(table="blob", times=1, state=state))  # pyright: ignore
    assert await keep(await gate_of(connection), outcome) == outcome


async def test_bytes_that_the_database_refuses_fail_the_page_and_count(connection: Connection) -> None:
    outcome = await outcome_of(connection)
    await connection.execute(REFUSE.format(table="blob", times=99, state="P0001"))  # pyright: ignore
    kept = await keep(await gate_of(connection), outcome)
    assert kept.state is PageState.FAILED
    query = "SELECT state, failures, due_at > %s, error FROM page"
    found = await (await connection.execute(query, (NOW,))).fetchall()
    assert found == [("failed", 1, True, "storage: not storable: made up for this test")]
    assert await (await connection.execute("SELECT count(*) FROM fetch_log")).fetchone() == (1,)


@pytest.mark.parametrize("state", ["53100", "25006", "57P01", "58030"])
async def test_a_database_that_stores_nothing_is_not_a_fault_of_the_page(connection: Connection, state: str) -> None:
    outcome = await outcome_of(connection)
    await connection.execute(REFUSE.format(table="blob", times=99, state=state))  # pyright: ignore
    with pytest.raises(psycopg.Error, match="made up for this test"):
        await keep(await gate_of(connection), outcome)
    assert await (await connection.execute("SELECT state FROM page")).fetchall() == [("due",)]


async def test_a_session_that_is_cut_and_a_lane_that_is_lost_end_the_lane(
    connection: Connection, conninfo: str
) -> None:
    outcome = await outcome_of(connection)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as old:
        gate = await gate_of(old)
        await connection.execute("SELECT pg_terminate_backend(%s)", (old.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            await keep(gate, outcome)
    gate = await gate_of(connection)
    await connection.execute("UPDATE host SET epoch = epoch + 1")
    with pytest.raises(LaneLost):
        await keep(gate, outcome)
    assert await (await connection.execute("SELECT state FROM page")).fetchall() == [("due",)]


# --- two of one key ---------------------------------------------------------------------------------------

RACE = RaceItem(
    race_id="201605010411", race_date=date(2016, 2, 7), racecourse="東京", race_number=11, name="R", distance=1600
)
LISTED = ListedPhotoItem(
    source="keibado", issue_code="160208", number=1, listed_name="x", race_name=None, page_url="http://h/photo01.html"
)
PHOTO = PhotoItem(
    source="keibado", issue_code="160208", number=1, horse_name="x", horse_key="x", page_url="http://h/photo01.html",
    image_url="http://h/1.jpg",
)  # fmt: skip


@pytest.mark.parametrize(("items", "field", "said"), [
    ((HORSE,), "name", "SELECT name FROM horse"), ((RACE,), "name", "SELECT name FROM race"),
    ((RACE, ENTRY), "jockey", "SELECT jockey FROM entry"), ((LISTED,), "listed_name", "SELECT listed_name FROM photo"),
    ((PHOTO,), "coat", "SELECT coat FROM photo"),
])  # fmt: skip
async def test_of_two_that_speak_of_the_same_the_first_counts(
    connection: Connection, items: tuple[Item, ...], field: str, said: str
) -> None:
    page = await page_of(connection)
    first, second = (items[-1].model_copy(update={field: word}) for word in ("first", "second"))
    derived = meaning_of(Parsed((*items[:-1], first, second, first)))
    await store_derived(AsyncRawCursor(connection), page, "d", NOW, derived)
    assert await (await connection.execute(said)).fetchall() == [("first",)]  # pyright: ignore


async def test_a_page_that_leads_to_another_twice_leads_to_it_once(connection: Connection) -> None:
    link = Link("http://h/reviews", REVIEWS, None)
    outcome = await outcome_of(connection, derived=Derived(Parsed((), (link, link))))
    outcome = replace(outcome, page=replace(outcome.page, source="netkeiba", kind=APTITUDE, role=Role.APTITUDE))
    assert await keep(await gate_of(connection), outcome) == outcome
    assert await (await connection.execute("SELECT count(*) FROM page WHERE kind = 'reviews'")).fetchone() == (1,)
