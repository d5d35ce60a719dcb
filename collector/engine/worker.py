"""`collector worker`: works on every open crawl job, and on the schedule, until it is asked to stop."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from collector.codes import Awaited
from collector.console.trouble import reason_of
from collector.engine.breakdown import is_away
from collector.engine.crawl_jobs import Crawler
from collector.engine.crew import Crew
from collector.engine.schedule import Schedule, fire, know_ticks
from collector.errors import UsageError
from collector.politeness.gate import Connection, Wait

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds between two looks at the schedule, or at what was accepted


async def work(crawler: Crawler, schedule: Schedule) -> None:
    """Work until it is asked to stop; before the terms of all sources are accepted, wait for that."""
    await _wait_for_leave(crawler)
    if crawler.stopping.is_set():
        return
    crons = ", ".join(f"{name} {cron}" for name, cron in schedule.crons().items())
    logger.info(
        "working on whatever is asked for", extra={"hosts": ", ".join(crawler.hosts), "schedule": crons or "none"}
    )
    await Crew(crawler, everything=True, chores=_Ticking(crawler, schedule.crons()).look).run()


async def _wait_for_leave(crawler: Crawler) -> None:
    """A worker that ended would be started again and again by whatever keeps it alive, and say the same each time."""
    said: UsageError | None = None
    while not crawler.stopping.is_set():
        try:
            await crawler.check_leave(crawler.hosts)
            return
        except UsageError as refused:
            if said is None or (said.args, said.further) != (refused.args, refused.further):
                for sentence in (str(refused), *refused.further):
                    logger.warning("waiting for leave", extra={"reason": sentence})
            said = refused
        except psycopg.OperationalError as error:
            if not is_away(error):
                raise
            logger.info("waiting", extra={"for": Wait(Awaited.DATABASE, {"error": reason_of(error)}).sentence})
        with suppress(TimeoutError):
            await asyncio.wait_for(crawler.stopping.wait(), LOOK_EVERY)


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
