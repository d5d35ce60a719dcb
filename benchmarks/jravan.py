"""How long `collector import --jravan` takes for ten years, how much memory, and how long a second import takes.

    python benchmarks/jravan.py [--years 10] [--converter jrvltsql]

The tables are made up: 3,450 races a year with 14 horses each, and 5,000 horses born in a year, as with the JRA.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from random import Random

import psycopg
from bring import cpu
from reparse import postgres_seconds

sys.path.insert(0, str(Path(__file__).parents[1]))

from collector.imports.identify import Places
from collector.imports.jravan import bring_jravan
from collector.imports.jravan_open import opened
from collector.imports.report import Report
from collector.settings import Settings
from collector.sources.jravan.shapes import SHAPES
from collector.sources.registry import archived_sites
from collector.storage import database
from collector.storage.embedded import lease
from tests.licensed import Record, Tables, entry, horse, race, to_sqlite

RACES_A_YEAR, HORSES_A_RACE, BORN_A_YEAR = 3_450, 14, 5_000
KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノ"


def made_up(years: int) -> Tables:
    """Ten years of racing, or as many as are wanted."""
    random, first = Random(20), 2026 - years
    born = {year: [f"{year}10{number:04}" for number in range(100, 100 + BORN_A_YEAR)]
            for year in range(first - 5, 2025)}  # fmt: skip
    names = {number: "".join(random.choices(KANA, k=7)) for numbers in born.values() for number in numbers}
    tables = Tables(horses=[horse(number, name) for number, name in names.items()])
    for year in range(first, 2026):
        for one in _races(year):
            tables.races.append(one)
            age = random.choice((2, 3, 3, 3, 4, 4, 5))
            running = random.sample(born[year - age], HORSES_A_RACE)
            tables.entries += [entry(one, place, number, names[number]) for place, number in enumerate(running, 1)]
    return tables


def _races(year: int) -> Iterator[Record]:
    for number in range(RACES_A_YEAR):
        day, on_day = divmod(number, 36)
        course, of_course = divmod(on_day, 12)
        when = date(year, 1, 4) + timedelta(days=day * 7 // 2)
        race_id = f"{year}{course + 4:02}{day // 12 + 1:02}{day % 12 + 1:02}{of_course + 1:02}"
        yield race(race_id, f"{when:%Y%m%d}", MakeDate=f"{when + timedelta(days=3):%Y%m%d}")


async def bring(conninfo: str, path: str) -> tuple[float, Report]:
    """One import, and how long it takes."""
    report, began = Report(), time.perf_counter()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        with opened(path) as source:
            places = Places(archived_sites(Settings()))
            await bring_jravan(connection, source, places, report, dry_run=False, show=lambda _: None)
    return time.perf_counter() - began, report


def make(path: str, years: int, converter: str) -> tuple[int, int, int]:
    """Make a database; how many races, entries and horses it has."""
    tables = made_up(years)
    to_sqlite(Path(path), SHAPES[converter], tables)
    return len(tables.races), len(tables.entries), len(tables.horses)


def main() -> None:
    """Make a database, bring it twice, and say what that took."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--years", type=int, default=10)
    words.add_argument("--converter", choices=list(SHAPES), default="jrvltsql")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="paddock-jravan-") as folder:
        Path(folder).chmod(0o755)
        with ProcessPoolExecutor(1) as beside:  # so that its memory is not counted
            path = str(Path(folder) / "keiba.db")
            races, entries, horses = beside.submit(make, path, given.years, given.converter).result()
        print(f"{races:,} races, {entries:,} entries, {horses:,} horses; {Path(path).stat().st_size / 1e6:.0f} MB")
        with lease(Path(folder) / "postgres", fast_and_unsafe=True) as socket:
            conninfo = database.conninfo_for(socket)
            database.upgrade(conninfo)
            for which in ("first", "second"):
                before, server = cpu(), postgres_seconds(Path(folder))
                seconds, report = asyncio.run(bring(conninfo, path))
                own, readers = (now - then for now, then in zip(cpu(), before, strict=True))
                rows = (races + entries + horses) / seconds
                print(f"{which}: {seconds:.1f} s, {rows:,.0f} rows a second, {report.brought} pages brought")
                print(
                    f"    CPU seconds: {readers:.1f} of the readers, {own:.1f} of the process that writes, "
                    f"{postgres_seconds(Path(folder)) - server:.1f} of Postgres"
                )
            with psycopg.connect(conninfo) as connection:
                held = connection.execute("SELECT pg_database_size(current_database()), sum(length(content)) FROM blob")
                size, archived = held.fetchone() or (0, 0)
            print(f"database {size / 1e6:.0f} MB, of it {archived / 1e6:.0f} MB of archived records")
    print(f"peak memory of the process that imports: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
