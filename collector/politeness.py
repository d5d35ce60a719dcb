"""The gate of one host, as its lane holds it: when the next request may start, for the whole fleet.

The decision itself is made in Postgres (see the migration `gate`): one row a host, on the database's clock. Here
are the calls, and the waiting.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg

from collector.errors import LaneLost, PaddockError
from collector.robots import TOKYO, Robots, delay_in_force

logger = logging.getLogger(__name__)

LATE = 0.004  # seconds; a request later than this after its slot takes a new one
OPEN_FOR = 62.0  # seconds that a request may last: the fetcher's total timeout and a little
LANE_LOST = "PD001"  # SQLSTATE raised by the gate's functions for an old epoch
DEFAULT_PORTS = {"http": 80, "https": 443}

Connection = psycopg.AsyncConnection[Any]


def host_name(url: str) -> str:
    """The gate that a URL belongs to: its host, with the port where it is unusual."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return host if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


class Blocked(PaddockError):
    """The host is closed for now; `until` is on the database's clock (None: for good)."""

    def __init__(self, until: datetime | None, reason: str) -> None:
        super().__init__(reason)
        self.until = until


@dataclass(frozen=True, slots=True)
class Slot:
    """A reserved moment at which one request may start."""

    at: datetime  # database clock
    due: float  # the same moment on this process's monotonic clock

    @classmethod
    def from_row(cls, at: datetime, wait: float) -> "Slot":
        return cls(at, asyncio.get_running_loop().time() + wait)

    def started_at(self) -> datetime:
        """Now, on the database's clock as far as this process can tell."""
        return self.at + timedelta(seconds=asyncio.get_running_loop().time() - self.due)


def translate(error: psycopg.Error) -> Exception:
    """A LaneLost for what the gate raised against an old epoch; anything else as it came."""
    if error.sqlstate == LANE_LOST:
        return LaneLost(str(error).splitlines()[0])
    return error


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast we would ask a host if it had no wish of its own."""

    crawl_delay: float  # seconds
    loopback: bool = False  # a site on this machine, which may be asked without a pause


@dataclass(frozen=True, slots=True)
class Wait:
    """What is being waited for, and until when (None: until it is there)."""

    reason: str
    until: datetime | None = None  # database clock
    since: float = field(default_factory=time.monotonic, compare=False)

    def __str__(self) -> str:
        if self.until is None:
            return self.reason
        until = self.until.astimezone(TOKYO)
        day = "" if until.date() == datetime.now(TOKYO).date() else f"{until:%Y-%m-%d} "
        return f"{self.reason}, until {day}{until:%H:%M:%S} in Tokyo"


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
        self.reason = "our own crawl delay"
        self._stopping = stopping

    @classmethod
    async def take(cls, connection: Connection, host: str, job_id: int, pace: Pace, stopping: asyncio.Event) -> "Gate":
        """Take over a host. Whoever held it before is refused from now on."""
        # The session's lock tells the others that this lane's process is alive; it goes when the process goes.
        await connection.execute("SELECT pg_advisory_lock(lane_lock(%s))", (job_id,))
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        row = await (await connection.execute("SELECT take_lane(%s, %s)", (host, job_id))).fetchone()
        assert row is not None
        return cls(connection, host, row[0], pace, stopping)

    @classmethod
    async def claim(
        cls, connection: Connection, host: str, pace: Pace, stopping: asyncio.Event, *, lease: float, who: str
    ) -> "Gate | None":
        """Take a host that is free, for so many seconds unless renewed; None where a lane is at work on it."""
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        row = await (await connection.execute("SELECT nextval('lane_number')")).fetchone()
        assert row is not None
        # The session's lock tells the others that this lane's process is alive; it goes when the process goes.
        await connection.execute("SELECT pg_advisory_lock(lane_lock(%s))", row)
        found = await (
            await connection.execute("SELECT claim_lane(%s, %s, %s, %s)", (host, row[0], lease, who))
        ).fetchone()
        if found is None or found[0] is None:
            await connection.execute("SELECT pg_advisory_unlock(lane_lock(%s))", row)
            return None
        gate = cls(connection, host, found[0], pace, stopping)
        gate.lane = row[0]
        return gate

    def slow_down(self, robots: Robots, took: float) -> None:
        """Set the delay in force by what robots.txt asks for and how long the last answer took."""
        self.delay, self.reason = delay_in_force(self.pace.crawl_delay, robots, took, self.pace.loopback)

    async def _call(self, query: LiteralString, *parameters: Any) -> tuple[Any, ...]:
        try:
            row = await (await self.connection.execute(query, (self.host, self.epoch, *parameters))).fetchone()
        except psycopg.Error as error:
            raise translate(error) from error
        assert row is not None
        return row

    async def reserve(self) -> Slot:
        """The next slot of this host.

        Raises:
            Blocked: the host is to be left alone.
            LaneLost: another lane holds it now.
        """
        at, wait, until, reason = await self._call(
            "SELECT slot, wait, NULLIF(closed_until, 'infinity'), reason FROM reserve_slot(%s, %s, %s, %s)",
            self.delay,
            OPEN_FOR,
        )
        if at is None:
            raise Blocked(until, reason)
        return Slot.from_row(at, wait)

    async def wait(self, slot: Slot) -> Slot | None:
        """Sleep until the slot; None when the process is to stop.

        A process that was held up (busy machine, suspended) comes back late. Then the time until the next
        slot would be too short for whoever has it, so it takes a new one that starts now.
        """
        loop = asyncio.get_running_loop()
        reason = Wait(f"the next request, {self.delay:g} s after the last ({self.reason})", slot.at)
        while (remaining := slot.due - loop.time()) > 0:
            if await self.sleep(remaining, reason):
                return None
        while self.delay > 0 and loop.time() - slot.due > LATE:
            (at,) = await self._call("SELECT renew_slot(%s, %s, %s, %s)", self.delay, OPEN_FOR)
            if at is None:
                raise Blocked(None, "blocked while waiting")
            slot = Slot.from_row(at, 0.0)
        return None if self._stopping.is_set() else slot

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
        """Give a slot back unused."""
        await self._call("SELECT release_slot(%s, %s, %s)", slot.at)

    async def block(self, retry_after: float | None, reason: str) -> datetime:
        """Leave the host alone: as long as it asks for, else 60 s doubling with each incident."""
        (until,) = await self._call("SELECT block_host(%s, %s, %s, %s)", retry_after, reason)
        logger.warning("host blocked", extra={"host": self.host, "until": until.isoformat(), "reason": reason})
        return until
