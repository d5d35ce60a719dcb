"""How long `trainer serve` takes to answer, at 1, 10 and 20 requests a second: prints Markdown rows.

    collector crawl --since 2016 --demo && collector refresh-labels --demo && trainer export --demo
    trainer train --demo --preset probe
    python benchmarks/serve_predict.py

Each of several clients stays within the limit for one. The server has a process of its own; both share the machine's
cores.
"""

import argparse
import asyncio
import os
from collections.abc import Awaitable

import aiohttp
from open_loop import COLUMNS, drive, row, rule, told
from processes import memory, server

from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import World

RATES = (1.0, 10.0, 20.0)  # requests a second
CLIENTS = 8  # 127.0.0.1 to 127.0.0.8
PHOTOS = 40  # sent in turn


def photos() -> list[bytes]:
    """Photos of horses that no collection of the demo has, as large as the site's."""
    shown = [photo.picture for issue in World(years=range(2020, 2022)).issues(2020) for photo in issue.photos]
    return [draw_photo(picture) for picture in shown if picture][:PHOTOS]


async def sent(session: aiohttp.ClientSession, url: str, body: bytes) -> int:
    """Ask for one photo's prediction; the status of the answer."""
    form = aiohttp.FormData()
    form.add_field("file", body, filename="horse.jpg")
    async with session.post(url, data=form) as answer:
        await answer.read()
        return answer.status


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each rate")
    parser.add_argument("--run", default="last")
    parser.add_argument("--real", action="store_true", help="a run of the real collection in place of the demo's")
    options = parser.parse_args()
    bodies = photos()
    words = ["-m", "trainer", "serve", "--port", "0", "--run", options.run, *([] if options.real else ["--demo"])]
    with server(words) as (base, process):

        def ask(session: aiohttp.ClientSession, number: int) -> Awaitable[int]:
            return sent(session, f"{base}predict.json", bodies[number % len(bodies)])

        asyncio.run(drive(ask, 5.0, 4.0, CLIENTS))  # the first ones warm up
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before\n")
        columns = ["requests a second", *COLUMNS, "MB now (most)"]
        print(row(columns), rule(columns), sep="\n")
        for rate in RATES:
            outcomes = asyncio.run(drive(ask, rate, options.seconds, CLIENTS))
            print(row([f"{rate:g}", *told(outcomes), memory(process)]), flush=True)


if __name__ == "__main__":
    main()
