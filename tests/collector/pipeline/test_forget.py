"""What is forgotten is exactly what was named, with all its bytes; everything else stays, and can be read again."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp
import psycopg
import pytest

from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.engine.refresh import label_scope, plan, refresh
from collector.errors import ParseError
from collector.frontier.queue import DuePage
from collector.frontier.scope import Scope
from collector.pipeline.derive import Derived
from collector.pipeline.forget import forget_host, forget_url
from collector.pipeline.keep import keep
from collector.pipeline.reparse import reparse
from collector.pipeline.store import Outcome
from collector.politeness.gate import Connection, Gate, Pace
from collector.sources.keibado.urls import PHOTO_PAGE
from collector.sources.parsed import Link, Parsed
from collector.sources.source import IMAGE
from collector.storage.archive import pack
from collector.storage.roles import PageState, Role
from tests.demo_site import demo_site
from tests.sites import labels_at, role_of, sites_at
from tests.truth import truth

WORLD = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=4, opinion_month=date(2016, 1, 1))
AT = datetime(2016, 2, 8, 12, tzinfo=UTC)


async def show(_: Tick) -> None:
    """Show nothing."""


async def rows(connection: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, parameters)).fetchall()  # pyright: ignore


async def put(connection: Connection, url: str, *answers: str, kind: str = "photo_page", host: str = "h") -> None:
    """A page that has given these answers, the last of them now; each is named by its digest."""
    await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
    for digest in answers:
        await connection.execute(
            "INSERT INTO blob VALUES (%s, 'text/html', 1, '', %s) ON CONFLICT DO NOTHING", (digest, digest.encode())
        )
    (page,) = await rows(
        connection,
        """INSERT INTO page (url, host, source, kind, role, dated, state, digest, changed_at)
           VALUES (%s, %s, 'keibado', %s, %s, '2016-02-08', 'fetched', %s, now()) RETURNING id""",
        url, host, kind, role_of(kind), answers[-1],
    )  # fmt: skip
    for number, digest in enumerate(answers):
        await connection.execute(
            """INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, digest)
               VALUES (%s, %s, %s, %s, 0, 0, 'new', %s)""",
            (page[0], host, url, AT + timedelta(days=number), digest),
        )


async def put_photo(connection: Connection, number: int, digest: str, page: str, picture: str) -> None:
    await connection.execute(
        """INSERT INTO photo (source, issue_code, number, horse_name, horse_key, page_url, image_url, pedigree, digest,
                              source_url, observed_at)
           VALUES ('keibado', '160208', %s, 'x', 'x', %s, %s, '{}', %s, %s, now())""",
        (number, page, picture, digest, page),
    )


async def held(connection: Connection) -> list[str]:
    """The digests in the archive."""
    return [digest for (digest,) in await rows(connection, "SELECT digest FROM blob ORDER BY digest")]


@pytest.fixture
async def two_photos(connection: Connection) -> Connection:
    """Two photos, each with its page and its picture, and an earlier answer of each; and a horse's opinion."""
    for number in (1, 2):
        await put(connection, f"http://h/{number}.html", f"page{number}-before", f"page{number}")
        await put(connection, f"http://h/{number}.jpg", f"picture{number}-before", f"picture{number}", kind="image")
        await put_photo(connection, number, f"picture{number}", f"http://h/{number}.html", f"http://h/{number}.jpg")
    await put(connection, "http://n/horse", "opinion-before", "opinion", kind="aptitude", host="n")
    await connection.execute("INSERT INTO blob VALUES ('of nobody', 'text/html', 1, '', 'x')")
    return connection


OTHERS = ["of nobody", "opinion", "opinion-before", "page2", "page2-before", "picture2", "picture2-before"]


@pytest.mark.parametrize("named", ["http://h/1.html", "http://h/1.jpg"])
async def test_a_photo_goes_with_all_its_bytes_and_nothing_else_does(two_photos: Connection, named: str) -> None:
    forgotten = await forget_url(two_photos, named)
    assert (forgotten.photos, forgotten.pages, forgotten.blobs) == (1, 2, 4)
    assert await held(two_photos) == OTHERS
    log = await rows(two_photos, "SELECT count(*), count(digest) FROM fetch_log")
    assert log == [(10, 6)], "that it was asked for stays"
    assert (await forget_url(two_photos, named)).blobs == 0


async def test_bytes_that_another_page_has_or_had_stay(two_photos: Connection) -> None:
    await put(two_photos, "http://h/now.html", "page1")
    await put(two_photos, "http://h/before.html", "page1-before", "other")
    await put(two_photos, "http://n/before.jpg", "picture1-before", "picture", kind="image", host="n")
    await forget_url(two_photos, "http://h/1.html")
    kept = {"page1", "page1-before", "picture1-before"}
    assert kept <= set(await held(two_photos))
    assert "picture1" not in await held(two_photos)


async def test_a_copy_of_the_very_same_bytes_is_the_same_photo(two_photos: Connection) -> None:
    await put(two_photos, "http://h/3.html", "page3")
    await put(two_photos, "http://h/3.jpg", "picture1", kind="image")
    await put_photo(two_photos, 3, "picture1", "http://h/3.html", "http://h/3.jpg")
    forgotten = await forget_url(two_photos, "http://h/1.html")
    assert (forgotten.photos, forgotten.pages) == (2, 4)
    assert await held(two_photos) == OTHERS


