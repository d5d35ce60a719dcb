"""How many saved pages `collector import` brings in a second, beside what reading them alone takes, and at what cost.

    python benchmarks/bring.py [--pages 5000] [--folder pages/] [--as race_result]

Results and horses of the look-alike are made as large as real ones and saved as files, unless a folder has pages. CPU
seconds are told apart: the readers, the process that writes, and Postgres.
"""

import argparse
import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path

import psycopg
from reparse import pages, postgres_seconds

from collector.imports.bring import Import, cores, in_batches
from collector.imports.files import Files
from collector.imports.identify import Places, read_kind
from collector.imports.read import work
from collector.imports.report import Report
from collector.pipeline.pool import read_in_order
from collector.settings import Settings
from collector.sources.netkeiba.urls import HORSE, RACE_RESULT
from collector.sources.registry import sites, sources
from collector.storage import database
from collector.storage.dictionaries import Dictionaries

REAL_SIZE = 82_000  # bytes
SITES = sites(Settings(home=Path()))


def save(folder: Path, count: int) -> None:
    """Files as people keep them."""
    saved = 0
    for kind, _, url, body, _ in pages(count):
        if kind not in (RACE_RESULT, HORSE):
            continue
        path = folder / kind / f"{url.rstrip('/').rpartition('/')[2]}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body.replace(b"</body>", b"<!-- %s --></body>" % (b"." * max(0, REAL_SIZE - len(body)))))
        saved += 1
        if saved >= count:
            return


def cpu() -> tuple[float, float]:
    """CPU seconds of this process, and of those it has started that have ended."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    own, others = (usage.ru_utime + usage.ru_stime for usage in usages)
    return own, others


async def read_alone(folder: Path, wanted: tuple[str, str] | None) -> str:
    """The readers, and nothing that is done with what they read."""
    began, before, count = time.perf_counter(), cpu(), 0
    batches = in_batches(Files([folder]).captures(), lambda _: None)
    async for batch in read_in_order(batches, cores(), work(Places(SITES, wanted), Dictionaries(), late=False)):
        count += len(batch)
    return line("readers alone", count, time.perf_counter() - began, before, 0.0)


async def bring(conninfo: str, home: Path, folder: Path, wanted: tuple[str, str] | None, title: str) -> str:
    """One import."""
    began, before, server = time.perf_counter(), cpu(), postgres_seconds(home)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        report = Report()
        bringing = Import(
            connection, Files([folder]), Places(SITES, wanted), report, dry_run=False, show=lambda *_: None
        )
        await bringing.run()
        took, served = time.perf_counter() - began, postgres_seconds(home) - server
    return line(title, report.captures, took, before, served)


def line(title: str, count: int, took: float, before: tuple[float, float], served: float) -> str:
    own, readers = (now - then for now, then in zip(cpu(), before, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"{title:14} {count:8,} {took:8.1f} {count / took:8.0f} {readers:9.1f} {own:9.1f} {served:10.1f} {peak:8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--as", dest="kind")
    arguments = parser.parse_args()
    wanted = read_kind(arguments.kind, sources().values())
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        home.chmod(0o711)  # root's Postgres runs as another user
        folder = arguments.folder or home / "pages"
        if not arguments.folder:
            folder.mkdir()
            save(folder, arguments.pages)
        print(f"{os.cpu_count()} cores; {sum(1 for _ in folder.rglob('*.bin')):,} pages saved")
        print("                  pages   wall s  pages/s readers s  writer s Postgres s  peak MB")
        print(asyncio.run(read_alone(folder, wanted)), flush=True)
        with database.opened(None, home / "home") as conninfo:
            for title in ("import", "again"):
                print(asyncio.run(bring(conninfo, home / "home", folder, wanted, title)), flush=True)


if __name__ == "__main__":
    main()
