"""Crawling and reading again come to the same: what a page becomes is decided by its bytes, once."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import NoSuchPage, ParseError
from collector.fetch.fetcher import Timeouts
from collector.frontier.scope import Scope
from collector.pipeline import drift
from collector.pipeline.reparse import Changes, reparse
from collector.politeness.gate import Connection
from collector.sources.parsed import Parsed
from tests.demo_site import DemoSite, demo_site
from tests.pauses import shorten
from tests.sites import sites_at
from tests.spoil import parsing, tripping
from tests.truth import truth

WORLD = World(years=range(2014, 2016), issues_per_year=2, photos_per_issue=4)
SCOPE = Scope(date(2014, 1, 1), date(2015, 12, 31))
EVERYTHING = date(1, 1, 1)
THERE = [photo for photo in truth(WORLD).photos if not photo.missing]
VICTIM = THERE[0]
IMPATIENT = Timeouts(connect=1.0, read=1.0, total=5.0)
PAGES = """SELECT regexp_replace(url, '^http://[^/]*', '') AS path, state, due_at, error_code, error, missing, digest,
                  failures, etag, last_status FROM page WHERE kind <> 'robots' ORDER BY 1"""
PHOTOS = "SELECT issue_code, number, listed_name, horse_name, comment, digest, phash, near_duplicate_of FROM photo"
FAILURES = "SELECT page_id, digest, field, reason, observed_at FROM parse_failure ORDER BY 1, 3"
STATE = "SELECT state, error, due_at FROM page WHERE url LIKE '%%' || %s"


async def show(_: Tick) -> None:
    """Show nothing."""


async def run(crawler: Crawler, site: DemoSite) -> None:
    crawler = replace(crawler, sites=sites_at(site.base), stopping=asyncio.Event(), timeouts=IMPATIENT)
    await crawl(crawler, SCOPE, show)


async def rows(connection: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, parameters)).fetchall()  # pyright: ignore


async def read_again(
    connection: Connection, since: date = EVERYTHING, show: Callable[[int, int], None] = lambda _done, _total: None
) -> Changes:
    return await reparse(connection, since, dry_run=False, show=show)


async def stop(connection: Connection, kind: str = "photo_page") -> None:
    await connection.execute(
        """INSERT INTO drift (source, kind, field, old_coverage, new_coverage, samples, observed_at)
           VALUES ('keibado', %s, 'coat', 1, 0, '{}', now())""",
        (kind,),
    )


def keeping_out(parsed: Parsed) -> Parsed:
    """The page's own robots meta says noai."""
    return replace(parsed, items=(parsed.items[0].model_copy(update={"keep_out": True}),))


def without_coat(parsed: Parsed) -> Parsed:
    return replace(parsed, missing=(*parsed.missing, "coat"))


BUG = tripping(KeyError("a bug of ours"))
FAULTS: list[tuple[list[str], dict[str, Callable[[Parsed], Parsed]]]] = [
    ([], {}),
    (["404@*photo02.html", "410@*photo03.html", "403@*photo04.html", "500@*pp01.jpg"], {}),
    (["broken-bytes@*photo01.html", "euc-jp@*photo02.html", "layout@*photo03.html", "block-page@*photo04.html"], {}),
    (["huge-png@*01.jpg", "html-as-jpeg@*02.jpg", "noai@*03.jpg", "noimageindex@*photo04.html"], {}),
    (["503-retry-after=0@*photo03.htmlx3each", "truncate@*.jpgx1each", "reset-body:0.2", "layout:0.3"], {}),
    (["layout@*index.html"], {"photo01": BUG, "photo02": tripping(NoSuchPage("page", "nothing"))}),
    ([], {"photo01": tripping(ParseError("coat", "none")), "photo02": keeping_out, "photo03": without_coat}),
]


@pytest.mark.parametrize(("hostile", "spoils"), FAULTS)
async def test_reading_again_what_was_crawled_changes_no_page_and_no_fact(
    crawler: Crawler,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    hostile: list[str],
    spoils: dict[str, Callable[[Parsed], Parsed]],
) -> None:
    shorten(crawler.conninfo, 0.5)
    with ExitStack() as stack:
        for path, spoil in spoils.items():
            stack.enter_context(parsing(monkeypatch, path, spoil))
        async with demo_site(world=WORLD, hostile=hostile) as site:
            await run(crawler, site)
        before = [await rows(connection, query) for query in (PAGES, PHOTOS + " ORDER BY 1, 2", FAILURES)]
        changes = await read_again(connection)
        after = [await rows(connection, query) for query in (PAGES, PHOTOS + " ORDER BY 1, 2", FAILURES)]
    assert after == before
    assert changes.links == 0
    assert not any(count for counts in changes.rows.values() for count in counts.values())


