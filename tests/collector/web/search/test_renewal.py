"""The search's views are renewed when the tables have changed, and only then."""

import asyncio
import logging
import time

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from collector.errors import TryLater
from collector.pipeline.forget import forget_url
from collector.politeness.gate import Connection
from collector.storage.reader import Reader
from collector.web.search.address import Query
from collector.web.search.renewal import Renewal, renew
from collector.web.search.results import suggest
from tests.collector.web.conftest import Shown
from tests.collector.web.search.test_search import find
from tests.filled import execute

COUNTED = 10.0  # seconds until a session that has ended is gone
# In each table a change that the views show.
CHANGES = {
    "photo": ("UPDATE photo SET width = 9999", "width = 9999"),
    "photo_match": ("UPDATE photo_match SET rule = 'by_hand', horse_id = NULL", "horse_id IS NULL"),
    "issue": ("UPDATE issue SET issue_date = issue_date + 7000", "dated > '2030-01-01'"),
    "horse": ("UPDATE horse SET name = 'アタラシイ'", "horse_name = 'アタラシイ'"),
    "race": ("UPDATE race SET racecourse = '小倉'", "racecourse = '小倉'"),
    "entry": ("UPDATE entry SET age = 19", "age = 19"),
    "aptitude": ("UPDATE aptitude SET value = 0.123", "value = 0.123"),
}
ORDER = ("photo", "issue", "horse", "race", "entry", "aptitude", "photo_match")  # the last cuts a photo off the others


async def looked(renewal: Renewal, conninfo: str) -> bool:
    """Whether the tables are seen to have changed, once Postgres has counted what was written."""
    await asyncio.to_thread(counted, conninfo)
    return await renewal.look()


def counted(conninfo: str) -> None:
    """Wait until no session is left that has not reported what it wrote."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    give_up_at = time.monotonic() + COUNTED
    while execute(conninfo, others) != [(0,)]:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


async def test_a_change_in_any_table_is_seen_and_without_one_nothing_is_renewed(
    own: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(ORDER) == set(CHANGES)
    made: list[Connection] = []

    async def counting(connection: Connection) -> None:
        made.append(connection)
        await renew(connection)

    monkeypatch.setattr("collector.web.search.renewal.renew", counting)
    renewal = Renewal(own.conninfo)
    await looked(renewal, own.conninfo)
    for table in ORDER:
        statement, changed = CHANGES[table]
        assert not await renewal.look(), table
        execute(own.conninfo, statement)
        assert await looked(renewal, own.conninfo), table
        count = execute(own.conninfo, f"SELECT count(*) FILTER (WHERE {changed}), count(*) FROM photo_search")[0]
        assert count[0] == count[1] > 0, table
    assert len(made) == 1 + len(ORDER)


async def test_a_renamed_horse_is_found_by_its_new_name_in_any_script(own: Shown) -> None:
    renewal = Renewal(own.conninfo)
    await looked(renewal, own.conninfo)
    execute(own.conninfo, "UPDATE horse SET name = 'ヅカンヴィア', horse_key = 'ヅカンヴィア'"
            " WHERE horse_id = (SELECT min(horse_id) FROM photo_match)")  # fmt: skip
    await looked(renewal, own.conninfo)
    for typed in ("づかん", "zukanvia", "ヴィア"):
        assert [group.name for group in (await find(own, Query(name=typed))).groups] == ["ヅカンヴィア"]


async def test_two_servers_renew_at_once(own: Shown) -> None:
    execute(own.conninfo, "UPDATE photo SET width = 7777")
    assert await asyncio.gather(*(Renewal(own.conninfo).look() for _ in range(3))) == [True] * 3
    assert execute(own.conninfo, "SELECT DISTINCT width FROM photo_search") == [(7777,)]


async def test_a_forgotten_photo_is_gone_after_the_renewal(own: Shown) -> None:
    renewal = Renewal(own.conninfo)
    await looked(renewal, own.conninfo)
    ((url, code, number, name),) = execute(
        own.conninfo, "SELECT page_url, issue_code, number, horse_name FROM photo WHERE digest IS NOT NULL LIMIT 1"
    )
    async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
        assert (await forget_url(connection, url)).photos >= 1
    await looked(renewal, own.conninfo)
    photo = f"keibado:{code}/{number:02}"
    assert execute(own.conninfo, "SELECT count(*) FROM photo_search WHERE photo = %s", photo) == [(0,)]
    async with Reader(own.conninfo) as reader:
        shown = [one.photo for group in (await find(own, Query(name=name))).groups for one in group.shown]
        assert photo not in shown
        assert bool(await suggest(reader, name)) == bool(shown)


async def test_readers_see_both_views_of_one_moment(own: Shown) -> None:
    execute(own.conninfo, "DELETE FROM photo_match WHERE issue_code = (SELECT min(code) FROM issue)")
    renewing = asyncio.create_task(Renewal(own.conninfo).look())
    alone = (
        "SELECT count(*) FROM photo_search FULL JOIN horse_search USING (shows)"
        " WHERE photo_search.shows IS NULL OR horse_search.shows IS NULL"
    )
    while not renewing.done():
        assert await asyncio.to_thread(execute, own.conninfo, alone) == [(0,)]
    assert await renewing


async def test_a_server_renews_by_itself(own: Shown) -> None:
    execute(own.conninfo, "UPDATE photo SET width = 8888")
    async with Renewal(own.conninfo, pause=0.05) as renewal, asyncio.timeout(COUNTED):
        while renewal.at is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert execute(own.conninfo, "SELECT DISTINCT width FROM photo_search") == [(8888,)]


async def test_a_lost_database_is_reported_once_and_tried_again(own: Shown, caplog: pytest.LogCaptureFixture) -> None:
    gone = make_conninfo(own.conninfo, dbname="nowhere")
    with pytest.raises(TryLater, match="cannot be renewed"):
        await Renewal(gone).look()
    with caplog.at_level(logging.WARNING):
        async with Renewal(gone, pause=0.01, clock=lambda: 0.0):
            await asyncio.sleep(0.3)
    assert len(caplog.records) == 1
