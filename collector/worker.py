"""`collector worker`: runs lanes of any crawl, and the schedule, until told to stop."""

import asyncio
import contextlib
import logging

from procrastinate import App

from collector.jobs import Workplace, working
from collector.schedule import Schedule, fire, know_ticks

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds between two looks at the schedule


async def work(place: Workplace, schedule: Schedule) -> None:
    """Work until told to stop."""
    async with working(place, None) as (app, running):
        crons = ", ".join(f"{name} {cron}" for name, cron in schedule.crons().items())
        logger.info(
            "working on whatever is queued", extra={"hosts": ", ".join(place.hosts), "schedule": crons or "none"}
        )
        stop = asyncio.create_task(place.stopping.wait())
        ticking = asyncio.create_task(_tick_for_ever(place, app, schedule))
        await asyncio.wait((running, stop, ticking), return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, ticking):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking  # what went wrong there is told, not swallowed


async def _tick_for_ever(place: Workplace, app: App, schedule: Schedule) -> None:
    crons = schedule.crons()
    async with await place.connect() as connection:
        await know_ticks(connection, crons)
        while True:
            await fire(place, app, connection, crons)
            await asyncio.sleep(LOOK_EVERY)
