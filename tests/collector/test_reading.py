"""Stored pages are read again on all cores: the same as by one, in bounded memory, all or nothing."""

import asyncio
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

import tests.poison
from collector import reading
from collector.archive import pack
from collector.crawl import Tick, crawl
from collector.demo.netkeiba import answer_path
from collector.demo.races import Races
from collector.demo.world import World
from collector.errors import PaddockError
from collector.frontier import Scope
from collector.jobs import Workplace
from collector.politeness import Connection
from collector.reparse import Changes, reparse
from collector.sources import netkeiba
from tests.demo_site import demo_site

WORLD = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=5)
TABLES = ("issue", "photo", "race", "entry", "horse")
EVERYTHING = date(1, 1, 1)


async def show(_: Tick) -> None:
    """Nobody watches."""


async def read_again(connection: Connection, *, dry_run: bool = False) -> Changes:
    return await reparse(connection, EVERYTHING, dry_run=dry_run, show=lambda _done, _total: None)


async def held(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [await (await connection.execute(f"SELECT * FROM {table} ORDER BY id")).fetchall() for table in TABLES]  # pyright: ignore


@pytest.fixture
async def collected(place: Workplace, connection: Connection) -> Connection:
    """A database that holds a crawl of both sites."""
    async with demo_site(world=WORLD) as site:
        place.sites, place.netkeiba = (site.base, site.netkeiba), site.netkeiba
        await crawl(place, site.base, Scope(date(2015, 1, 1), date(2016, 12, 31)), show)
    return connection


async def test_several_processes_find_what_one_finds(collected: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    await collected.execute("UPDATE race SET distance = distance + 1")
    await collected.execute("DELETE FROM entry WHERE id % 5 = 0")
    alone = await read_again(collected, dry_run=True)
    monkeypatch.setattr("collector.reparse.processes_for", lambda _answers: 2)
    together = await read_again(collected)
    assert together == alone
    assert together.rows["race"]["changed"] > 10
    again = await read_again(collected)
    assert sum(count for changes in again.rows.values() for count in changes.values()) == 0


async def test_a_reader_that_is_killed_changes_nothing_of_what_is_found(
    collected: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await collected.execute("UPDATE race SET distance = distance + 1")
    alone = await read_again(collected, dry_run=True)
    monkeypatch.setattr("collector.reparse.processes_for", lambda _answers: 2)
    running = asyncio.create_task(read_again(collected))
    for _ in range(1000):
        if readers := multiprocessing.active_children():
            os.kill(readers[0].pid or 0, signal.SIGKILL)
            break
        await asyncio.sleep(0.01)
    assert await running == alone


POISONED = "SELECT state, error, digest IS NOT NULL FROM page WHERE kind = 'race_result' AND url LIKE '%0211/'"


@pytest.mark.parametrize("poison", ["killed", "fault", "unsendable"])
async def test_a_page_that_kills_its_reader_is_set_aside_and_all_others_are_read(
    collected: Connection, monkeypatch: pytest.MonkeyPatch, poison: str
) -> None:
    monkeypatch.setattr("collector.reparse.processes_for", lambda _answers: 2)
    monkeypatch.setattr("collector.reparse.BATCH", 10)
    before = await held(collected)
    poisoned = len(await (await collected.execute(POISONED)).fetchall())
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read_batch", getattr(tests.poison, poison))
        changes = await read_again(collected)
    assert poisoned > 0
    assert changes.unreadable == poisoned
    assert await held(collected) == before
    for state, error, archived in await (await collected.execute(POISONED)).fetchall():
        assert (state, archived) == ("quarantined", True)
        assert error.startswith("parser: ")
    assert (await read_again(collected)).unreadable == 0  # by readers that live
    assert {state for state, *_ in await (await collected.execute(POISONED)).fetchall()} == {"fetched"}


async def test_where_no_reader_lives_nothing_is_changed(collected: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.reparse.processes_for", lambda _answers: 2)
    monkeypatch.setattr(reading, "read_batch", tests.poison.dead)
    await collected.execute("UPDATE race SET distance = distance + 1")
    before = await held(collected)
    with pytest.raises(PaddockError, match="die as soon as they start"):
        await read_again(collected)
    assert await held(collected) == before


async def test_bytes_that_cannot_be_unpacked_cost_their_page_alone(collected: Connection) -> None:
    await collected.execute("UPDATE blob SET content = substr(content, 1, 99) WHERE encoding = 'zlib'")
    row = await (await collected.execute("SELECT count(*) FROM blob WHERE encoding = 'zlib'")).fetchone()
    assert row is not None
    before = await held(collected)
    assert (await read_again(collected)).unreadable >= row[0] > 0
    assert await held(collected) == before


async def test_only_what_takes_long_is_worth_more_processes() -> None:
    assert reading.processes_for(reading.FEW) == 0
    assert reading.processes_for(reading.FEW + 1) in (0, len(os.sched_getaffinity(0)))


MEASURE = """
import asyncio, resource, sys
from datetime import date
import psycopg
from collector.reparse import reparse

async def main():
    async with await psycopg.AsyncConnection.connect(sys.argv[1], autocommit=True) as connection:
        changes = await reparse(connection, date(1, 1, 1), dry_run=True, show=lambda done, total: None)
        print(changes.pages, changes.unreadable, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

asyncio.run(main())
"""


def store_graphs(conninfo: str, first: int, count: int) -> None:
    """As if so many horses' graphs had been asked for; they all look the same."""
    races = Races(WORLD)
    horse_id = next(iter(races.registry.names))
    path, _, query = netkeiba.aptitude_url("", horse_id).partition("?")
    answer = answer_path(WORLD, path, query)
    assert answer is not None
    packed = pack(answer.body, answer.media_type, hashlib.sha256(answer.body).hexdigest())
    with psycopg.connect(conninfo) as connection:
        connection.execute("INSERT INTO host (name) VALUES ('h') ON CONFLICT DO NOTHING")
        connection.execute(
            "INSERT INTO blob VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (packed.digest, packed.media_type, packed.size, packed.encoding, packed.content),
        )
        connection.execute(
            """WITH stored AS (
                   INSERT INTO page (url, host, source, kind, dated, priority, state, digest, changed_at)
                   SELECT replace(%(url)s, %(horse)s, lpad(number::text, 10, '0')), 'h', 'netkeiba', 'aptitude',
                          '1970-01-01', 10, 'fetched', %(digest)s, now()
                   FROM generate_series(%(first)s::int, %(first)s + %(count)s - 1) AS number RETURNING id, url)
               INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, digest)
               SELECT id, 'h', url, now(), 0, 0, 'new', %(digest)s FROM stored""",
            {
                "url": netkeiba.aptitude_url("http://h", horse_id), "horse": horse_id, "digest": packed.digest,
                "first": first, "count": count,
            },
        )  # fmt: skip


def test_memory_does_not_grow_with_the_number_of_horses(conninfo: str) -> None:
    def peak(pages: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, conninfo],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        read, unreadable, megabytes = map(int, done.stdout.split())
        assert (read, unreadable) == (pages, 0)
        return megabytes

    store_graphs(conninfo, 1, 500)
    few = peak(500)
    store_graphs(conninfo, 501, 2000)
    assert peak(2500) < few + 8
