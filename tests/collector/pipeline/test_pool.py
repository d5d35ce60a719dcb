"""Stored pages are read again on all cores: the same as by one, in bounded memory, all or nothing."""

import asyncio
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

import tests.poison
from collector.demo.netkeiba.site import answer_path
from collector.demo.world.races import Races
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import PaddockError
from collector.frontier.scope import Scope
from collector.pipeline import pool
from collector.pipeline.reparse import Changes, reparse
from collector.politeness.gate import Connection
from collector.sources.netkeiba.urls import aptitude_url
from collector.storage.archive import pack
from tests.commands import forked
from tests.databases import filled_once
from tests.demo_site import demo_site
from tests.paths import ROOT
from tests.sites import sites_at

WORLD = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=5)
TABLES = ("issue", "photo", "race", "entry", "horse")
EVERYTHING = date(1, 1, 1)


async def show(_: Tick) -> None:
    """Show nothing."""


async def read_again(connection: Connection, *, dry_run: bool = False) -> Changes:
    return await reparse(connection, EVERYTHING, dry_run=dry_run, show=lambda _done, _total: None)


async def held(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [await (await connection.execute(f"SELECT * FROM {table} ORDER BY id")).fetchall() for table in TABLES]  # pyright: ignore


async def _collect(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        crawler = Crawler(conninfo, contact=None, sites=sites_at(site.base, site.netkeiba), crawl_delay=0.0)
        await crawl(crawler, Scope(date(2015, 1, 1), date(2016, 12, 31)), show)


def collect(conninfo: str) -> None:
    """Crawl both sites into a database."""
    asyncio.run(_collect(conninfo))


@pytest.fixture
def template(request: pytest.FixtureRequest, template: str, cluster: str) -> str:
    """A crawl of both sites, for the tests that read it again."""
    if "collected" not in request.fixturenames:
        return template
    with ThreadPoolExecutor(1) as thread:  # as the test has a loop already
        return thread.submit(filled_once, cluster, "template_collected", collect).result()


@pytest.fixture
def forked_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that start in milliseconds: these are killed by the dozen."""
    monkeypatch.setattr(pool, "get_context", lambda _method: forked)


@pytest.fixture
def collected(connection: Connection) -> Connection:
    """A database that holds a crawl of both sites."""
    return connection


async def test_several_processes_find_what_one_finds(collected: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    await collected.execute("UPDATE race SET distance = distance + 1")
    await collected.execute("DELETE FROM entry WHERE id % 5 = 0")
    alone = await read_again(collected, dry_run=True)
    monkeypatch.setattr("collector.pipeline.reparse.processes_for", lambda _answers: 2)
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
    monkeypatch.setattr("collector.pipeline.reparse.processes_for", lambda _answers: 2)
    running = asyncio.create_task(read_again(collected))
    for _ in range(1000):
        if readers := multiprocessing.active_children():
            os.kill(readers[0].pid or 0, signal.SIGKILL)
            break
        await asyncio.sleep(0.01)
    assert await running == alone


POISONED = (
    "SELECT state, error_code, error, digest IS NOT NULL FROM page WHERE kind = 'race_result' AND url LIKE '%0211/'"
)


@pytest.mark.usefixtures("forked_readers")
@pytest.mark.parametrize("poison", ["killed", "fault", "unsendable"])
async def test_a_page_that_kills_its_reader_is_set_aside_and_others_are_read(
    collected: Connection, monkeypatch: pytest.MonkeyPatch, poison: str
) -> None:
    monkeypatch.setattr("collector.pipeline.reparse.processes_for", lambda _answers: 2)
    monkeypatch.setattr("collector.pipeline.reparse.BATCH", 10)
    before = await held(collected)
    poisoned = len(await (await collected.execute(POISONED)).fetchall())
    with monkeypatch.context() as patch:
        patch.setattr(pool, "read_batch", getattr(tests.poison, poison))
        changes = await read_again(collected)
    assert poisoned > 0
    assert changes.unreadable == poisoned
    assert await held(collected) == before
    for state, code, error, archived in await (await collected.execute(POISONED)).fetchall():
        assert (state, archived) == ("quarantined", True)
        assert (code, error.startswith("parser: ")) == ("own_error", True)
    assert (await read_again(collected)).unreadable == 0  # by readers that live
    assert {state for state, *_ in await (await collected.execute(POISONED)).fetchall()} == {"fetched"}


@pytest.mark.usefixtures("forked_readers")
async def test_where_no_reader_lives_nothing_is_changed(collected: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.pipeline.reparse.processes_for", lambda _answers: 2)
    monkeypatch.setattr(pool, "read_batch", tests.poison.dead)
    await collected.execute("UPDATE race SET distance = distance + 1")
    before = await held(collected)
    with pytest.raises(PaddockError, match="die as soon as they start"):
        await read_again(collected)
    assert await held(collected) == before


async def test_bytes_that_cannot_be_unpacked_cost_their_page_alone(collected: Connection) -> None:
    await collected.execute("UPDATE blob SET content = substr(content, 1, 99) WHERE encoding = 'zstd'")
    row = await (await collected.execute("SELECT count(*) FROM blob WHERE encoding = 'zstd'")).fetchone()
    assert row is not None
    before = await held(collected)
    assert (await read_again(collected)).unreadable >= row[0] > 0
    assert await held(collected) == before


async def test_only_what_takes_long_is_worth_more_processes() -> None:
    assert pool.processes_for(pool.FEW) == 0
    assert pool.processes_for(pool.FEW + 1) in (0, len(os.sched_getaffinity(0)))


MEASURE = """
import asyncio, resource, sys
from datetime import date
from pathlib import Path
import psycopg
from collector.pipeline.reparse import reparse

async def main():
    async with await psycopg.AsyncConnection.connect(sys.argv[1], autocommit=True) as connection:
        changes = await reparse(connection, date(1, 1, 1), dry_run=True, show=lambda done, total: None)
        print(changes.pages, changes.unreadable, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

asyncio.run(main())
"""


def store_graphs(conninfo: str, first: int, count: int) -> None:
    """Store the graphs of `count` horses; they all look the same."""
    races = Races(WORLD)
    horse_id = next(iter(races.registry.names))
    path, _, query = aptitude_url("", horse_id).partition("?")
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
                   INSERT INTO page (url, host, source, kind, role, about, dated, priority, state, digest, changed_at)
                   SELECT replace(%(url)s, %(horse)s, lpad(number::text, 10, '0')), 'h', 'netkeiba', 'aptitude',
                          'aptitude', lpad(number::text, 10, '0'),
                          '1970-01-01', 10, 'fetched', %(digest)s, now()
                   FROM generate_series(%(first)s::int, %(first)s + %(count)s - 1) AS number RETURNING id, url)
               INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, digest)
               SELECT id, 'h', url, now(), 0, 0, 'new', %(digest)s FROM stored""",
            {
                "url": aptitude_url("http://h", horse_id), "horse": horse_id, "digest": packed.digest,
                "first": first, "count": count,
            },
        )  # fmt: skip


def test_memory_does_not_grow_with_the_number_of_horses(conninfo: str) -> None:
    def peak(pages: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, conninfo],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        read, unreadable, megabytes = map(int, done.stdout.split())
        assert (read, unreadable) == (pages, 0)
        return megabytes

    store_graphs(conninfo, 1, 500)
    few = peak(500)
    store_graphs(conninfo, 501, 2000)
    assert peak(2500) < few + 8


STARTS_A_READER = """
import time
from collector.pipeline.pool import Work, _Reader
from tests.poison import own_pid
reader = _Reader(Work(own_pid, None, None, {}))
print(*reader.give([]).result(), flush=True)
time.sleep(60)
"""


def test_readers_end_with_the_process_that_started_them() -> None:
    process = subprocess.Popen([sys.executable, "-c", STARTS_A_READER], stdout=subprocess.PIPE, cwd=ROOT,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the reader is still there")
