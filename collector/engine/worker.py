"""`collector worker`: works on every open crawl job, and on the schedule, until it is asked to stop."""

import asyncio
import logging
from dataclasses import dataclass

from collector.engine.crawl_jobs import Crawler
from collector.engine.crew import Crew
from collector.engine.schedule import Schedule, fire, know_ticks
from collector.politeness.gate import Connection

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds between two looks at the schedule


async def work(crawler: Crawler, schedule: Schedule) -> None:
    """Work until it is asked to stop.

    Raises:
        UsageError: nobody has accepted the terms of a source that is to be asked.
    """
    await crawler.check_leave(crawler.hosts)
    crons = ", ".join(f"{name} {cron}" for name, cron in schedule.crons().items())
    logger.info(
        "working on whatever is asked for", extra={"hosts": ", ".join(crawler.hosts), "schedule": crons or "none"}
    )
    await Crew(crawler, everything=True, chores=_Ticking(crawler, schedule.crons()).look).run()


@dataclass(slots=True)
class _Ticking:
    """The schedule, looked at now and then."""

    crawler: Crawler
    crons: dict[str, str]
    known: bool = False
    looked_at: float = float("-inf")

    async def look(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now - self.looked_at < LOOK_EVERY:
            return
        if not self.known:
            await know_ticks(connection, self.crons)
            self.known = True
        await fire(self.crawler, connection, self.crons)
        self.looked_at = now
