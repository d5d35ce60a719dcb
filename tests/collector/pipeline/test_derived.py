"""Reading again, a changed layout, and forgetting: what becomes of data that is held already."""

import asyncio
import socket
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from collector.demo.faults import bombs
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import Busy, ExitCode, ParseError
from collector.frontier.scope import Scope
from collector.frontier.status import report
from collector.pipeline.forget import forget_host, forget_url, take_archive
from collector.pipeline.reparse import Changes, reparse
from collector.politeness.gate import Connection, host_name
from collector.sources.keibado.photo import parse_photo_page
from collector.sources.keibado.source import KEIBADO
from collector.sources.keibado.urls import PHOTO_PAGE
from tests.demo_site import DemoSite, demo_site
from tests.sites import change_kind, sites_at
from tests.truth import TruePhoto, truth

WORLD = World(years=range(2013, 2017), issues_per_year=3, photos_per_issue=5)
SCOPE = Scope(date(2013, 1, 1), date(2016, 12, 31))
EVERYTHING = date(1, 1, 1)
FACTS = """SELECT issue_code, number, listed_name, race_name, horse_name, horse_key, coat, sex, age, trainer, comment,
                  pedigree, digest, width, height, phash, near_duplicate_of, observed_at FROM photo ORDER BY 1, 2"""


async def show(_: Tick) -> None:
    """Show nothing."""


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""


async def run(crawler: Crawler, site: DemoSite, scope: Scope = SCOPE) -> ExitCode:
    crawler = replace(crawler, sites=sites_at(site.base), stopping=asyncio.Event())
    return (await crawl(crawler, scope, show))[1]


def rows(conninfo: str, query: str) -> list[tuple]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


async def read_again(connection: Connection, *, dry_run: bool = False) -> Changes:
    return await reparse(connection, EVERYTHING, dry_run=dry_run, show=no_progress)


@pytest.fixture
def no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Unix sockets, for the database, can be opened."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        assert self.family == socket.AF_UNIX, f"a connection to {address}"
        connect(self, address)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a name was looked up"))


async def test_reading_again_changes_nothing_and_makes_no_request(
    crawler: Crawler, connection: Connection, no_internet: None
) -> None:
    async with demo_site(world=WORLD) as site:
        await _crawl_with_sockets(crawler, site)
        asked = len(site.requests)
        before = rows(crawler.conninfo, FACTS)
        changes = await read_again(connection)
        assert len(site.requests) == asked
    assert rows(crawler.conninfo, FACTS) == before
    assert changes.pages > 50
    assert all(not any(counts.values()) for counts in changes.rows.values())


async def _crawl_with_sockets(crawler: Crawler, site: DemoSite) -> None:
    """Crawl in a process of its own, which the shut door does not concern."""
    from tests.chaos.processes import crawl_in_process, ended, start

    assert await ended(start(crawl_in_process, crawler.conninfo, site.base, 0.0, SCOPE.since, SCOPE.until)) == 0


