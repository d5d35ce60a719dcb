"""The gate of one host, as its lane holds it: when the next request may start, for the whole fleet.

The decision itself is made in Postgres, on the row of the host and by the database's clock (functions `reserve_slot`
and `take_lane`; the last migration that names one has its text). How long the pause is, `delay` decides. Here are the
calls, and the waiting.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString, TypeVar
from urllib.parse import urlsplit

import psycopg

from collector.codes import Awaited, Block, Delay
from collector.console.code_words import describe
from collector.console.wording import in_japan
from collector.errors import LaneLost, PaddockError
from collector.politeness import accepted
from collector.politeness.delay import delay_in_force
from collector.politeness.holder import begin_work, end_work, gone_asker, new_holder
from collector.politeness.leave import Leave
from collector.politeness.robots import Robots

logger = logging.getLogger(__name__)

LATE = 0.004  # seconds; a request later than this after its slot takes a new one
OPEN_FOR = 62.0  # seconds that a request may last: the fetcher's total timeout and a little
LOOK_EVERY = 1.0  # seconds between two looks at whether a lane with an open request is still the one
LANE_LOST = "PD001"  # SQLSTATE raised by the gate's functions for an old epoch
DEFAULT_PORTS = {"http": 80, "https": 443}

Connection = psycopg.AsyncConnection[Any]
Cursor = psycopg.AsyncRawCursor[Any]
Answer = TypeVar("Answer")


def host_name(url: str) -> str:
    """The gate that a URL belongs to: its host, with the port where it is unusual."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return host if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


class Blocked(PaddockError):
    """The host is closed for now; `until` is on the database's clock (None: for good)."""

    def __init__(self, until: datetime | None, code: str | None, detail: str | None) -> None:
        super().__init__(describe(Block, code, detail))
        self.until = until
        self.code = code  # Block, or one of a later version
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Slot:
    """A reserved moment at which one request may start."""

    at: datetime  # database clock
    due: float  # the same moment on this process's monotonic clock, or a little later
    not_before: float  # likewise, or a little earlier: somewhere between the question and its answer the clock was read

    @classmethod
    def from_row(cls, at: datetime, wait: float, asked: float) -> "Slot":
        """The slot of an answer that came just now, to a question that was put at `asked` on the loop's clock."""
        return cls(at, asyncio.get_running_loop().time() + wait, asked + wait)

    def started_at(self) -> datetime:
        """Now, on the database's clock; the latest that it can be, so that the pause until the next slot is whole."""
        return self.at + timedelta(seconds=asyncio.get_running_loop().time() - self.not_before)


@contextmanager
def telling_lost_lanes() -> Iterator[None]:
    """What the gate raises against an old epoch comes out as LaneLost; any other error as it came."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate != LANE_LOST:
            raise
        raise LaneLost(str(error).splitlines()[0]) from error


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast we would ask a host if it had no wish of its own."""

    crawl_delay: float  # seconds
    loopback: bool = False  # a site on this machine, which may be asked without a pause


@dataclass(frozen=True, slots=True)
class Wait:
    """What is being waited for, and until when (None: until it is there)."""

    code: str  # Awaited, or one of a later version
    detail: Mapping[str, Any] = field(default_factory=dict)
    until: datetime | None = None  # database clock
    host: str | None = None  # the one whose lane waits, where that is to be said
    try_it: bool = False  # whether the host may be free all the same, so that it is tried
    since: float = field(default_factory=time.monotonic, compare=False)

    @property
    def sentence(self) -> str:
        """What is being waited for, in English."""
        said = describe(Awaited, self.code, self.detail)
        return f"{self.host}: {said}" if self.host else said

    def __str__(self) -> str:
        return self.sentence if self.until is None else f"{self.sentence}, until {in_japan(self.until)}"