@pytest.mark.parametrize("spoil", [lambda parsed: parsed, keeping_out, BUG, tripping(NoSuchPage("page", "nothing"))])
async def test_what_was_set_aside_becomes_what_the_crawl_would_have_made_of_it(
    crawler: Crawler,
    connection: Connection,
    other_conninfo: str,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Parsed], Parsed],
) -> None:
    compared = (
        "SELECT path, state, error_code, error, missing, digest, due_at IS NULL FROM ({}) AS page WHERE state <> 'gone'"
    )
    async with demo_site(world=WORLD) as site:
        with parsing(monkeypatch, VICTIM.page_path, spoil):
            await run(replace(crawler, conninfo=other_conninfo), site)
        await stop(connection)
        await run(crawler, site)
        with parsing(monkeypatch, VICTIM.page_path, spoil):
            await read_again(connection)
            await run(crawler, site)
    with psycopg.connect(other_conninfo) as other:
        pages = other.execute(compared.format(PAGES)).fetchall()  # pyright: ignore
        photos = other.execute(PHOTOS + " WHERE digest IS NOT NULL ORDER BY 1, 2").fetchall()
    here = await rows(connection, compared.format(PAGES))
    if spoil is keeping_out:  # its bytes were archived when they could not be read
        here, pages = ([(path, *rest[:4], rest[5]) for path, *rest in found] for found in (here, pages))
    assert here == pages
    assert [row[:-1] for row in await rows(connection, PHOTOS + " WHERE digest IS NOT NULL ORDER BY 1, 2")] == [
        row[:-1] for row in photos
    ]


# --- kept out ---------------------------------------------------------------------------------------------