@pytest.mark.parametrize("named", ["http://h/1.html", "http://h/1.jpg"])
async def test_the_picture_that_a_photo_showed_earlier_goes_with_it(two_photos: Connection, named: str) -> None:
    """Its page also led to two that no photo shows now, one of the same bytes as photo 2's, and to photo 2's own."""
    await put(two_photos, "http://h/1-old.jpg", "old-before", "old", kind="image")
    await put(two_photos, "http://h/1-copy.jpg", "picture2", kind="image")
    await two_photos.execute("UPDATE page SET found_on = 'http://h/1.html' WHERE kind = 'image'")
    await put(two_photos, "http://h/list.jpg", "of a list", kind="image")
    await two_photos.execute("UPDATE page SET found_on = 'http://h/index.html' WHERE url = 'http://h/list.jpg'")
    forgotten = await forget_url(two_photos, named)
    assert (forgotten.photos, forgotten.pages, forgotten.blobs) == (1, 4, 6)
    assert await held(two_photos) == sorted([*OTHERS, "of a list"])
    stay = [(f"http://h/{name}",) for name in ("2.html", "2.jpg", "list.jpg")]
    assert await rows(two_photos, "SELECT url FROM page WHERE state = 'fetched' AND host = 'h' ORDER BY 1") == stay


async def test_a_host_goes_with_all_its_bytes_and_no_other_does(two_photos: Connection) -> None:
    await forget_host(two_photos, "n")
    assert not {"opinion", "opinion-before"} & set(await held(two_photos))
    assert len(await held(two_photos)) == 9


async def keep_what_was_forgotten(connection: Connection, state: PageState, derived: Derived) -> str:
    """Keep the answer to a page that was forgotten while it came; the page's address."""
    await put(connection, "http://h/1.html", "before")
    (page,) = await rows(connection, "SELECT id FROM page")
    due = DuePage(
        page[0], "http://h/1.html", "keibado", PHOTO_PAGE, Role.PHOTO_PAGE, AT.date(), "due", None, None, None, 0
    )
    await forget_url(connection, due.url)
    gate = await Gate.take(connection, "h", 1, Pace(0.0), asyncio.Event())
    packed = pack(b"<html>", "text/html")
    await keep(gate, Outcome(due, AT, 0.1, "new", state, None, packed=packed, derived=derived))
    return due.url


async def test_a_page_that_is_forgotten_while_its_answer_comes_leaves_nothing(connection: Connection) -> None:
    derived = Derived(Parsed((), (Link("http://h/1.jpg", IMAGE, None),)))
    url = await keep_what_was_forgotten(connection, PageState.FETCHED, derived)
    assert await held(connection) == []
    assert await rows(connection, "SELECT url, state, digest FROM page") == [(url, "excluded", None)]
    assert await rows(connection, "SELECT outcome, digest FROM fetch_log ORDER BY id") == [("new", None)] * 2


async def test_a_page_that_is_forgotten_while_it_fails_leaves_no_failure(connection: Connection) -> None:
    derived = Derived(failure=ParseError("coat", "its own words"))
    await keep_what_was_forgotten(connection, PageState.QUARANTINED, derived)
    assert await rows(connection, "SELECT reason FROM parse_failure") == []


async def test_bytes_that_a_crawl_takes_up_just_then_stay(two_photos: Connection, conninfo: str) -> None:
    """A page commits the same bytes while they are forgotten elsewhere: one waits for the other, neither trips."""
    async with await psycopg.AsyncConnection.connect(conninfo) as crawl:
        await crawl.execute("UPDATE page SET digest = 'page1' WHERE url = 'http://h/2.html'")
        forgetting = asyncio.create_task(forget_url(two_photos, "http://h/1.html"))
        await asyncio.sleep(0.3)
        assert not forgetting.done()
        await crawl.commit()
        assert (await forgetting).photos == 1
    assert "page1" in await held(two_photos)


async def test_to_forget_a_photo_takes_nothing_of_the_history_of_opinion(
    crawler: Crawler, connection: Connection
) -> None:
    history = "SELECT horse_id, axis, left_px, right_px, observed_at FROM aptitude ORDER BY 1, 2, 5"
    async with demo_site(world=WORLD, month_may_change=True) as site:
        crawler = replace(crawler, sites=sites_at(site.base, site.netkeiba))
        await crawl(crawler, Scope(date(2015, 1, 1), date(2016, 12, 31)), show)
        for month in ("2016-01", "2016-12"):
            async with aiohttp.ClientSession() as session, session.post(f"{site.base}/_demo/month/{month}") as answer:
                assert answer.status == 200
            await plan(connection, labels_at(site.netkeiba), older_than=timedelta(0), horses=None)
            await refresh(replace(crawler, stopping=asyncio.Event()), labels_at(site.netkeiba), label_scope(), show)
        before = await rows(connection, history)
        await forget_url(connection, site.base + truth(WORLD).photos[0].page_path)
    await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _total: None)
    assert await rows(connection, history) == before
    assert len({at for *_, at in before}) > len({horse for horse, *_ in before}), "opinions have moved"
