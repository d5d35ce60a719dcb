"""How long `collector serve` takes to answer over 100,000 photos of 30,000 horses: prints a Markdown table.

    python benchmarks/serve.py [--seconds 20] [--rates 10 50 100] [--only searches]

The collection is made once, in a folder of its own, which is used again; `--home` measures one that is there (its
thumbnails are made anew). The server has a core to itself; Postgres and the load share the others, and in the last
rows Postgres shares the server's. The load is open, and each of several clients stays within the limit for one. CPU is
of a request, in the server and in Postgres; `others` is how many cores were taken meanwhile by what has nothing to do
with it: times of rows where that is not about 0 say little. Linux.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import searches
from many_photos import PHOTOS, fill
from open_loop import COLUMNS, arrivals, clients_for, drive, row, rule, told
from processes import Postgres, busy, cpu, memory, server
from yarl import URL

from collector.storage import database
from collector.web.app import cost_of
from collector.web.search.renewal import renew

RATES = (10.0, 50.0, 100.0)  # requests a second
WHILE_RENEWED = 50.0  # requests a second
PATIENCE = 60.0  # seconds for the server's first renewal
KINDS = ("searches", "suggestions", "horses", "thumbnails")
HEAD = ("asked for", "a second", *COLUMNS, "CPU ms", "of Postgres", "MB before (most)", "after (most)", "others")
HOME = Path(tempfile.gettempdir()) / "paddock-many-photos"
RENEWED = "SELECT last_analyze FROM pg_stat_user_tables WHERE relname = 'horse_search'"  # a renewal's last step
STORED = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'thumbnail'"
HELD = "SELECT count(*) FROM thumbnail"


@dataclass(frozen=True)
class Served:
    """A server on a collection."""

    conninfo: str
    postgres: Postgres
    base: str  # its address
    process: int
    cores: set[int]

    async def ask(self, path: str, session: aiohttp.ClientSession) -> int:
        """Ask for what is at a path; the status of the answer."""
        async with session.get(URL(self.base + path, encoded=True)) as answer:
            await answer.read()
            return answer.status

    async def measure(self, name: str, paths: Iterator[str], rate: float, seconds: float) -> None:
        """Ask for the next paths so often for so long, and print what came of it."""
        asked = list(islice(paths, len(arrivals(rate, seconds))))
        clients = clients_for(rate, cost_of(f"/{asked[0]}"))
        held, began, before = memory(self.process), time.monotonic(), self._used()
        outcomes = await drive(lambda session, number: self.ask(asked[number], session), rate, seconds, clients)
        used = [after - one for after, one in zip(self._used(), before, strict=True)]
        spent = [f"{1000 * one / len(outcomes):.1f}" for one in used[:2]]
        others = (used[3] - sum(used[:3])) / (time.monotonic() - began)
        cells = [name, f"{rate:g}", *told(outcomes), *spent, held, memory(self.process), f"{others:.2f}"]
        print(row(cells), flush=True)

    def _used(self) -> tuple[float, float, float, float]:
        """Seconds of CPU: of the server, of Postgres, of the load, of the whole machine."""
        return cpu(self.process), self.postgres.cpu(), time.process_time(), busy()


def value(conninfo: str, query: str) -> Any:
    """The one value of a query; None where it has none."""
    with psycopg.connect(conninfo) as connection:
        found = connection.execute(query.encode()).fetchone()
        return found[0] if found else None


@contextmanager
def collection(home: Path) -> Iterator[str]:
    """The photos in a database, put there where they are not; no thumbnail of them has been made yet."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)  # Postgres runs as another user where we are root
    with database.opened(None, home) as conninfo:
        if not value(conninfo, "SELECT count(*) FROM photo"):
            print(f"making {PHOTOS:,} photos in {home}", file=sys.stderr)
            fill(conninfo)
        asyncio.run(renew_once(conninfo))
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("TRUNCATE thumbnail")
            connection.execute("VACUUM ANALYZE")
        yield conninfo