async def test_a_photo_whose_page_turns_out_to_keep_it_out_goes_and_stays_out(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was archived and its picture is held; then the reader of its robots meta was mended."""
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
        asked = len(site.requests)
        with parsing(monkeypatch, VICTIM.page_path, keeping_out):
            for _ in range(2):
                await read_again(connection)
                for path in (VICTIM.page_path, VICTIM.image_path):
                    assert [row[::2] for row in await rows(connection, STATE, path)] == [("excluded", None)]
                shown = "SELECT count(*) FROM photo WHERE image_url LIKE '%%' || %s OR digest = %s"
                assert await rows(connection, shown, VICTIM.image_path, VICTIM.sha256) == [(0,)]
        await run(crawler, site)
        assert {VICTIM.page_path, VICTIM.image_path}.isdisjoint(site.paths()[asked:])
    assert await rows(connection, "SELECT count(*) FROM blob WHERE digest = %s", VICTIM.sha256) == [(1,)]


# --- our own errors, and what cannot be stored ------------------------------------------------------------


@pytest.mark.parametrize("spoil", [BUG, tripping(MemoryError()), tripping(RecursionError())])
async def test_a_page_that_breaks_our_code_stops_nothing_and_loses_nothing(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Parsed], Parsed]
) -> None:
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    before = await rows(connection, PAGES), await rows(connection, PHOTOS + " ORDER BY 1, 2")
    for path in (VICTIM.page_path, "index.html"):  # the list is not there to speak for the photo either
        with parsing(monkeypatch, path, spoil):
            changes = await read_again(connection)
        assert changes.unreadable > 0
        assert {state for state, *_ in await rows(connection, STATE, path)} == {"quarantined"}
        assert await rows(connection, PHOTOS + " ORDER BY 1, 2") == before[1]
    assert (await read_again(connection)).unreadable == 0
    states = [[row[:2] for row in found] for found in (before[0], await rows(connection, PAGES))]
    assert states[0] == states[1]


@pytest.mark.parametrize("facts", [{"comment": "\ud800"}, {"horse_name": "\0"}, {"age": 2**40}, {"horse_name": None}])
async def test_a_page_that_cannot_be_stored_costs_its_own_facts_alone(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]
) -> None:
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    await connection.execute("UPDATE photo SET comment = 'wrong'")

    def spoil(parsed: Parsed) -> Parsed:
        return replace(parsed, items=(parsed.items[0].model_copy(update=facts),))

    with parsing(monkeypatch, VICTIM.page_path, spoil):
        changes = await read_again(connection)
    assert changes.unreadable == 1
    ((state, error, _),) = await rows(connection, STATE, VICTIM.page_path)
    assert (state, error[:22]) == ("quarantined", "storage: not storable:")
    assert await rows(connection, "SELECT field FROM parse_failure") == [("storage",)]
    wrong = await rows(connection, "SELECT page_url FROM photo WHERE comment = 'wrong'")
    assert [url.endswith(VICTIM.page_path) for (url,) in wrong] == [True]


# --- a crawl beside it ------------------------------------------------------------------------------------


async def test_what_a_crawl_commits_meanwhile_stays(crawler: Crawler, connection: Connection) -> None:
    """A photo that is new, a list that lists another one, and a photo page that says something new."""
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    begun: list[int] = []

    def commits(done: int, _total: int) -> None:
        if begun:
            return
        begun.append(done)
        with psycopg.connect(crawler.conninfo) as other:  # what a lane's commits do, in another process
            other.execute("INSERT INTO blob VALUES ('new', 'text/html', 1, '', 'x'), ('list', 'text/html', 1, '', 'x')")
            other.execute(
                """INSERT INTO page (url, host, source, kind, role, dated, state, digest, changed_at)
                   SELECT 'http://x/new', host, source, kind, role, dated, 'fetched', 'new', now() FROM page
                   WHERE kind = 'photo_page' LIMIT 1"""
            )
            for number, page, source in ((98, "http://x/new", "http://x/new"), (99, "http://x/due", "list")):
                other.execute(
                    """INSERT INTO photo (source, issue_code, number, horse_name, horse_key, page_url, pedigree,
                                          source_url, observed_at)
                       SELECT source, issue_code, %s, 'n', 'n', %s, '{}', %s, now() FROM photo LIMIT 1""",
                    (number, page, source),
                )

    await read_again(connection, show=commits)
    assert begun
    assert await rows(connection, "SELECT number FROM photo WHERE number > 90 ORDER BY 1") == [(98,), (99,)]


async def test_a_page_that_a_crawl_changes_meanwhile_keeps_what_it_says_now(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    monkeypatch.setattr("collector.pipeline.reparse.BATCH", 1)
    victim = VICTIM.page_path

    def commits(done: int, _total: int) -> None:
        if done == 1:  # the lists come first
            with psycopg.connect(crawler.conninfo) as other:
                other.execute("INSERT INTO blob VALUES ('new', 'text/html', 1, '', 'x')")
                other.execute("UPDATE page SET digest = 'new', error = 'x', state = 'gone' WHERE url LIKE %s",
                              (f"%{victim}",))  # fmt: skip
                other.execute("UPDATE photo SET comment = 'newer' WHERE page_url LIKE %s", (f"%{victim}",))

    with parsing(monkeypatch, victim, BUG):
        changes = await read_again(connection, show=commits)
    assert changes.pages > 10
    assert [row[:2] for row in await rows(connection, STATE, victim)] == [("gone", "x")]
    comment = await rows(connection, "SELECT comment FROM photo WHERE page_url LIKE %s", f"%{victim}")
    assert comment == [("newer",)]


async def test_a_crawl_waits_for_no_reading_to_end(crawler: Crawler, connection: Connection) -> None:
    """New links do not hold the host's row, nor verdicts the pages' rows, while everything is read."""
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    await connection.execute("DELETE FROM page WHERE url LIKE %s", (f"%{VICTIM.image_path}",))
    await connection.execute("UPDATE page SET error = 'x', error_code = 'gone'")

    def commits(_done: int, _total: int) -> None:
        with psycopg.connect(crawler.conninfo, options="-c lock_timeout=500") as other:
            other.execute("SELECT FROM host FOR UPDATE")
            other.execute("UPDATE page SET failures = failures + 1")

    assert (await read_again(connection, show=commits)).links == 1


async def test_a_list_that_is_due_again_speaks_for_its_photos(crawler: Crawler, connection: Connection) -> None:
    """The host was busy when it was to be asked again; what it said is held."""
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    await connection.execute("UPDATE page SET state = 'due', due_at = now() WHERE kind = 'issue_index'")
    await connection.execute("UPDATE page SET digest = NULL, state = 'due' WHERE kind = 'photo_page'")
    changes = await read_again(connection)
    assert changes.rows["photo"]["removed"] == 0
    assert {row[0] for row in await rows(connection, STATE, "index.html")} == {"due"}


# --- a layout that has changed ----------------------------------------------------------------------------


async def test_a_stop_stands_where_its_pages_are_not_read(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        await stop(connection)
        await run(crawler, site)
    await stop(connection, "issue_index")
    await connection.execute("UPDATE drift SET source = 'netkeiba' WHERE kind = 'issue_index'")  # of which none is held
    await read_again(connection, date(2015, 1, 1))
    assert await drift.stopped_kinds(connection) == {("keibado", "photo_page"), ("netkeiba", "issue_index")}
    states = "SELECT extract(year FROM dated)::int, state FROM page WHERE kind = 'photo_page' GROUP BY 1, 2"
    states += " HAVING state <> 'gone' ORDER BY 1"
    assert await rows(connection, states) == [(2014, "quarantined"), (2015, "fetched")], "what was read is good"
    await read_again(connection)
    assert await drift.stopped_kinds(connection) == {("netkeiba", "issue_index")}
    assert await rows(connection, states) == [(2014, "fetched"), (2015, "fetched")]


async def test_what_the_parser_still_cannot_read_stays_set_aside(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(years=range(2014, 2016), issues_per_year=2, photos_per_issue=8)
    with parsing(monkeypatch, "/keibabook/15", without_coat):
        async with demo_site(world=world) as site:
            await run(crawler, site)
        before = await rows(connection, PAGES)
        assert await drift.stopped_kinds(connection) == {("keibado", "photo_page")}
        changes = await read_again(connection)
        assert changes.still_changed == ["photo_page: coat"]
        assert await rows(connection, PAGES) == before
    assert (await read_again(connection)).still_changed == []
    assert await rows(connection, "SELECT count(*) FROM page WHERE state = 'quarantined'") == [(0,)]


# --- the same text ----------------------------------------------------------------------------------------


async def test_a_charset_that_only_a_header_names_is_not_forgotten(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.fetch.fetcher import Fetcher

    real = Fetcher.get

    async def get(self: Fetcher, url: str, **options: Any) -> Any:
        answer = await real(self, url, **options)
        if not url.endswith(VICTIM.page_path):
            return answer
        body = answer.body.decode("cp932").replace("Shift_JIS", "").replace("shift_jis", "").encode("euc_jp")
        return replace(answer, body=body, headers={"Content-Type": "text/html; charset=EUC-JP"})

    monkeypatch.setattr(Fetcher, "get", get)
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    assert [row[0] for row in await rows(connection, STATE, VICTIM.page_path)] == ["fetched"]
    assert (await read_again(connection)).unreadable == 0


@pytest.mark.parametrize("charsets", [("EUC-JP", "Shift_JIS"), ("Shift_JIS", "EUC-JP")])
async def test_equal_bytes_under_two_charsets_are_read_under_their_own(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch, charsets: tuple[str, str]
) -> None:
    from collector.fetch.fetcher import Fetcher

    real, bodies = Fetcher.get, list[bytes]()
    named = dict(zip((photo.page_path for photo in THERE), charsets, strict=False))

    async def get(self: Fetcher, url: str, **options: Any) -> Any:
        answer = await real(self, url, **options)
        charset = next((charset for path, charset in named.items() if url.endswith(path)), None)
        if charset is None:
            return answer
        text = answer.body.decode("cp932").replace("Shift_JIS", "").replace("shift_jis", "")
        bodies[:] = bodies or [text.encode("euc_jp")]
        return replace(answer, body=bodies[0], headers={"Content-Type": f"text/html; charset={charset}"})

    monkeypatch.setattr(Fetcher, "get", get)
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
        states = {charset: (await rows(connection, STATE, path))[0][0] for path, charset in named.items()}
        assert states == {"EUC-JP": "fetched", "Shift_JIS": "quarantined"}
        wrong = next(path for path, charset in named.items() if charset == "Shift_JIS")
        before = [await rows(connection, query) for query in (PAGES, PHOTOS + " ORDER BY 1, 2", FAILURES)]
        await read_again(connection)
        assert [await rows(connection, query) for query in (PAGES, PHOTOS + " ORDER BY 1, 2", FAILURES)] == before
        named[wrong] = "EUC-JP"  # the site has mended its header
        await connection.execute("UPDATE page SET due_at = now() WHERE state = 'quarantined'")
        await run(crawler, site)
    before = [await rows(connection, query) for query in (PAGES, PHOTOS + " ORDER BY 1, 2", FAILURES)]
    assert [row[0] for row in await rows(connection, STATE, wrong)] == ["fetched"]
    assert (await read_again(connection)).unreadable == 0
    assert [await rows(connection, query) for query in (PAGES, PHOTOS + " ORDER BY 1, 2", FAILURES)] == before