class Gate:
    """A lane's hold on a host: it asks for slots and gives them back, until a newer lane takes over."""

    lane = 0  # its own number, by which its session's lock is known
    waits: Wait | None = None  # what it waits for at the moment

    def __init__(self, connection: Connection, host: str, epoch: int, pace: Pace, stopping: asyncio.Event) -> None:
        self.connection = connection
        self.host = host
        self.epoch = epoch
        self.pace = pace
        self.delay = pace.crawl_delay  # seconds in force
        self.delay_code = Delay.OWN
        self._stopping = stopping
        # Of statements that are executed for each page: a cursor keeps how values are written and read.
        self.cursors = defaultdict[LiteralString, Cursor](lambda: psycopg.AsyncRawCursor(connection))
        self.holder = new_holder()

    @classmethod
    async def take(cls, connection: Connection, host: str, job_id: int, pace: Pace, stopping: asyncio.Event) -> "Gate":
        """Take over a host. The lane that held it before is refused from now on."""
        # The session's lock shows the others that this lane's process is alive; it goes when the process goes.
        await connection.execute("SELECT pg_advisory_lock(lane_lock(%s))", (job_id,))
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        gate = cls(connection, host, 0, pace, stopping)
        facts = (host, job_id, gate.holder, await gone_asker(connection, host))
        row = await (await connection.execute("SELECT take_lane(%s, %s, %s, %s)", facts)).fetchone()
        assert row is not None
        gate.epoch = row[0]
        return gate

    @classmethod
    async def claim(
        cls, connection: Connection, host: str, pace: Pace, stopping: asyncio.Event, leaves: Iterable[Leave],
        *, lease: float, who: str,
    ) -> "Gate | None":  # fmt: skip
        """Take a host that is free, for the seconds of the lease unless renewed; None where a lane is at work on it.

        Raises:
            UsageError: the terms of one of its sources have not been accepted.
        """
        await accepted.check(connection, leaves)
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        row = await (await connection.execute("SELECT nextval('lane_number')")).fetchone()
        assert row is not None
        await connection.execute("SELECT pg_advisory_lock(lane_lock(%s))", row)  # as above
        gate = cls(connection, host, 0, pace, stopping)
        facts = (host, row[0], gate.holder, await gone_asker(connection, host), lease, who)
        found = await (await connection.execute("SELECT claim_lane(%s, %s, %s, %s, %s, %s)", facts)).fetchone()
        if found is None or found[0] is None:
            await connection.execute("SELECT pg_advisory_unlock(lane_lock(%s))", row)
            return None
        gate.epoch, gate.lane = found[0], row[0]
        return gate

    def slow_down(self, robots: Robots, took: float) -> None:
        """Set the delay in force by what robots.txt asks for and how long the last answer took."""
        self.delay, self.delay_code = delay_in_force(self.pace.crawl_delay, robots, took, self.pace.loopback)

    async def _call(self, query: LiteralString, *parameters: Any) -> tuple[Any, ...]:
        with telling_lost_lanes():
            row = await (await self.connection.execute(query, (self.host, self.epoch, *parameters))).fetchone()
        assert row is not None
        return row

    async def reserve(self) -> Slot:
        """The next slot of this host.

        Raises:
            Blocked: the host is to be left alone.
            LaneLost: another lane holds it now.
        """
        asked = asyncio.get_running_loop().time()
        at, wait, until, code, detail = await self._call(
            "SELECT slot, wait, NULLIF(closed_until, 'infinity'), code, reason FROM reserve_slot(%s, %s, %s, %s)",
            self.delay,
            OPEN_FOR,
        )
        if at is None:
            raise Blocked(until, code, detail)
        return Slot.from_row(at, wait, asked)

    async def wait(self, slot: Slot, page_id: int | None = None, *, taken: bool = True) -> Slot | None:
        """Sleep until the slot; None when the process is to stop, or the page or its host was forgotten meanwhile.

        A process that was held up (busy machine, suspended) comes back late. Then the time until the next
        slot would be too short for its request, so it takes a new one that starts now. A slot that is not to be
        used is given back. `taken`: the page was taken up with this slot; else it is looked at even if nobody slept.

        Raises:
            Blocked: the host was closed meanwhile.
            LaneLost: another lane holds it now.
        """
        begin_work(self.holder)
        try:
            ready = await self._wait(slot, page_id, taken=taken)
        except BaseException:
            end_work(self.holder)
            raise
        if ready is None:
            end_work(self.holder)
        return ready

    async def _wait(self, slot: Slot, page_id: int | None, *, taken: bool) -> Slot | None:
        clock = asyncio.get_running_loop().time
        to_be_checked = not taken or slot.due > clock()  # what may have changed while we sleep
        if slot.due > clock():
            await self._sleep_until(slot)
        while not self._stopping.is_set():
            if not to_be_checked and (self.delay == 0 or clock() - slot.due <= LATE):
                return slot
            asked = clock()
            at, closed, until, code, detail = await self._call(
                "SELECT starts, closed_until IS NOT NULL, NULLIF(closed_until, 'infinity'), code, reason"
                " FROM renew_slot(%s, %s, %s, %s, %s, %s, %s)",
                slot.at, self.delay, OPEN_FOR, LATE, page_id,
            )  # fmt: skip
            if closed:
                await self.release(slot)
                if until is not None:
                    raise Blocked(until, code, detail)
                return None
            to_be_checked = False
            slot = slot if at == slot.at else Slot.from_row(at, 0.0, asked)
        await self.release(slot)
        return None

    async def _sleep_until(self, slot: Slot) -> None:
        """Sleep until a slot is due, or the process is to stop."""
        clock = asyncio.get_running_loop().time
        wait = Wait(Awaited.NEXT_REQUEST, {"seconds": f"{self.delay:g}", "delay": self.delay_code}, slot.at)
        if slot.due - clock() > self.delay + 1:
            wait = Wait(Awaited.EARLIER_REQUEST, until=slot.at)
        while (remaining := slot.due - clock()) > 0:
            if await self.sleep(remaining, wait):
                return

    async def watch(self, request: Coroutine[Any, Any, Answer]) -> Answer:
        """Await a request on the slot that was waited for; cut it off at once when this lane is lost meanwhile.

        Raises:
            LaneLost: another lane holds the host now.
            psycopg.Error: the session has ended, and with it the lane.
        """
        asking = asyncio.ensure_future(request)
        try:
            while not (await asyncio.wait((asking,), timeout=LOOK_EVERY))[0]:
                await self._call("SELECT hold_lane(%s, %s) IS NULL")
            return asking.result()
        finally:
            if asking.cancel():
                await asyncio.wait((asking,))
            end_work(self.holder)
            del asking  # else its error, this frame and the body it read hold each other until they are collected

    async def sleep(self, seconds: float, wait: Wait) -> bool:
        """Sleep, unless the process is to stop; says whether it is."""
        with self.waiting(wait):
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return False
            return True

    @contextmanager
    def waiting(self, wait: Wait) -> Iterator[None]:
        """Say what is being waited for, as long as it lasts."""
        self.waits = wait
        try:
            yield
        finally:
            self.waits = None

    async def release(self, slot: Slot) -> None:
        """Give a slot back unused. One that was used, or given back already, stays as it is."""
        await self._call("SELECT release_slot(%s, %s, %s)", slot.at)

    async def block(self, retry_after: float | None, code: Block, detail: str) -> datetime:
        """Leave the host alone: 60 s, doubling with each incident, and longer where it asks for that."""
        (until,) = await self._call("SELECT block_host(%s, %s, %s, %s, %s)", retry_after, code, detail)
        logger.warning("host blocked", extra={"host": self.host, "until": until, "code": code, "reason": detail})
        return until
