"""How fast `collector export` writes ten years of races, in each format, and in how much memory.

    python benchmarks/take.py [--entries 800000]

Rows as of ten years are written straight into an embedded Postgres by SQL. Each format is then written by a process of
its own, whose peak memory is its own.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import psycopg

from collector.exports.export import Request, export
from collector.exports.formats import Format
from collector.exports.tables import TABLES
from collector.exports.target import Target
from collector.storage import database
from collector.storage.embedded import lease

A_RACE = 14  # entries
FILL = """
INSERT INTO horse (horse_id, name, horse_key, born, sex, coat, retired, sire, dam, damsire, source_url, observed_at)
SELECT 2005 + n % 18 || lpad(n::text, 6, '0'), 'ウマノナマエ' || n, 'ウマノナマエ' || n, date '2005-03-01' + n % 6000,
    (ARRAY['male', 'female', 'gelding'])[n % 3 + 1], '鹿毛', n % 2 = 0, 'チチ' || n % 300, 'ハハ' || n % 9000,
    'ハハチチ' || n % 300, 'https://db.example/horse/' || n || '/', now()
FROM generate_series(1, %(entries)s / 10) n;

INSERT INTO race (race_id, race_date, racecourse, meeting_number, meeting_day, race_number, name, race_class,
    conditions, surface, direction, course, distance, weather, going, start_time, prizes, source_url, observed_at)
SELECT lpad((201600000000 + n)::text, 12, '0'), date '2016-01-05' + n / 24, '東京', 1, 1, n % 12 + 1,
    '第' || n || '回特別', '3歳未勝利', '(混)[指](馬齢)', (ARRAY['turf', 'dirt', 'jump'])[n % 3 + 1], 'left', '外',
    1000 + n % 27 * 100,
    'fine', 'firm', time '10:05', '{550, 220, 140, 83, 55}', 'https://db.example/race/' || n || '/', now()
FROM generate_series(0, %(entries)s / %(a_race)s) n;

INSERT INTO entry (race_id, horse_id, horse_name, horse_key, bracket_number, horse_number, sex, age, carried_weight,
    jockey, jockey_id, trainer, trainer_id, trainer_base, owner, owner_id, finish, finish_position, finish_time, margin,
    positions_at_bends, last_3f, odds, favorite_rank, horse_weight, horse_weight_change, prize, source_url, observed_at)
SELECT lpad((201600000000 + n / %(a_race)s)::text, 12, '0'), 2005 + h % 18 || lpad(h::text, 6, '0'),
    'ウマノナマエ' || h, 'ウマノナマエ' || h, n % 8 + 1, n % 14 + 1, 'male', 3 + n % 5, 54 + n % 5, '騎手' || n % 200,
    lpad((n % 200)::text, 5, '0'), '調教師' || n % 300, lpad((n % 300)::text, 5, '0'), '東', '馬主' || n % 900,
    lpad((n % 900)::text, 6, '0'), 'finished', n % 14 + 1, 60 + n % 900 / 10.0, 'クビ',
    ARRAY[n % 14 + 1, n % 13 + 1, n % 12 + 1, n % 11 + 1], 33 + n % 60 / 10.0, 1 + n % 900 / 10.0, n % 14 + 1,
    420 + n % 100, n % 12 - 6, n % 500 / 2.0, 'https://db.example/race/' || n / %(a_race)s || '/', now()
FROM (SELECT n, 1 + (n * 7919::bigint % (%(entries)s / 10))::int AS h
    FROM generate_series(0, %(entries)s - 1) n) AS drawn
ON CONFLICT DO NOTHING;

INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)
SELECT 2005 + n % 18 || lpad(n::text, 6, '0'), axis, 50, 66, 66 / 116.0, n % 40,
    'https://db.example/horse/' || n || '/', now() - seen * interval '30 days'
FROM generate_series(1, %(entries)s / 320) n, unnest(ARRAY['surface', 'distance', 'running_style', 'maturity',
    'wet_going']) axis, generate_series(0, 2) seen;
ANALYZE;
"""


def fill(conninfo: str, entries: int) -> int:
    """Write the rows of so many entries; how many entries there are."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        statements = FILL.replace("%(entries)s", str(entries)).replace("%(a_race)s", str(A_RACE))
        connection.execute(statements.encode())
        row = connection.execute("SELECT count(*) FROM entry").fetchone()
    assert row
    return row[0]


def measure(conninfo: str, file_format: Format, folder: Path) -> None:
    """Write one format, and say what that took."""
    name = file_format if file_format.in_folder else f"paddock.{file_format}"
    began = time.perf_counter()
    exported = export(conninfo, Request(Target(folder / name, file_format), list(TABLES.values())))
    took = time.perf_counter() - began
    rows = sum(exported.rows.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000  # MB
    print(
        f"{file_format:<8} {rows:>9,} rows {took:6.1f} s {rows / took:>9,.0f} rows/s  peak {peak:4.0f} MB"
        f"  {exported.size / 1e6:6.1f} MB on disk",
        flush=True,
    )


def main() -> None:
    """Fill, then write every format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=800_000)
    parser.add_argument("--formats", nargs="*", default=list(Format))
    given = parser.parse_args()
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="paddock-take-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with lease(folder / "postgres", fast_and_unsafe=True) as socket:
            conninfo = database.conninfo_for(socket)
            database.upgrade(conninfo)
            began = time.perf_counter()
            print(
                f"{fill(conninfo, given.entries):,} entries filled in {time.perf_counter() - began:.0f} s", flush=True
            )
            for file_format in map(Format, given.formats):
                process = processes.Process(target=measure, args=(conninfo, file_format, folder))
                process.start()
                process.join()


if __name__ == "__main__":
    main()
