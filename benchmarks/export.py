"""Exports the same photos from the same Postgres with three programs, each in a process of its own, and compares.

    pip install -e '.[trainer,test]' img2dataset
    python benchmarks/export.py [--photos 10000] [--rounds 1] [--folder /tmp]

img2dataset cannot read a database: its photos lie ready as files, which took time that is not counted. Peak memory is
of all processes of a program together, each shared page once; Postgres is not counted.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.conninfo import make_conninfo

from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import Picture, World
from collector.storage import database
from collector.storage.embedded import lease

HERE = Path(__file__).parent
PROGRAMS = {
    "paddock": ("export_with_paddock.py", "pyarrow"),
    "datasets": ("export_with_datasets.py", "datasets"),
    "img2dataset": ("export_with_img2dataset.py", "img2dataset"),
}
SIZE = 30_000  # bytes of a photo
AN_ISSUE, A_HORSE = 80, 3  # photos
DRAWN = 64  # photos drawn: more than any packer's window holds
BATCH = 5_000  # photos filled in at once

# Every photo is a drawn one with a comment of its own behind its first two bytes, so that it still decodes; the comment
# holds a number and parts of another photo, so that a program that packs photos finds nothing to pack.
FILL = (
    """INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)
    SELECT 'bench', to_char(day, 'YYMMDD'), day, '{}', 'http://x/', '2026-11-01'
    FROM (SELECT date '2005-01-01' + issue AS day FROM generate_series(0, %(photos)s / %(an_issue)s) issue)""",
    """INSERT INTO horse (horse_id, name, horse_key, born, sex, coat, sire, source_url, observed_at)
    SELECT 'h' || lpad(horse::text, 9, '0'), 'ウマ' || horse, 'ウマ' || horse, '2010-03-01', 'male', '鹿毛', 'チチ',
        'http://x/horse/', '2026-11-01' FROM generate_series(0, %(photos)s / %(a_horse)s) horse""",
    """INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)
    SELECT horse_id, 'distance', 116 - px, px, px / 116.0, 1 + px %% 9, source_url, '2026-11-02'
    FROM (SELECT *, 1 + (id * 37 %% 115)::int AS px FROM horse)""",
)
FILL_PHOTOS = """
WITH made AS (
    SELECT n, date '2005-01-01' + n / %(an_issue)s AS day, 'h' || lpad((n / %(a_horse)s)::text, 9, '0') AS horse_id,
        '\\xffd8fffe'::bytea || int2send((%(size)s - length(jpeg) - 2)::int2)
        || convert_to(lpad(n::text, 9, '0'), 'UTF8')
        || substr(other, 1000, %(size)s - length(jpeg) - 13) || substr(jpeg, 3) AS body
    FROM generate_series(%(first)s::int, %(last)s::int) n,
        LATERAL (SELECT %(jpegs)s::bytea[] AS jpegs) pool,
        LATERAL (SELECT jpegs[1 + n %% %(drawn)s] AS jpeg, jpegs[1 + n / %(drawn)s %% %(drawn)s] AS other) pair),
kept AS (INSERT INTO blob (digest, media_type, size, encoding, content)
    SELECT encode(sha256(body), 'hex'), 'image/jpeg', length(body), '', body FROM made),
matched AS (INSERT INTO photo_match (source, issue_code, number, horse_id, rule, decided_at)
    SELECT 'bench', to_char(day, 'YYMMDD'), 1 + n %% %(an_issue)s, horse_id, 'name', '2026-11-01' FROM made)
INSERT INTO photo (source, issue_code, number, race_name, horse_name, horse_key, page_url, image_url, coat, sex, age,
    digest, media_type, width, height, phash, source_url, observed_at)
SELECT 'bench', to_char(day, 'YYMMDD'), 1 + n %% %(an_issue)s, '天皇賞', horse_id, horse_id, 'http://x/' || n,
    'http://x/' || n || '.jpg', '鹿毛', '牡', 4, encode(sha256(body), 'hex'), 'image/jpeg', 304, 228,
    ('x' || md5(n::text) || md5('b' || n::text))::bit(256), 'http://x/' || n, '2026-11-01'
