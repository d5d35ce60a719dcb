"""Everything is read again from the archive, by a button: a real server and Postgres."""

import asyncio
from typing import Any

import psycopg
import pytest

from collector.console.catalogue import PAGES
from collector.pipeline import reparse
from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import (
    fingerprint,
    put_real_page,
    send,
    settled,
    shown_as,
)
from tests.filled import execute


async def test_reading_again_does_what_the_command_does(own: Shown, opened: Open) -> None:
    put_real_page(own.conninfo)
    async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
        expected = await reparse.reparse(connection, reparse.UNDATED, dry_run=True, show=lambda *_: None)
    before = fingerprint(own.conninfo)
    headers = {"Accept-Language": "en"}
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        assert (await send(client, "/review/reading", what="see")).headers["Location"] == "/review/reading"
        seen = await settled(client)
        assert fingerprint(own.conninfo) == before
        assert "Archived pages read: 1, of which unreadable: 0" in seen
        for sample in expected.samples:
            assert shown_as(sample) in seen
        await send(client, "/review/reading", what="change")
        words = PAGES.read("en")
        assert words["review_again_title"] in await settled(client)
        assert words["review_none_unread"] in await (await client.get("/review/quarantined", headers=headers)).text()
    assert execute(own.conninfo, "SELECT state, error FROM page WHERE digest IS NOT NULL") == [("fetched", None)]


async def test_pages_are_read_again_once_at_a_time(own: Shown, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    put_real_page(own.conninfo)
    held, begun, count = asyncio.Event(), asyncio.Event(), [0]
    really = reparse.reparse

    async def slowly(*given: Any, **named: Any) -> reparse.Changes:
        count[0] += 1
        named["show"](3, 7)
        begun.set()
        await held.wait()
        return await really(*given, **named)

    monkeypatch.setattr("collector.web.review.rereading.reparse", slowly)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/review/reading", what="see")
        await begun.wait()
        assert (await send(client, "/review/reading", what="change")).status == 303
        text = await (await client.get("/review/reading", headers={"Accept-Language": "en"})).text()
        assert 'http-equiv="refresh"' in text
        assert "3 of 7 pages" in text
        assert 'method="post"' not in text
        held.set()
        await settled(client)
        assert count == [1]
        assert execute(own.conninfo, "SELECT state FROM page") == [("quarantined",)]


async def test_a_reading_that_breaks_off_says_so_and_changes_nothing(
    own: Shown, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_real_page(own.conninfo)

    async def fails(connection: Any, *_: Any, **__: Any) -> None:
        await connection.execute("SELECT nothing")

    monkeypatch.setattr("collector.web.review.rereading.reparse", fails)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/review/reading", what="change")
        text = await settled(client)
        assert 'role="alert"' in text
        assert "nothing&#34; does not exist" in text


async def test_a_server_that_ends_gives_up_what_it_reads(
    own: Shown, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def forever(*_: Any, **__: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr("collector.web.review.rereading.reparse", forever)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/review/reading", what="change")
        await asyncio.sleep(0.2)
    assert ended.is_set()
