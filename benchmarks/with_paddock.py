"""The same crawl by this project, with everything switched on: gate, robots, archive, log, parsing, pictures."""

import sys
from datetime import date

import uvloop

from collector import database
from collector.crawl import Tick, crawl
from collector.frontier import Scope
from collector.jobs import Workplace


async def main(base: str, years: list[int], conninfo: str) -> None:
    async def show(_: Tick) -> None: ...

    place = Workplace(database.conninfo_for(conninfo), None, (base,), crawl_delay=0.0)
    summary, code = await crawl(place, base, Scope(date(years[0], 1, 1), date(years[-1], 12, 31)), show)
    assert code == 0, (summary, code)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], [int(year) for year in sys.argv[2].split(",")], sys.argv[3]))
