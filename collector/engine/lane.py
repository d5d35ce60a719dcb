"""One host's lane: takes due pages one by one, asks politely, and commits each as one step."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import StrEnum

import psycopg

from collector.codes import Awaited, Block, Failure
from collector.console.code_words import describe
from collector.engine.crawl_jobs import CrawlJob, count_back, count_down, open_jobs
from collector.engine.visit import Visit, read, with_held_bytes
from collector.errors import Disallowed, HostBusy, LaneLost, Refused, TryLater, Unsafe
from collector.fetch.fetcher import Fetcher
from collector.fetch.headers import storable
from collector.frontier import queue
from collector.frontier.due import retry_at
from collector.frontier.queue import DuePage, Turn
from collector.pipeline import drift
from collector.pipeline.keep import keep
from collector.pipeline.store import Outcome, commit
from collector.politeness.delay import next_opening
from collector.politeness.gate import Blocked, Gate, Slot, Wait, telling_lost_lanes
from collector.politeness.robots import Robots
from collector.storage.dictionaries import Dictionaries
from collector.storage.roles import PageState

logger = logging.getLogger(__name__)

READ_JOBS_EVERY = 1.0  # seconds
PATIENT_FAILURES = 3  # visits in which the host was busy, before the page itself is put off
TROUBLE = 5  # pages failing in a row, after which the host is left alone
REFUSALS = 3  # pages refused in a row, likewise


class Ending(StrEnum):
    """Why a slice of a lane is over."""

    IDLE = "idle"  # nothing is due
    SLICE = "slice"  # its time is over
    BLOCKED = "blocked"  # the site asks for a pause, or refuses
    CLOSED = "closed"  # outside the opening hours
    STOPPED = "stopped"  # the process is to stop


@dataclass(frozen=True, slots=True)
class LaneEnd:
    """How a slice of a lane ended, and when the next one can begin (None: nothing is due, or for good)."""

    why: Ending
    next_at: datetime | None = None
    block: str | None = None  # Block, or one of a later version
    detail: str | None = None

    @property
    def reason(self) -> str | None:
        """Why the site is left alone, in a sentence."""
        return describe(Block, self.block, self.detail) or None

    def wait(self, host: str) -> Wait:
        """What the next slice waits for."""
        if self.why is Ending.CLOSED:
            return Wait(Awaited.OPENING, until=self.next_at, host=host)
        return Wait(Awaited.SITE, {"block": self.block, "detail": self.detail}, self.next_at, host)


@dataclass(slots=True)
class Rota:
    """The jobs that a lane works for, a page each in turn: those that commands wait for, or all."""

    gate: Gate
    everything: bool
    _jobs: deque[CrawlJob] = field(default_factory=deque)
    _read_at: float = float("-inf")

    async def in_turn(self) -> list[CrawlJob]:
        """The jobs, that whose turn it is first."""
        now = asyncio.get_running_loop().time()
        if now - self._read_at >= READ_JOBS_EVERY:
            self._read_at = now
            self._jobs = deque(await open_jobs(self.gate.connection, [self.gate.host], everything=self.everything))
        self._jobs.rotate(-1)
        return list(self._jobs)


@dataclass(slots=True)
class _Streak:
    """Pages that failed in a row; a good one forgives them."""

    failed: int = 0
    refused: int = 0

    def forget(self) -> None:
        self.failed = self.refused = 0


@dataclass(slots=True)
class Lane:
    """The work on one host, as long as this lane's epoch is the newest."""

    gate: Gate
    fetcher: Fetcher
    robots: Robots
    hours: tuple[time, time] | None  # our own opening hours, Asia/Tokyo
    rota: Rota
    stopped_kinds: set[tuple[str, str]]
    dictionaries: Dictionaries = field(default_factory=Dictionaries)
    _streak: _Streak = field(default_factory=_Streak)

    async def run(self, seconds: float) -> LaneEnd:
        """Work through what is due, for a slice of time, in seconds.

        Raises:
            LaneLost: another lane has taken over; nothing more was written.
        """
        loop = asyncio.get_running_loop()
        self._opens_at(datetime.now(UTC))  # hours that never meet are an error before a slot is taken
        self.gate.slow_down(self.robots, 0.0)
        ends_at = loop.time() + seconds
        while loop.time() < ends_at:
            job, turn = await self._take()
            if turn.code:
                return LaneEnd(Ending.BLOCKED, turn.blocked_until, turn.code, turn.detail)
            if job is None or turn.page is None or turn.slot is None:
                return LaneEnd(Ending.IDLE)
            try:
                end = await self._one_page(turn.page, turn.slot)
            except Blocked as blocked:
                return LaneEnd(Ending.BLOCKED, blocked.until, blocked.code, blocked.detail)
            if end:
                await count_back(self.gate.connection, job)
                return end
        return LaneEnd(Ending.SLICE)

    async def _one_page(self, page: DuePage, slot: Slot) -> LaneEnd | None:
        """Take one page from its slot to its commit; says why the lane ends, if it does."""
        opens_at = self._opens_at(slot.at)
        if opens_at > slot.at:
            await self.gate.release(slot)
            return LaneEnd(Ending.CLOSED, opens_at)
        outcome = await self.visit(page, slot)
        if outcome is None:
            return LaneEnd(Ending.STOPPED)
        await self._keep(outcome)
        return None

    def _opens_at(self, moment: datetime) -> datetime:
        if self.hours is None and self.robots.visit_time is None:
            return moment
        return next_opening(moment, self.hours, self.robots.visit_time)

    async def visit(self, page: DuePage, slot: Slot) -> Outcome | None:
        """Ask for one page, with patience, and say what it changes; None when the process is to stop.

        Raises:
            Blocked: the host is to be left alone from now on; what was learned is committed.
        """
        visit = Visit(self.gate, self.fetcher, self.robots, page, slot, self.dictionaries)
        try:
            response = await visit.succeed()
            if response is None:
                return None
            return await read(visit, await with_held_bytes(visit, response), self.stopped_kinds)
        except TryLater as error:
            if isinstance(error, HostBusy):
                await self._be_busy(visit, error)
            return await self._fail(visit, error, PageState.FAILED, "try_later")
        except Disallowed as error:
            return self._put_off(visit, error)
        except Refused as error:
            return await self._refuse(visit, error)
        except Unsafe as error:
            return await self._fail(visit, error, PageState.FAILED, "unsafe")
        except (LaneLost, Blocked, psycopg.Error):
            raise
        except Exception as error:
            # The one place that catches everything: a page that trips our own code is set aside, the crawl goes on.
            logger.exception("page failed on an error of our own", extra={"url": page.url})
            return visit.outcome(
                "error", PageState.FAILED, code=Failure.OWN_ERROR, error=repr(error), failures=page.failures + 1
            )

    async def _be_busy(self, visit: Visit, error: HostBusy) -> None:
        """Leave the whole host alone, and keep the page for later."""
        failures = visit.page.failures + 1
        put_off = retry_at(failures, visit.at) if failures % PATIENT_FAILURES == 0 else visit.at
        outcome = visit.outcome(
            "try_later", PageState.DUE, due_at=put_off, code=error.code, error=str(error), failures=failures
        )
        await self._block(outcome, error.retry_after, Block.BUSY, str(error))

    def _put_off(self, visit: Visit, error: Disallowed | Refused) -> Outcome:
        failures = visit.page.failures + 1
        due_at = retry_at(max(5, failures), visit.at)
        facts = {"packed": visit.refusal, "size": visit.refusal.size} if visit.refusal else {}
        return visit.outcome(
            "refused", PageState.FAILED, due_at=due_at, code=error.code, error=str(error), failures=failures, **facts
        )

    async def _refuse(self, visit: Visit, error: Refused) -> Outcome:
        """A page that the site refuses is put off; several in a row, or a block page, close the host."""
        outcome = self._put_off(visit, error)
        self._streak.refused += 1
        if error.status == 200 or self._streak.refused >= REFUSALS:
            self._streak.forget()
            await self._block(outcome, None, Block.REFUSED, str(error))
        return outcome

    async def _fail(self, visit: Visit, error: TryLater | Unsafe, state: PageState, name: str) -> Outcome:
        outcome = visit.outcome(name, state, code=error.code, error=str(error), failures=visit.page.failures + 1)
        self._streak.failed += isinstance(error, TryLater)
        if self._streak.failed >= TROUBLE:
            self._streak.forget()
            await self._block(outcome, None, Block.FAILING, str(error))
        return outcome

    async def _block(self, outcome: Outcome, retry_after: float | None, code: Block, detail: str) -> None:
        self.gate.slow_down(self.robots, outcome.took)
        async with self.gate.connection.transaction():
            await commit(self.gate, outcome)
            until = await self.gate.block(retry_after, code, storable(detail))
        raise Blocked(until, code, detail)

    async def _keep(self, outcome: Outcome) -> None:
        """Commit a page, and watch over its layout."""
        self.gate.slow_down(self.robots, outcome.took)
        outcome = await keep(self.gate, outcome)
        page, missing = outcome.page, outcome.derived.missing if outcome.derived else ()
        if missing and await drift.judge(self.gate.connection, page.source, page.kind, missing):
            self.stopped_kinds.add((page.source, page.kind))
        if outcome.state is not PageState.FAILED:
            self._streak.forget()

    async def _take(self) -> tuple[CrawlJob | None, Turn]:
        """The next page that is due, with its slot, and the job that wants it."""
        for job in await self.rota.in_turn():
            turn = await (self._take_for(job) if job.pages_left is None else self._take_of_few(job))
            if turn.page or turn.code:
                return job, turn
        return None, Turn()

    async def _take_of_few(self, job: CrawlJob) -> Turn:
        """The next page of a job that has a limit."""
        connection = self.gate.connection
        async with connection.transaction():
            if not await count_down(connection, job):
                return Turn()
            turn = await self._take_for(job)
            if turn.page is None:
                await count_back(connection, job)
        return turn

    async def _take_for(self, job: CrawlJob) -> Turn:
        gate = self.gate
        parameters = queue.take_parameters(gate.host, gate.epoch, gate.delay, job.scope)
        asked = asyncio.get_running_loop().time()
        with telling_lost_lanes():
            cursor = await gate.cursors[queue.TAKE].execute(queue.TAKE, parameters)
            return queue.read_turn(await cursor.fetchone(), asked)
