"""The look-alike site on a loop of its own, which knows how punctual its own record is and misbehaves on request."""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from collector.demo.faults.hostile import ROBOTS, Fault, Hostility
from collector.demo.requestlog import LoggedRequest, RequestLog
from collector.demo.site import serving
from collector.demo.world.world import World

TICK = 0.005  # seconds
MOST_SPOILT = 2  # answers of one page: a third failure in a row would put it off for an hour, as it should
KEPT_TICKS = 4  # a request needs some turns of the loop from its arrival to its line in the log


class PunctualLog(RequestLog):
    """The site's record, and by how much each of its lines may be late: the loop's own lateness at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.late: dict[int, float] = {}  # seconds, by the request's place in the log
        self._last_tick = time.monotonic()
        self._lateness = deque([0.0], maxlen=KEPT_TICKS)

    @contextmanager
    def record(self, path: str, **facts: Any) -> Iterator[LoggedRequest]:
        since_tick = time.monotonic() - self._last_tick - TICK
        self.late[self.total] = max(since_tick, *self._lateness, 0.0)
        with super().record(path, **facts) as request:
            yield request

    async def tick_for_ever(self) -> None:
        """Look every few milliseconds how late this loop is."""
        while True:
            self._last_tick = time.monotonic()
            await asyncio.sleep(TICK)
            self._lateness.append(time.monotonic() - self._last_tick - TICK)


class Provoked(Hostility):
    """Well-behaved, except for the requests after a call of `provoke`."""

    def __init__(self) -> None:
        super().__init__()
        self._fault: Fault | None = None
        self._left = 0
        self._spoilt = Counter[str]()

    def provoke(self, fault: Fault, times: int) -> None:
        """Answer the next `times` requests in this way, but no page more than twice."""
        self._fault, self._left = fault, times

    @property
    def is_done(self) -> bool:
        """Whether all of that has happened."""
        return self._left == 0

    def visit(self, path: str, query: str = "") -> tuple[Fault | None, int]:
        page = f"{path}?{query}"
        if path == ROBOTS or not self._left or self._spoilt[page] == MOST_SPOILT:
            return None, 0
        self._left -= 1
        self._spoilt[page] += 1
        return self._fault, 1


@dataclass(frozen=True, slots=True)
class WatchedSite:
    """The site while it is served, under two names: two hosts to a collector."""

    base: str
    log: PunctualLog = field(default_factory=PunctualLog)
    hostility: Provoked = field(default_factory=Provoked)

    @property
    def netkeiba(self) -> str:
        """The other name."""
        return self.base.replace("127.0.0.1", "localhost")

    @property
    def requests(self) -> list[LoggedRequest]:
        """What it was asked so far, oldest first."""
        return list(self.log.requests)

    @property
    def count(self) -> int:
        """How many requests that were."""
        return self.log.total


@contextmanager
def watched_site(world: World) -> Iterator[WatchedSite]:
    """The site in a thread with a loop of its own, so that a test that looks at it does not delay it.

    It wishes for no pause itself: the delay is the collector's own, and the bytes are the same however long that is.
    """
    log, hostility = PunctualLog(), Provoked()
    loop, bases, stop = asyncio.new_event_loop(), deque[str](), asyncio.Event()
    is_up = threading.Event()

    async def serve() -> None:
        async with serving(world, port=0, crawl_delay=0, hostile=hostility, log=log) as base:
            bases.append(base)
            is_up.set()
            ticking = asyncio.create_task(log.tick_for_ever())
            await stop.wait()
            ticking.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="site", daemon=True)
    thread.start()
    assert is_up.wait(30)
    try:
        yield WatchedSite(bases[0], log, hostility)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
