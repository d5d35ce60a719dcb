"""The same crawl by this project, with everything switched on: gate, robots, archive, log, parsing, pictures."""

import sys
from datetime import date

import uvloop

from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.frontier.scope import Scope
from collector.sources import MAIN, Site
from collector.sources.keibado.source import KEIBADO
from collector.storage import database


async def main(base: str, years: list[int], conninfo: str) -> None:
    async def show(_: Tick) -> None: ...

    crawler = Crawler(database.conninfo_for(conninfo), None, (Site(KEIBADO, MAIN, base),), crawl_delay=0.0)
    summary, code = await crawl(crawler, Scope(date(years[0], 1, 1), date(years[-1], 12, 31)), show)
    assert code == 0, (summary, code)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], [int(year) for year in sys.argv[2].split(",")], sys.argv[3]))
