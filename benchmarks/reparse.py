"""How many stored pages `collector reparse` reads in a second, with one process and with all cores, and at what cost.

    python benchmarks/reparse.py [--horses 2000]
    python benchmarks/reparse.py --results FOLDER    real results, one file a page, named <race_id>.bin

The look-alike's results, horses and aptitudes, or real results, are put into an embedded Postgres as a crawl leaves
them, and compressed by `archive repack`. They are read by the readers alone, which write nothing, then twice by
`reparse`: first into empty tables, then into tables that hold the same already. CPU seconds are counted for the
readers, the process that writes, and Postgres. `share` is the speed compared with that of the readers alone.
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
from collector.pipeline import reparse as reparsing
from collector.pipeline.pool import of_stored_answers, read_in_order
from collector.pipeline.repack import repack
from collector.pipeline.reparse import HISTORY, reparse
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import APTITUDE, HORSE, RACE_RESULT, aptitude_url, horse_id_of
from collector.storage import database
from collector.storage.archive import pack
from collector.storage.dictionaries import Dictionaries
from collector.storage.roles import UNDATED

SITE = "https://site.example"
AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = date(1, 1, 1)
TICKS = os.sysconf("SC_CLK_TCK")


def pages(horses: int) -> Iterator[tuple[str, date, str, bytes, str]]:
    """Kind, day, address, bytes and content type of the pages of this number of horses, and of their races."""
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


def real_results(folder: Path) -> Iterator[tuple[str, date, str, bytes, str]]:
    """The same of saved results."""
    for file in sorted(folder.glob("*.bin")):
        url = f"{SITE}/race/{file.stem}/"
        yield RACE_RESULT, date(int(file.stem[:4]), 1, 1), url, file.read_bytes(), "text/html; charset=euc-jp"


def fill(conninfo: str, found: Iterator[tuple[str, date, str, bytes, str]]) -> int:
    """Put the pages into a database, as a crawl leaves them; how many."""
    count = 0
    with psycopg.connect(conninfo) as connection:
        connection.execute("INSERT INTO host (name) VALUES ('site.example')")
        for kind, dated, url, body, media_type in found:
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


async def alone(conninfo: str, processes: int) -> float:
    """Pages a second of the readers alone."""
    facts = {"since": EVERYTHING, "history": [str(role) for role in HISTORY]}
    began, count = time.perf_counter(), 0
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        dictionaries = Dictionaries()
        await dictionaries.load(connection)
        stored = reparsing._stored(connection, facts)  # pyright: ignore[reportPrivateUsage]
        work = of_stored_answers(dictionaries.contents)
        async for batch in read_in_order(stored, processes if processes > 1 else 0, work):
            count += len(batch)
    return count / (time.perf_counter() - began)


async def compress(conninfo: str) -> None:
    """Train dictionaries and use them, as `collector archive repack` does."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await repack(connection, lambda _done, _total: None)


async def measure(conninfo: str, home: Path, processes: int, readers_alone: float) -> str:
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
        f"{processes or 1:9} {changes.pages:8,} {took:8.1f} {changes.pages / took:8.0f} {readers_alone:13.0f}"
        f" {changes.pages / took / readers_alone:6.2f} {readers:10.1f} {own:9.1f} {served:11.1f} {peak:8}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--horses", type=int, default=2000)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o711)  # root's Postgres runs as another user
        with database.opened(None, home) as conninfo:
            found = real_results(arguments.results) if arguments.results else pages(arguments.horses)
            print(f"{fill(conninfo, found):,} pages stored")
            asyncio.run(compress(conninfo))
            print(
                "processes    pages   wall s  pages/s  readers alone  share  readers s  writer s  Postgres s  peak MB"
            )
            for processes in (1, os.cpu_count() or 1):
                readers_alone = asyncio.run(alone(conninfo, processes))
                for _ in range(2):
                    print(asyncio.run(measure(conninfo, home, processes, readers_alone)), flush=True)
                with psycopg.connect(conninfo) as connection:
                    connection.execute("TRUNCATE race, entry, horse, aptitude CASCADE")


if __name__ == "__main__":
    main()
