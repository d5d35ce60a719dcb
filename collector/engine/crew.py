"""The crew of one process: looks for work that is free, takes its host, and works on it until nothing is due.

What a crew goes by is looked up, never handed on: a host has work when a page of an open job is due on it, and it is
free when no living lane holds it. A lane that was interrupted, killed, frozen or cut off from the database leaves
nothing behind that somebody would have to clear away, so the next crew that looks takes over, whatever it was started
for. One connection does the looking; a lane has one of its own while it works.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import psycopg

from collector.codes import Awaited
from collector.console.trouble import reason_of, trouble_of
from collector.engine.breakdown import Breakdown, is_away, make_sure_of_room, said_when_late
from collector.engine.crawl_jobs import Crawler, CrawlJob, due_hosts, finish, open_jobs
from collector.engine.follow_up import follow_up
from collector.engine.lane import Ending, Lane, LaneEnd, Rota
from collector.engine.robots_cache import robots_in_force
from collector.engine.waits import DATABASE, Waits, long_wait
from collector.errors import LaneLost, PaddockError
from collector.fetch.fetcher import Fetcher
from collector.frontier.hosts import FROZEN, HostState, host_states
from collector.matching.match import match_photos
from collector.pipeline import drift
from collector.pipeline.repack import bring_up_to_date
from collector.politeness.delay import next_opening
from collector.politeness.gate import Blocked, Connection, Gate, Wait
from collector.sources import Site
from collector.storage.dictionaries import Dictionaries

logger = logging.getLogger(__name__)

SLICE = 60.0  # seconds that a lane works before another crew may have its turn
RENEW_EVERY = 2.0  # seconds
LOOK_EVERY = 0.5  # seconds
SHARE = 10  # looking may take a tenth of the time: what is due in a large archive is work to find out
WITHOUT_DATABASE = 15.0  # seconds without the database, after which a lane is given up, well before it counts as frozen

RENEW = """
UPDATE host SET lane_until = clock_timestamp() + make_interval(secs => %s)
WHERE lane_job = ANY (%s) AND lane_until < clock_timestamp() + make_interval(secs => %s)
"""
# The lane that takes the host next need not wait for a request that has been broken off.
CLOSED = "UPDATE host SET open_until = NULL WHERE asker = ANY (%s)"


@dataclass(slots=True)
class _Working:
    """A lane of this process."""

    task: asyncio.Task[None] | None = None
    gate: Gate | None = None  # from the moment at which it holds its host


@dataclass(slots=True)
class Crew:
    """The lanes of one process, for the jobs that commands wait for, or for every open job."""

    crawler: Crawler
    everything: bool = False
    chores: Callable[[Connection], Awaitable[None]] | None = None  # done at each look, on the connection that looks
    waits: Waits = field(default_factory=Waits)
    dictionaries: Dictionaries = field(default_factory=Dictionaries)
    _working: dict[str, _Working] = field(default_factory=dict)
    _rests: dict[str, LaneEnd] = field(default_factory=dict)  # hosts that are closed by the clock
    _breakdowns: dict[str, Breakdown] = field(default_factory=dict)
    _ended: list[str] = field(default_factory=list)  # holders that have ended, and have no request open
    _renewed: float = float("-inf")

    async def run(self) -> None:
        """Work until it is asked to stop, whatever happens to the database meanwhile."""
        async with Fetcher(self.crawler.contact, self.crawler.addresses, self.crawler.timeouts) as self.crawler.fetcher:
            try:
                await self._look_for_ever()
            finally:
                self.crawler.stopping.set()
                await self._end_lanes()

    def broken(self, hosts: Iterable[str]) -> Exception | None:
        """The error of a lane that has broken off so often that a command gives it up."""
        now = asyncio.get_running_loop().time()
        breakdowns = [self._breakdowns[host] for host in hosts if host in self._breakdowns]
        return next((breakdown.error for breakdown in breakdowns if breakdown.lasts(now)), None)

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        lost_at: float | None = None
        while not self.crawler.stopping.is_set():
            try:
                async with await said_when_late(self.crawler.connect(), self._say_late) as connection:
                    while not self.crawler.stopping.is_set():
                        began = loop.time()
                        await said_when_late(self._look(connection), self._say_late)
                        lost_at = None
                        self.waits.end(DATABASE)
                        await self._rest(connection, max(LOOK_EVERY, SHARE * (loop.time() - began)))
                    await self.waits.clear(connection)
            except psycopg.OperationalError as error:
                if not is_away(error) and not self.everything:
                    raise
                lost_at = lost_at or loop.time()
                self.waits.begin(DATABASE, Wait(Awaited.DATABASE, {"error": reason_of(error)}))
                if loop.time() - lost_at > WITHOUT_DATABASE:
                    self._give_up(self._working)
                await self._pause(LOOK_EVERY)

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless the process is to stop."""
        stop = asyncio.create_task(self.crawler.stopping.wait())
        await asyncio.wait((stop,), timeout=seconds)
        stop.cancel()

    async def _say_late(self) -> None:
        self.waits.begin(DATABASE, Wait(Awaited.DATABASE_ANSWER))

    async def _rest(self, connection: Connection, seconds: float) -> None:
        """Sleep until the next look, while our lanes say that they are alive, and what they wait for."""
        ends_at = asyncio.get_running_loop().time() + seconds
        while (left := ends_at - asyncio.get_running_loop().time()) > 0 and not self.crawler.stopping.is_set():
            await self._pause(min(left, LOOK_EVERY))
            await said_when_late(self._show_life(connection), self._say_late)

    async def _show_life(self, connection: Connection) -> None:
        await self._renew(connection)
        await self.waits.write(connection, self._gates())

    async def _look(self, connection: Connection) -> None:
        """One look: at our own lanes, at what is wanted, and at who is free to do it."""
        states = await host_states(connection, self.crawler.hosts)
        self._give_up(host for host, gate in self._gates().items() if not _holds(gate, states.get(host)))
        await self._renew(connection)
        if ended := list(self._ended):
            await connection.execute(CLOSED, (ended,))
            del self._ended[: len(ended)]
        if self.chores:
            await self.chores(connection)
        jobs = await open_jobs(connection, self.crawler.hosts, everything=self.everything)
        wanted = [host for job in jobs for host in await self._due(connection, job)]
        for host in dict.fromkeys(wanted):
            if host not in self._working and host in self.crawler.hosts:
                self._consider(host, states.get(host))
        self.waits.keep_only(wanted)
        await self.waits.write_free(connection, states, self._working)
        await self.waits.write(connection, self._gates())

    def _gates(self) -> dict[str, Gate]:
        """The gates of the hosts that we hold."""
        return {host: working.gate for host, working in self._working.items() if working.gate}

    def _give_up(self, hosts: Iterable[str]) -> None:
        """End lanes whose session is gone, or whose host another lane has taken, and with them their requests."""
        for host in hosts:
            if host in self._working and (task := self._working[host].task) and not task.cancelling():
                logger.warning("lane given up: its hold on the host is gone", extra={"host": host})
                task.cancel()

    async def _renew(self, connection: Connection) -> None:
        """Say that our lanes are alive."""
        now = asyncio.get_running_loop().time()
        lanes = [gate.lane for gate in self._gates().values()]
        if lanes and now - self._renewed >= RENEW_EVERY:
            self._renewed = now
            await connection.execute(RENEW, (FROZEN, lanes, FROZEN))

    async def _due(self, connection: Connection, job: CrawlJob) -> list[str]:
        """The hosts that a job is due on; where it is due on none and calls for nothing more, it is done."""
        ours = set(job.hosts) <= set(self.crawler.hosts)
        if any(host in self._working for host in job.hosts):
            await follow_up(self.crawler, connection, job.scope)  # the other site need not wait for this one
        hosts = await due_hosts(connection, job)
        if not hosts and ours:
            await match_photos(connection)
            await follow_up(self.crawler, connection, job.scope)
            if not (hosts := await due_hosts(connection, job)):
                await finish(connection, job.id)
                logger.info("crawl job done", extra={"range": job.scope.title, "hosts": ", ".join(job.hosts)})
        return hosts

    def _consider(self, host: str, state: HostState | None) -> None:
        """Take a host that has work, or say why not now."""
        if wait := self._obstacle(host, state):
            self.waits.begin(host, wait)
            if not wait.try_it:
                return
        else:
            self.waits.end(host)
        if state and state.taken:
            return  # it does our work, too
        working = self._working[host] = _Working()
        working.task = asyncio.create_task(self._work(host, working))

    def _obstacle(self, host: str, state: HostState | None) -> Wait | None:
        """What keeps a host from being worked on by us now."""
        if state is None:
            return None
        if state.blocked:
            return state.wait
        if state.taken:
            return state.wait
        rest = self._rests.get(host)
        opens_at = next_opening(state.now, self.crawler.hours, None)
        if rest and rest.next_at and rest.next_at > max(opens_at, state.now):
            return rest.wait(host)
        if opens_at > state.now:
            return Wait(Awaited.OPENING, until=opens_at, host=host)
        if state.open_until and state.open_until > state.now:  # unless we know that its process is gone
            return Wait(Awaited.OPEN_REQUEST, until=state.open_until, host=host, try_it=True)
        breakdown = self._breakdowns.get(host)
        seconds = breakdown.again_at - asyncio.get_running_loop().time() if breakdown else 0
        if breakdown and seconds > 0:
            facts = {"error": reason_of(breakdown.error)}
            return Wait(Awaited.BREAKDOWN, facts, state.now + timedelta(seconds=seconds), host)
        return None

    def all_waits(self) -> dict[str, Wait]:
        """What it waits for, and what its lanes wait for, by host."""
        lanes = {host: wait for host, gate in self._gates().items() if (wait := long_wait(gate))}
        return self.waits.held | {host: replace(wait, host=host) for host, wait in lanes.items()}

    async def _work(self, host: str, working: _Working) -> None:
        """One slice of work on a host, from taking it to leaving it."""
        try:
            end = await self._slice(host, working)
        except LaneLost as lost:
            logger.warning("lane lost", extra={"host": host, "reason": str(lost)})
        except Exception as error:  # noqa: BLE001 (logged in full, and tried again later)
            self._broke_off(host, error)
        else:
            if end:
                self._breakdowns.pop(host, None)
                self._rests[host] = end
                logger.info("lane ended", extra={"host": host, "why": end.why, "reason": end.reason})
        finally:
            del self._working[host]
            if working.gate:
                self._ended.append(working.gate.holder)

    def _broke_off(self, host: str, error: Exception) -> None:
        if trouble_of(error) or isinstance(error, PaddockError):  # waited for, and that is said
            logger.info("lane broke off", extra={"host": host, "reason": reason_of(error)})
        else:
            logger.error("lane broke off on an error of our own", exc_info=error, extra={"host": host})
        now = asyncio.get_running_loop().time()
        self._breakdowns.setdefault(host, Breakdown(error, now)).again(error, now)

    async def _slice(self, host: str, working: _Working) -> LaneEnd | None:
        """Hold a host for a slice of time; None where somebody else was quicker."""
        crawler, site = self.crawler, self.crawler.site_of(host)
        async with await crawler.connect() as connection:
            await connection.execute("SET idle_in_transaction_session_timeout = '30s'")
            gate = await crawler.claim(connection, host, lease=FROZEN, who=_who())
            if gate is None:
                return None
            working.gate = gate
            self.waits.end(host)
            if host in self._breakdowns:
                await make_sure_of_room(connection)
            end = await self._ask(gate, site)
            await match_photos(connection)
            return end

    async def _ask(self, gate: Gate, site: Site) -> LaneEnd:
        assert self.crawler.fetcher is not None
        try:
            robots = await robots_in_force(gate, self.crawler.fetcher, site.source.name, site.url)
        except Blocked as blocked:
            return LaneEnd(Ending.BLOCKED, blocked.until, blocked.code, blocked.detail)
        if robots is None:
            return LaneEnd(Ending.STOPPED)
        stopped = await drift.stopped_kinds(gate.connection)
        await bring_up_to_date(gate.connection, self.dictionaries)
        jobs, hours = Rota(gate, everything=self.everything), self.crawler.hours
        return await Lane(gate, self.crawler.fetcher, robots, hours, jobs, stopped, self.dictionaries).run(SLICE)

    async def _end_lanes(self) -> None:
        """Let every lane finish the page at hand."""
        tasks = [working.task for working in self._working.values() if working.task]
        if tasks:
            await asyncio.wait(tasks)


def _holds(gate: Gate, state: HostState | None) -> bool:
    return state is not None and state.taken and state.lane == gate.lane


def _who() -> str:
    """This process, as another one's user would look for it."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    return f"`{command}` (process {os.getpid()} on {socket.gethostname()})"
