"""How many stored pages `collector reparse` reads in a second, with one process and with all cores, and at what cost.

    python benchmarks/reparse.py [--horses 2000]

The look-alike's results, horses, aptitudes and photo pages are put into an embedded Postgres as a crawl leaves them,
then read again. CPU seconds are told apart: the readers, the process that writes, and Postgres.
"""

import argparse
import asyncio
import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from collector.demo.netkeiba import site as netkeiba_site
from collector.demo.world.races import Races
from collector.demo.world.world import World
from collector.pipeline import pool
from collector.pipeline.reparse import reparse
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import APTITUDE, HORSE, RACE_RESULT, aptitude_url, horse_id_of
from collector.storage import database
from collector.storage.archive import pack
from collector.storage.roles import UNDATED

SITE = "https://site.example"
AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = date(1, 1, 1)
TICKS = os.sysconf("SC_CLK_TCK")


def pages(horses: int) -> Iterator[tuple[str, date, str, bytes, str]]:
    """Kind, day, address, bytes and content type of pages of so many horses, and of their races."""
    world = World(issues_per_year=50)
    races = Races(world)
    seen = dict[str, None]()
    for year in world.years:
        for issue in world.issues(year):
            for race in (race for day in issue.race_days for race in races.on(day)):
                seen |= dict.fromkeys(entry.horse.horse_id for entry in race.entries)
                yield RACE_RESULT, race.day, *served(world, f"/race/{race.race_id}/")
            if len(seen) >= horses:
                break
        if len(seen) >= horses:
            break
    for horse_id in list(seen)[:horses]:
        yield HORSE, UNDATED, *served(world, f"/horse/{horse_id}/")
        path = aptitude_url("", horse_id)
        yield APTITUDE, UNDATED, *served(world, path)


def served(world: World, path: str) -> tuple[str, bytes, str]:
    """Where a page stands, and how it is answered."""
    bare, _, query = path.partition("?")
    answer = netkeiba_site.answer_path(world, bare, query)
    assert answer is not None
    return SITE + path, answer.body, answer.media_type


def fill(conninfo: str, horses: int) -> int:
    """Put the pages into a database, as a crawl leaves them; how many."""
    count = 0
    with psycopg.connect(conninfo) as connection:
        connection.execute("INSERT INTO host (name) VALUES ('site.example')")
        for kind, dated, url, body, media_type in pages(horses):
            its = NETKEIBA.kind(kind)
            about = None if kind == RACE_RESULT else horse_id_of(url)
            packed = pack(body, media_type, hashlib.sha256(body).hexdigest())
            connection.execute(
                "INSERT INTO blob VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (packed.digest, packed.media_type, packed.size, packed.encoding, packed.content),
            )
            row = connection.execute(
                """INSERT INTO page (url, host, source, kind, role, about, dated, priority, state, digest,
                                     changed_at)
                   VALUES (%s, 'site.example', 'netkeiba', %s, %s, %s, %s, %s, 'fetched', %s, %s) RETURNING id""",
                (url, kind, its.role, about, dated, its.rank, packed.digest, AT),
            ).fetchone()
            assert row is not None
            connection.execute(
                """INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, digest)
                   VALUES (%s, 'site.example', %s, %s, 0, 0, 'new', %s)""",
                (row[0], url, AT, packed.digest),
            )
            count += 1
    return count


def postgres_seconds(home: Path) -> float:
    """CPU seconds of the server and all it has started, those that have ended included."""
    pid = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(folder.name) == pid:
                total += sum(map(int, fields[11:15])) / TICKS
            elif int(fields[1]) == pid:
                total += sum(map(int, fields[11:13])) / TICKS
    return total


async def measure(conninfo: str, home: Path, processes: int) -> str:
    """One run, as a line."""
    pool.FEW = 0 if processes > 1 else 10**9
    before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    server, began = postgres_seconds(home), time.perf_counter()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        changes = await reparse(connection, EVERYTHING, dry_run=False, show=lambda _done, _total: None)
        took, served = time.perf_counter() - began, postgres_seconds(home) - server
    after = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    own, readers = (
        now.ru_utime + now.ru_stime - then.ru_utime - then.ru_stime for then, now in zip(before, after, strict=True)
    )
    peak = after[0].ru_maxrss // 1024
    return (
        f"{processes or 1:9} {changes.pages:8,} {took:8.1f} {changes.pages / took:8.0f} {readers:9.1f} {own:9.1f}"
        f" {served:9.1f} {peak:8}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--horses", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o711)  # root's Postgres runs as another user
        with database.opened(None, home) as conninfo:
            print(f"{fill(conninfo, arguments.horses):,} pages stored")
            print("processes    pages   wall s  pages/s  readers s  writer s  Postgres s  peak MB")
            for processes in (1, os.cpu_count() or 1):
                print(asyncio.run(measure(conninfo, home, processes)), flush=True)


if __name__ == "__main__":
    main()
