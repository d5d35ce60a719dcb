"""Crawls the same static site into the same Postgres with four programs, in turn, and prints what each costs.

    pip install -e '.[bench]'
    python benchmarks/crawl.py [--rounds 3]

CPU is the crawler's own process and those that it starts (decoders), start included, and beside it the own process
alone; the site and Postgres run elsewhere. Medians, and the ratio to this project within the same round, since machines
drift. Linux.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.conninfo import make_conninfo

from collector.demo.world.world import World
from collector.storage import database
from collector.storage.embedded import lease

HERE = Path(__file__).parent
PROGRAMS = {
    "paddock": ("with_paddock.py", "collector"),
    "least code": ("least.py", "aiohttp"),
    "crawlee": ("with_crawlee.py", "crawlee"),
    "scrapy": ("with_scrapy.py", "scrapy"),
}


@dataclass(frozen=True)
class Cost:
    """What one crawl took."""

    cpu: float  # seconds, user and system
    own: float  # of it in the crawler's own process
    wall: float  # seconds
    peak: float  # MB of resident memory
    photos: int


@contextmanager
def static_site() -> Iterator[str]:
    """The site in a process of its own; its base URL."""
    with subprocess.Popen([sys.executable, str(HERE / "static_site.py")], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def crawl(program: str, base: str, cluster: str) -> Cost:
    """One crawl into a fresh database."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        connection.execute("CREATE DATABASE bench")
    conninfo = make_conninfo(cluster, dbname="bench")
    if program == "paddock":
        database.upgrade(database.conninfo_for(conninfo))
    years = ",".join(str(year) for year in World().years)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(HERE / PROGRAMS[program][0]), base, years, conninfo])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    own = own_seconds(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{program} failed with exit code {process.returncode}")
    column = "digest" if program == "paddock" else "NULLIF(content, '')"
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(f"SELECT count({column}) FROM photo").fetchone()  # pyright: ignore
    assert row is not None
    peak = usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    return Cost(usage.ru_utime + usage.ru_stime, own, wall, peak, row[0])


def own_seconds(pid: int) -> float:
    """The CPU of a process that has ended and that nobody has waited for yet, without that of its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def requests_made(cluster: str) -> int:
    """How many requests the last crawl of this project made."""
    with psycopg.connect(make_conninfo(cluster, dbname="bench")) as connection:
        row = connection.execute("SELECT count(*) FROM fetch_log").fetchone()
    assert row is not None
    return row[0]


def report(rounds: list[dict[str, Cost]], requests: int) -> None:
    print(f"\n{requests} requests; medians of {len(rounds)} rounds")
    print(
        f"{'':12}{'CPU s':>8}{'own':>8}{'ms/request':>12}{'wall s':>9}{'peak MB':>9}{'photos':>8}"
        f"{'CPU of paddock to this':>25}{'own':>8}"
    )
    for name in rounds[0]:
        costs = [each[name] for each in rounds]
        cpu = statistics.median(cost.cpu for cost in costs)
        own = statistics.median(cost.own for cost in costs)
        ratio = statistics.median(each["paddock"].cpu / each[name].cpu for each in rounds)
        own_ratio = statistics.median(each["paddock"].own / each[name].own for each in rounds)
        wall = statistics.median(cost.wall for cost in costs)
        peak = max(cost.peak for cost in costs)
        print(
            f"{name:12}{cpu:8.2f}{own:8.2f}{1000 * cpu / requests:12.3f}{wall:9.1f}{peak:9.0f}{costs[0].photos:8}"
            f"{ratio:25.2f}{own_ratio:8.2f}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=3, metavar="N")
    rounds_wanted = options.parse_args().rounds
    programs = [name for name, (_, module) in PROGRAMS.items() if find_spec(module)]
    for missing in PROGRAMS.keys() - set(programs):
        print(f"{missing} is not installed and left out: pip install -e '.[bench]'")
    rounds: list[dict[str, Cost]] = []
    requests = 0
    with TemporaryDirectory() as folder, static_site() as base:
        Path(folder).chmod(0o711)
        with lease(Path(folder) / "postgres") as cluster:
            for number in range(rounds_wanted):
                costs = {}
                for name in programs:
                    costs[name] = crawl(name, base, cluster)
                    if name == "paddock":
                        requests = requests_made(cluster)
                    print(f"round {number + 1}: {name} {costs[name].cpu:.2f} s CPU", flush=True)
                rounds.append(costs)
    if len({cost.photos for cost in rounds[0].values()}) > 1:
        print("The programs do not hold the same number of photos: the comparison is unfair.")
    report(rounds, requests)


if __name__ == "__main__":
    main()