async def renew_once(conninfo: str) -> None:
    """Make the search's views what the tables say."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await renew(connection)


async def renew_always(conninfo: str) -> None:
    """One renewal after the other."""
    while True:
        await renew_once(conninfo)


def wait_for_renewal(conninfo: str, since: datetime) -> None:
    """Wait until the server has renewed the views, which it does when it starts."""
    give_up_at = time.monotonic() + PATIENCE
    while (done := value(conninfo, RENEWED)) is None or done < since:
        if time.monotonic() > give_up_at:
            sys.exit("the server does not renew the search's views")
        time.sleep(0.5)


async def measure_searches(served: Served, known: searches.Known, rates: list[float], seconds: float) -> None:
    """Searches: alone, while the views are renewed, and with Postgres on the server's core."""
    count = sum(len(arrivals(rate, seconds)) for rate in (*rates, WHILE_RENEWED, *rates))
    paths = iter(await searches.searches(served.conninfo, known, count))
    for rate in rates:
        await served.measure("searches", paths, rate, seconds)
    renewing = asyncio.create_task(renew_always(served.conninfo))
    await served.measure("searches while the views are renewed", paths, WHILE_RENEWED, seconds)
    renewing.cancel()
    with suppress(asyncio.CancelledError):
        await renewing
    apart = os.sched_getaffinity(served.postgres.processes()[0])
    served.postgres.move(served.cores)
    for rate in rates:
        await served.measure("searches, Postgres on the same core", paths, rate, seconds)
    served.postgres.move(apart)


async def measure_thumbnails(served: Served, known: searches.Known, rates: list[float], seconds: float) -> None:
    """Thumbnails: the first time and again, and whether each was made once."""
    made = searches.thumbnails(known)[: sum(len(arrivals(rate, seconds)) for rate in rates)]
    before = value(served.conninfo, STORED)
    for name in ("thumbnails, the first time", "thumbnails, again"):
        paths = iter(made)
        for rate in rates:
            await served.measure(name, paths, rate, seconds)
    await asyncio.sleep(2.0)  # until Postgres has counted
    held, stored = value(served.conninfo, HELD), value(served.conninfo, STORED) - before
    print(f"\n{len(made)} thumbnails were asked for, each twice; {stored} were stored, {held} are held.\n")


async def measure(served: Served, kinds: list[str], rates: list[float], seconds: float) -> None:
    """Measure all kinds of requests, and print a table."""
    known = searches.Known.read(served.conninfo)
    print(row(HEAD), rule(HEAD), sep="\n")
    for kind in kinds:
        if kind == "searches":
            await measure_searches(served, known, rates, seconds)
        elif kind == "thumbnails":
            await measure_thumbnails(served, known, rates, seconds)
        else:
            paths = searches.suggestions(known) if kind == "suggestions" else searches.horses(known)
            for rate in rates:
                await served.measure(kind, paths, rate, seconds)


def main() -> None:
    """Make the collection, serve it, measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the collection, %(default)s")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each row")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="requests a second")
    parser.add_argument("--only", choices=KINDS, help="one kind of requests")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    own, others = {cores[0]}, set(cores[1:] or cores)
    os.sched_setaffinity(0, others)  # Postgres is started from here
    environment = os.environ | {"PADDOCK_HOME": str(options.home)}  # noqa: TID251
    words = ["-c", "from collector.cli.app import main; main()", "serve", "--port", "0"]
    with collection(options.home) as conninfo:
        began = value(conninfo, "SELECT clock_timestamp()")
        with server(words, environment, own) as (base, process):
            wait_for_renewal(conninfo, began)
            print(f"{len(cores)} cores, load average {os.getloadavg()[0]:.1f} before\n")
            served = Served(conninfo, Postgres(options.home), base, process, own)
            asyncio.run(
                measure(served, [options.only] if options.only else list(KINDS), options.rates, options.seconds)
            )


if __name__ == "__main__":
    main()
