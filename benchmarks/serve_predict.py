"""How long `trainer serve` takes to answer, at 1, 10 and 20 requests a second: prints Markdown rows.

    collector crawl --since 2016 --demo && collector refresh-labels --demo && trainer export --demo
    trainer train --demo --preset probe
    python benchmarks/serve_predict.py

The load is open: requests leave when they are due, whether or not earlier ones were answered, and time counts from
when one was due, so that a server that stalls is charged for all that it keeps waiting. Each of several clients, told
apart by address, stays within the limit for one. The server has a process of its own; both share the machine's cores.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import numpy as np

from collector.demo.drawing import draw_photo
from collector.demo.world import World

RATES = (1.0, 10.0, 20.0)  # requests a second
CLIENTS = 8  # 127.0.0.1 to 127.0.0.8
PHOTOS = 40  # sent in turn
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """One request: milliseconds from when it was due to its last byte, and its status."""

    took: float
    status: int


def photos() -> list[bytes]:
    """Photos of horses that no collection of the demo has, as large as the site's."""
    shown = [photo.picture for issue in World(years=range(2020, 2022)).issues(2020) for photo in issue.photos]
    return [draw_photo(picture) for picture in shown if picture][:PHOTOS]


@contextmanager
def server(words: list[str]) -> Iterator[tuple[str, int]]:
    """`trainer serve` in a process of its own: its address and process id."""
    command = [sys.executable, "-m", "trainer", "serve", "--port", "0", *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = ""
            while "Ctrl-C" not in said:
                line = process.stderr.readline()
                if not line:
                    sys.exit(said or "the server did not start")
                said += line
            yield re.findall(r"http://\S+", said)[0], process.pid
        finally:
            process.terminate()


def arrivals(rate: float, seconds: float) -> list[float]:
    """When requests are due, in seconds from the start: at random, as people come."""
    random, now, due = Random(0), 0.0, []
    while (now := now + random.expovariate(rate)) < seconds:
        due.append(now)
    return due


async def drive(url: str, bodies: list[bytes], rate: float, seconds: float) -> list[Outcome]:
    """Send requests when they are due, and note how long each took."""
    sessions = [
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(f"127.0.0.{number + 1}", 0), limit=0))
        for number in range(CLIENTS)
    ]
    started = time.perf_counter() + 0.2

    async def ask(number: int, due: float) -> Outcome:
        await asyncio.sleep(started + due - time.perf_counter())
        form = aiohttp.FormData()
        form.add_field("file", bodies[number % len(bodies)], filename="horse.jpg")
        async with sessions[number % CLIENTS].post(url, data=form) as answer:
            await answer.read()
            return Outcome(1000 * (time.perf_counter() - started - due), answer.status)

    try:
        return await asyncio.gather(*(ask(number, due) for number, due in enumerate(arrivals(rate, seconds))))
    finally:
        for session in sessions:
            await session.close()


def memory(process: int) -> str:
    """MB that a process has now, and has had at most; Linux."""
    path = Path(f"/proc/{process}/status")
    if not path.exists():
        return "-"
    held = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", path.read_text()))
    return f"{int(held['VmRSS']) // 1024} ({int(held['VmHWM']) // 1024})"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each rate")
    parser.add_argument("--run", default="last")
    parser.add_argument("--real", action="store_true", help="a run of the real collection in place of the demo's")
    options = parser.parse_args()
    bodies = photos()
    words = ["--run", options.run, *([] if options.real else ["--demo"])]
    with server(words) as (base, process):
        url = f"{base}predict.json"
        asyncio.run(drive(url, bodies, 5.0, 4.0))  # the first ones warm up
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before\n")
        print("| requests a second | answered | not answered | p50 ms | p95 ms | p99 ms | longest | MB now (most) |")
        print("|--:|--:|--:|--:|--:|--:|--:|--:|")
        for rate in RATES:
            outcomes = asyncio.run(drive(url, bodies, rate, options.seconds))
            took = np.array([outcome.took for outcome in outcomes])
            failed = sum(outcome.status != 200 for outcome in outcomes)
            p50, p95, p99 = np.quantile(took, (0.5, 0.95, 0.99))
            counts = f"| {rate:g} | {len(outcomes) - failed} | {failed} "
            print(f"{counts}| {p50:.0f} | {p95:.0f} | {p99:.0f} | {took.max():.0f} | {memory(process)} |")


if __name__ == "__main__":
    main()