FROM made
"""


@dataclass(frozen=True)
class Cost:
    """What one export took."""

    wall: float  # seconds, start of the program included
    cpu: float  # seconds, user and system, of the program
    peak: float  # MB
    written: float  # MB


def fill(conninfo: str, photos: int) -> None:
    """Put so many photos with everything that an export asks for into a migrated database."""
    jpegs = [draw_photo(Picture(horse, "bench")) for horse in islice(World().horses(), DRAWN)]
    counts = {"photos": photos, "an_issue": AN_ISSUE, "a_horse": A_HORSE}
    pool = {"jpegs": jpegs, "drawn": DRAWN, "size": SIZE}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        # Foreign keys hold by construction; blobs come in the same statement as their photos.
        connection.execute("SET session_replication_role = replica")
        for statement in FILL:
            connection.execute(statement.encode(), counts)
        for begin in range(0, photos, BATCH):
            span = {"first": begin, "last": min(begin + BATCH, photos) - 1}
            connection.execute(FILL_PHOTOS.encode(), counts | pool | span)
        connection.execute("VACUUM ANALYZE")


def lay_out(conninfo: str, folder: Path) -> None:
    """The photos as files."""
    folder.mkdir()
    with psycopg.connect(conninfo) as connection, connection.cursor("bodies", binary=True) as cursor:
        cursor.itersize = 200
        for digest, content in cursor.execute("SELECT digest, content FROM blob"):
            (folder / f"{digest}.jpg").write_bytes(content)


def shared_fairly(session: int) -> float:
    """Memory (MB) of all processes of a session, pages that several share counted once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue  # it has just ended
    return total / 1024


def measure(program: str, conninfo: str, bodies: Path, out: Path, photos: int) -> Cost:
    """One export into an empty folder."""
    out.mkdir()
    os.sync()  # what the program before has written is not this one's to wait for
    command = [sys.executable, str(HERE / PROGRAMS[program][0]), conninfo, str(bodies), str(out)]
    began, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, shared_fairly(process.pid))
        time.sleep(0.1)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    said, _ = process.communicate()
    if process.returncode or int(said.split()[-1]) != photos:
        raise SystemExit(f"{program} exported {said!r} of {photos} photos and ended with {process.returncode}")
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    return Cost(wall, usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss / 1024), written)


def report(rounds: list[dict[str, Cost]], photos: int) -> None:
    print(f"\n{photos:,} photos of {SIZE // 1000} kB; medians of {len(rounds)} rounds; peak: the highest")
    print(
        f"{'':12}{'photos/s':>10}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'written MB':>12}{'times as fast as this':>24}"
    )
    for name in rounds[0]:
        costs = [each[name] for each in rounds]
        wall = statistics.median(cost.wall for cost in costs)
        cpu = statistics.median(cost.cpu for cost in costs)
        faster = statistics.median(each[name].wall / each["paddock"].wall for each in rounds)
        peak = max(cost.peak for cost in costs)
        print(f"{name:12}{photos / wall:10.0f}{wall:9.1f}{cpu:9.1f}{peak:9.0f}{costs[0].written:12.0f}{faster:24.2f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--photos", type=int, default=10_000, metavar="N")
    options.add_argument("--rounds", type=int, default=1, metavar="N")
    options.add_argument("--folder", type=Path, help="where there is room for four times the photos")
    asked = options.parse_args()
    programs = [name for name, (_, module) in PROGRAMS.items() if find_spec(module)]
    for missing in PROGRAMS.keys() - set(programs):
        print(f"{missing} is not installed and left out: pip install {missing}")
    rounds: list[dict[str, Cost]] = []
    with TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with lease(folder / "postgres", fast_and_unsafe=True) as cluster:
            conninfo = database.conninfo_for(make_conninfo(cluster))
            database.upgrade(conninfo)
            fill(conninfo, asked.photos)
            if "img2dataset" in programs:
                lay_out(conninfo, folder / "bodies")
            for number in range(asked.rounds):
                costs = {}
                for program in programs:
                    with TemporaryDirectory(dir=folder) as out:
                        costs[program] = measure(program, conninfo, folder / "bodies", Path(out, "out"), asked.photos)
                    print(f"round {number + 1}: {program} {costs[program].wall:.1f} s", flush=True)
                rounds.append(costs)
    report(rounds, asked.photos)


if __name__ == "__main__":
    main()
