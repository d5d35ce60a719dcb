"""The look-alike site inside a test, with its log."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from collector.demo.faults.hostile import Hostility
from collector.demo.requestlog import LoggedRequest, RequestLog
from collector.demo.site import serving
from collector.demo.world.world import World

YEARS_OF_A_THOUSAND_PAGES = (date(2009, 1, 1), date(2015, 12, 31))


@dataclass(frozen=True)
class DemoSite:
    """A site that is being served."""

    base: str
    world: World
    log: RequestLog

    @property
    def netkeiba(self) -> str:
        """The same site under another name: another host, with a gate of its own."""
        return self.base.replace("127.0.0.1", "localhost")

    @property
    def requests(self) -> deque[LoggedRequest]:
        """What it was asked, oldest first."""
        return self.log.requests

    def paths(self) -> list[str]:
        """The paths it was asked for, oldest first."""
        return [request.path for request in self.log.requests]


@asynccontextmanager
async def demo_site(
    *,
    crawl_delay: float = 0.0,
    hostile: Sequence[str] | Hostility = (),
    world: World | None = None,
    month_may_change: bool = False,
) -> AsyncIterator[DemoSite]:
    """A look-alike site on a free port."""
    log, world = RequestLog(), world or World()
    async with serving(
        world, port=0, crawl_delay=crawl_delay, hostile=hostile, log=log, month_may_change=month_may_change
    ) as base:
        yield DemoSite(base, world, log)