async def test_a_parser_that_was_wrong_is_made_good_by_reading_again(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.sources.keibado import photo as keibado_photo

    right = keibado_photo._name
    with monkeypatch.context() as patch:
        patch.setattr(keibado_photo, "_name", lambda tree: right(tree)[::-1])
        async with demo_site(world=WORLD) as site:
            await run(crawler, site)
    wrong = rows(crawler.conninfo, FACTS)
    would = await read_again(connection, dry_run=True)
    assert rows(crawler.conninfo, FACTS) == wrong, "a dry run changes nothing"
    did = await read_again(connection)
    assert would.rows == did.rows
    assert did.rows["photo"]["changed"] == len(wrong)
    assert "horse_name" in did.samples[0]
    assert [row[4] for row in rows(crawler.conninfo, FACTS)] == [photo.horse_name for photo in truth(WORLD).photos]


async def test_a_photo_that_no_page_speaks_of_any_more_goes(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    first = truth(WORLD).photos[0]
    await connection.execute(
        "INSERT INTO photo (source, issue_code, number, horse_name, horse_key, page_url, source_url, observed_at)"
        " SELECT source, issue_code, 99, 'x', 'x', page_url, source_url, observed_at FROM photo"
        " WHERE issue_code = %s AND number = %s",
        (first.issue_code, first.number),
    )
    changes = await read_again(connection)
    assert changes.rows["photo"] == {"added": 0, "changed": 0, "removed": 1}


async def test_a_missing_field_stops_the_writing_and_reading_again_repairs_it(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site changes its layout after two years; then the parser is repaired."""
    years = Scope(date(2013, 1, 1), date(2014, 12, 31))
    real = parse_photo_page

    def without_trainer(url: str, text: str):
        parsed = real(url, text)
        if any(f"/keibabook/{year}" in url for year in ("15", "16")):
            item = parsed.items[0].model_copy(update={"trainer": None})
            return replace(parsed, items=(item,), missing=("trainer",))
        return parsed

    async with demo_site(world=WORLD) as site:
        assert await run(crawler, site, years) == ExitCode.DONE
        with monkeypatch.context() as patch:
            change_kind(patch, KEIBADO, PHOTO_PAGE, parse=without_trainer)
            assert await run(crawler, site) == ExitCode.LAYOUT_CHANGED
    facts = await report(connection)
    (drift,) = facts["layout_changed"]
    assert (drift["kind"], drift["field"]) == ("photo_page", "trainer")
    assert drift["old_coverage"] == 1.0
    assert drift["new_coverage"] < 0.6
    assert drift["samples"]
    assert "collector reparse" in facts["next"][0]
    written = rows(crawler.conninfo, "SELECT count(*) FROM photo WHERE trainer IS NULL AND image_url IS NOT NULL")
    assert 0 < written[0][0] < 20, "within twenty pages the parser stops writing"
    aside = rows(crawler.conninfo, "SELECT count(*) FROM page WHERE state = 'quarantined' AND digest IS NOT NULL")
    assert aside[0][0] > 0, "the rest is archived"

    changes = await read_again(connection)  # with the parser as it should be
    assert changes.still_changed == []
    assert (await report(connection))["layout_changed"] == []
    assert changes.links > 0, "pictures that were left out are asked for by the next crawl"
    photos = {(photo.issue_code, photo.number): photo.trainer for photo in truth(WORLD).photos}
    assert dict(rows(crawler.conninfo, "SELECT (issue_code, number)::text, trainer FROM photo")) == {
        f"({code},{number})": trainer for (code, number), trainer in photos.items()
    }


async def test_pages_of_an_unknown_layout_are_archived_and_named(crawler: Crawler, connection: Connection) -> None:
    old, new = Scope(date(2013, 1, 1), date(2014, 12, 31)), "/keibabook/1[56]*/photo*"
    async with demo_site(world=WORLD, hostile=[f"layout@{new}"]) as site:
        assert await run(crawler, site, old) == ExitCode.DONE
        assert await run(crawler, site) == ExitCode.LAYOUT_CHANGED
    fields = [drift["field"] for drift in (await report(connection))["layout_changed"]]
    assert fields == ["horse_name"]
    unread = rows(crawler.conninfo, "SELECT count(*), count(digest) FROM page WHERE state = 'quarantined'")
    assert unread[0][0] == unread[0][1] > 5


async def test_one_odd_page_is_a_quirk_and_no_change_of_layout(crawler: Crawler, connection: Connection) -> None:
    odd = truth(WORLD).photos[-1].page_path
    async with demo_site(world=WORLD, hostile=[f"layout@{odd}"]) as site:
        assert await run(crawler, site) == ExitCode.SOME_FAILED
    assert (await report(connection))["layout_changed"] == []


async def test_what_the_parser_says_about_a_page_is_kept_until_it_can_read_it(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = truth(WORLD).photos[0]
    real = parse_photo_page

    def stumbling(url: str, text: str):
        if url.endswith(victim.page_path):
            raise ParseError("horse_name", "made up for this test")
        return real(url, text)

    async with demo_site(world=WORLD) as site:
        with monkeypatch.context() as patch:
            change_kind(patch, KEIBADO, PHOTO_PAGE, parse=stumbling)
            await run(crawler, site)
        assert rows(crawler.conninfo, "SELECT field, reason FROM parse_failure") == [
            ("horse_name", "made up for this test")
        ]
        await read_again(connection)
        assert rows(crawler.conninfo, "SELECT field, reason FROM parse_failure") == []
        assert await run(crawler, site) == ExitCode.DONE  # the picture, now known, comes
    assert rows(crawler.conninfo, "SELECT count(*) FROM photo WHERE image_url IS NULL") == [(0,)]


def held(photo: TruePhoto, conninfo: str) -> list[tuple]:
    return rows(
        conninfo, f"SELECT url, state FROM page WHERE url LIKE '%{photo.page_path}' OR url LIKE '%{photo.image_path}'"
    )


async def test_a_forgotten_photo_is_gone_for_good(crawler: Crawler, connection: Connection) -> None:
    photo = next(photo for photo in truth(WORLD).photos if not photo.missing)
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
        forgotten = await forget_url(connection, site.base + photo.image_path)
        assert forgotten.photos >= 1
        assert rows(crawler.conninfo, f"SELECT count(*) FROM blob WHERE digest = '{photo.sha256}'") == [(0,)]
        assert {state for _, state in held(photo, crawler.conninfo)} == {"excluded"}
        asked = len(site.requests)
        await connection.execute("UPDATE page SET due_at = now(), state = 'due' WHERE kind = 'issue_index'")
        await run(crawler, site)  # the index still lists it
        await read_again(connection)
        again = site.paths()[asked:]
    assert photo.page_path not in again
    assert photo.image_path not in again
    listed = f"SELECT count(*) FROM photo WHERE issue_code = '{photo.issue_code}' AND number = {photo.number}"
    assert rows(crawler.conninfo, listed) == [(0,)]


async def test_a_photo_under_two_addresses_is_forgotten_under_both(crawler: Crawler, connection: Connection) -> None:
    photos = [photo for photo in truth(WORLD).photos if photo.sha256]
    by_digest: dict[str | None, list[TruePhoto]] = {}
    for photo in photos:
        by_digest.setdefault(photo.sha256, []).append(photo)
    one, other = next(twins for twins in by_digest.values() if len(twins) == 2)
    years = sorted(2000 + int(photo.issue_code[:2]) for photo in (one, other))
    async with demo_site(world=WORLD) as site:
        await run(crawler, site, Scope(date(years[0], 1, 1), date(years[1], 12, 31)))
        forgotten = await forget_url(connection, site.base + one.page_path)
    assert forgotten.photos == 2
    assert {state for _, state in held(other, crawler.conninfo)} == {"excluded"}


async def test_an_address_never_seen_can_be_forgotten_beforehand(crawler: Crawler, connection: Connection) -> None:
    photo = truth(WORLD).photos[0]
    async with demo_site(world=WORLD) as site:
        await forget_url(connection, site.base + photo.page_path)
        await run(crawler, site)
        assert photo.page_path not in site.paths()


async def test_a_forgotten_host_is_never_asked_again(crawler: Crawler, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
        asked = len(site.requests)
        await forget_host(connection, host_name(site.base))
        assert rows(crawler.conninfo, "SELECT count(*) FROM photo") == [(0,)]
        assert rows(crawler.conninfo, "SELECT count(*) FROM blob") == [(0,)]
        assert await run(crawler, site) == ExitCode.BLOCKED
        assert len(site.requests) == asked


async def test_the_archive_is_reread_once_at_a_time_and_nothing_forgotten(
    connection: Connection, conninfo: str
) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo) as elsewhere:
        await take_archive(elsewhere)
        for attempt in (
            forget_url(connection, "http://127.0.0.1:1/keibabook/160104/photo01.html"),
            reparse(connection, EVERYTHING, dry_run=True, show=no_progress),
        ):
            with pytest.raises(Busy, match="again when that is done"):
                await attempt
    assert await (await connection.execute("SELECT count(*) FROM page")).fetchone() == (0,)


async def test_reading_again_measures_pictures_as_they_are_seen_now(crawler: Crawler, connection: Connection) -> None:
    """What an earlier version took for another type, or measured lying on its side."""
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    before = rows(
        crawler.conninfo, "SELECT issue_code, number, media_type, width, height, phash FROM photo ORDER BY 1, 2"
    )
    await connection.execute("UPDATE photo SET media_type = 'image/mpo' WHERE number % 2 = 0 AND digest IS NOT NULL")
    await connection.execute("UPDATE photo SET width = height, height = width WHERE number % 2 = 1")
    changes = await read_again(connection)
    assert changes.rows["photo"]["changed"] == sum(row[2] is not None for row in before)
    after = rows(
        crawler.conninfo, "SELECT issue_code, number, media_type, width, height, phash FROM photo ORDER BY 1, 2"
    )
    assert after == before


async def test_a_picture_found_broken_is_hidden_and_its_bytes_stay(crawler: Crawler, connection: Connection) -> None:
    """As an earlier version took it for whole."""
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    url, digest, content = rows(
        crawler.conninfo,
        "SELECT image_url, digest, content FROM photo JOIN blob USING (digest) ORDER BY photo.id LIMIT 1",
    )[0]
    cut = bombs.without_its_last_part(bytes(content))
    await connection.execute("UPDATE blob SET content = %s, size = %s WHERE digest = %s", (cut, len(cut), digest))
    changes = await read_again(connection)
    assert changes.unreadable == 1
    assert rows(crawler.conninfo, f"SELECT state, digest FROM page WHERE url = '{url}'") == [("quarantined", digest)]
    unset = "num_nulls(digest, media_type, width, height, phash) = 5"
    assert rows(crawler.conninfo, f"SELECT DISTINCT {unset} FROM photo WHERE image_url = '{url}'") == [(True,)]
    whole = {"content": content, "size": len(content), "digest": digest}
    await connection.execute("UPDATE blob SET content = %(content)s, size = %(size)s WHERE digest = %(digest)s", whole)
    await read_again(connection)
    assert rows(crawler.conninfo, f"SELECT state FROM page WHERE url = '{url}'") == [("fetched",)]
    assert rows(crawler.conninfo, f"SELECT digest FROM photo WHERE image_url = '{url}'")[0] == (digest,)
