"""`collector crawl`: seeds the frontier, works on it in this process, looks on, and says what came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg

from collector.codes import Awaited
from collector.console.trouble import reason_of
from collector.engine.breakdown import DATABASE_PATIENCE, is_away, said_when_late
from collector.engine.crawl_jobs import Crawler, CrawlJob, ask_for, attend, due_hosts, leave
from collector.engine.crew import Crew
from collector.errors import ExitCode, PaddockError
from collector.frontier.due import LISTINGS, seed_year, today
from collector.frontier.hosts import HostState, host_states
from collector.frontier.scope import IN_SCOPE, Scope, scope_parameters
from collector.frontier.status import NOTHING, Summary, summarise
from collector.politeness.gate import Connection, Wait
from collector.storage.roles import Role

logger = logging.getLogger(__name__)

TICK = 0.5  # seconds between two looks at how it goes
SHARE = 10  # a look may take a tenth of the time: counting a large archive is work
PATIENCE = timedelta(minutes=2)  # a block longer than this ends a command; its job stays open

DUE = f"""
SELECT role, count(*) FROM page WHERE host = ANY (%(hosts)s) AND due_at <= clock_timestamp() AND role <> 'robots'
AND {IN_SCOPE} GROUP BY role
"""
EXCLUDED = "SELECT EXISTS (SELECT FROM host WHERE name = ANY (%s) AND excluded_at IS NOT NULL)"
KNOW_HOST = "INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING"
# One listing of many years stands under the last of them that was asked for.
SEED = """
INSERT INTO page AS held (url, host, source, kind, role, dated, priority, due_at)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(role)s, %(dated)s, %(priority)s, clock_timestamp())
ON CONFLICT (url) DO UPDATE SET dated = EXCLUDED.dated, due_at = EXCLUDED.due_at
WHERE held.dated < EXCLUDED.dated AND held.state <> 'excluded'
"""
# A new round begins only when the last one is done: a crawl that was killed goes on, and asks for nothing twice.
NEW_ROUND = f"""
UPDATE page SET due_at = clock_timestamp() WHERE host = ANY (%(hosts)s) AND state = 'fetched' AND due_at IS NOT NULL
AND role = ANY (%(listings)s) AND {IN_SCOPE}
"""


@dataclass(frozen=True, slots=True)
class Tick:
    """How far a crawl has come, for the code that shows it."""

    summary: Summary
    due: dict[str, int]  # pages known and due now, by role
    waits: tuple[Wait, ...] = ()  # the database first

    @property
    def waiting(self) -> str | None:
        """What is being waited for, and until when."""
        return "; ".join(str(wait) for wait in self.waits) or None


async def due_pages(connection: Connection, hosts: Sequence[str], scope: Scope) -> dict[str, int]:
    """How many pages of each role are due now."""
    rows = await (await connection.execute(DUE, scope_parameters(hosts, scope))).fetchall()
    return dict(rows)


def seeds(crawler: Crawler, scope: Scope) -> list[dict[str, Any]]:
    """The listings that a scope begins with; one of many years once, under the last of them."""
    last = min(scope.until.year, today().year)
    pages = (
        asked.page(year, seed_year(year))
        for asked in crawler.asked_for(Role.LISTING)
        for year in range(max(scope.since.year, asked.site.source.first_year), last + 1)
    )
    return list({page["url"]: page for page in pages}.values())


Begin = Callable[[Connection, Crawler, Scope], Awaitable[int]]  # what is due before a crawl begins


async def seed(connection: Connection, crawler: Crawler, scope: Scope) -> None:
    """Put the seeds in the frontier."""
    async with connection.cursor() as cursor:
        await cursor.executemany(KNOW_HOST, [(host,) for host in crawler.hosts])
        await cursor.executemany(SEED, seeds(crawler, scope))


async def begin(connection: Connection, crawler: Crawler, scope: Scope) -> int:
    """Put the seeds in the frontier, and begin a new round where the last one is done; how many pages are due."""
    hosts = crawler.hosts
    async with connection.transaction():
        await seed(connection, crawler, scope)
        if not await due_pages(connection, hosts, scope):
            listings = {"listings": [str(role) for role in LISTINGS]}
            await connection.execute(NEW_ROUND, scope_parameters(hosts, scope) | listings)
        return sum((await due_pages(connection, hosts, scope)).values())


async def crawl(
    crawler: Crawler, scope: Scope, show: Callable[[Tick], Awaitable[None]], begin: Begin = begin
) -> tuple[Summary, ExitCode]:
    """Crawl a scope to its end, in this process, together with all others that are at work.

    Ends when nothing is due, when the sites close for longer than two minutes, or when it is asked to stop; whatever
    was fetched is committed, whatever was not stays open.

    Raises:
        psycopg.Error, PaddockError: it cannot go on, for a reason that one sentence states.
    """
    hosts = crawler.hosts

    async def say_late() -> None:
        await show(Tick(NOTHING, {}, (Wait(Awaited.DATABASE_ANSWER),)))

    started, job_id = await said_when_late(_ask(crawler, scope, begin), say_late)
    blocked = await Watch(crawler, CrawlJob(job_id, scope, tuple(hosts), None), started, show).to_the_end()
    async with await crawler.connect() as connection:
        summary = await summarise(connection, hosts, scope, started)
        # A lane that ended on an error of ours leaves pages due; that is not the end of a crawl.
        left = not blocked and not crawler.interrupted and bool(await due_pages(connection, hosts, scope))
    return summary, exit_code(summary, stopped=crawler.interrupted, blocked=blocked, left=left)


async def _ask(crawler: Crawler, scope: Scope, begin: Begin) -> tuple[datetime, int]:
    """Want a scope: when that was, and the job's id."""
    await crawler.check_leave(crawler.hosts)
    async with await crawler.connect() as connection:
        started = await database_clock(connection)
        await begin(connection, crawler, scope)
        return started, await ask_for(connection, crawler.hosts, scope, attended=True)


@dataclass(slots=True)
class Watch:
    """Looks on while lanes work, this process's and others'."""

    crawler: Crawler
    job: CrawlJob
    started: datetime
    show: Callable[[Tick], Awaitable[None]]
    _last: Tick = Tick(NOTHING, {})
    _states: dict[str, HostState] = field(default_factory=dict)  # of the hosts that are due, at the last look

    async def to_the_end(self) -> bool:
        """Work until the job is done or the command is asked to stop; says whether it ended because a host is closed.

        Raises:
            psycopg.Error, PaddockError: our own lanes broke off on it again and again.
        """
        crew = Crew(self.crawler)
        running = asyncio.create_task(crew.run())
        try:
            return await self._look_on(crew, running)
        finally:
            self.crawler.stopping.set()
            await running
            await self._leave()

    async def _leave(self) -> None:
        """Leave what is not done to other processes."""
        try:
            async with await self.crawler.connect() as connection:
                await leave(connection, self.job.id)
        except psycopg.OperationalError as error:  # then our word that we attend it runs out by itself
            logger.info("job not left: the database is away", extra={"reason": str(error).strip()})

    async def _look_on(self, crew: Crew, running: asyncio.Task[None]) -> bool:
        """Look on, also over a restart of the database."""
        clock = asyncio.get_running_loop().time
        lost_at: float | None = None

        async def say_late() -> None:
            await self._show_waits({"": Wait(Awaited.DATABASE_ANSWER)} | crew.all_waits())

        while not self.crawler.stopping.is_set() and not running.done():
            try:
                async with await said_when_late(self.crawler.connect(), say_late) as connection:
                    while not self.crawler.stopping.is_set() and not running.done():
                        began = clock()
                        if (ended := await said_when_late(self._look(connection, crew), say_late)) is not None:
                            return ended
                        lost_at = None
                        await self._rest(running, crew, max(TICK, SHARE * (clock() - began)))
            except psycopg.OperationalError as error:
                lost_at = lost_at or clock()
                if not is_away(error) or clock() - lost_at > DATABASE_PATIENCE:
                    raise
                await self._show_waits({"": Wait(Awaited.DATABASE, {"error": reason_of(error)})} | crew.all_waits())
                await self._pause(running, TICK)
        return False

    async def _look(self, connection: Connection, crew: Crew) -> bool | None:
        """One look; None while there is more to do, else whether a host is closed."""
        if not await attend(connection, self.job.id):
            row = await (await connection.execute(EXCLUDED, (list(self.job.hosts),))).fetchone()
            return row == (True,)
        due_on = await due_hosts(connection, self.job)
        states = await host_states(connection, due_on)
        if due_on and all(_closed_for_long(states.get(host)) for host in due_on):
            return True
        if error := crew.broken(due_on):
            if isinstance(error, (psycopg.Error, PaddockError)):
                raise error
            return False
        summary = await summarise(connection, self.job.hosts, self.job.scope, self.started)
        due = await due_pages(connection, self.job.hosts, self.job.scope)
        self._states = states
        self._last = Tick(summary, due, _all(crew.all_waits(), states))
        await self.show(self._last)
        return None

    async def _show_waits(self, waits: dict[str, Wait]) -> None:
        await self.show(replace(self._last, waits=_all(waits, self._states)))

    async def _rest(self, running: asyncio.Task[None], crew: Crew, seconds: float) -> None:
        """Sleep until the next look, and show meanwhile what our own lanes wait for."""
        ends_at = asyncio.get_running_loop().time() + seconds
        while (left := ends_at - asyncio.get_running_loop().time()) > 0 and not self.crawler.stopping.is_set():
            await self._pause(running, min(left, TICK))
            if running.done():
                return
            if waits := crew.all_waits():
                await self._show_waits(waits)

    async def _pause(self, running: asyncio.Task[None], seconds: float) -> None:
        stop = asyncio.create_task(self.crawler.stopping.wait())
        await asyncio.wait((stop, running), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()


def _closed_for_long(state: HostState | None) -> bool:
    if state is None or not state.blocked:
        return False
    return state.blocked_until is None or state.blocked_until > state.now + PATIENCE


def _all(ours: dict[str, Wait], states: dict[str, HostState]) -> tuple[Wait, ...]:
    """All that is being waited for, the database first."""
    waits = {host: wait for host, state in states.items() if (wait := state.wait)} | ours
    return tuple(waits[host] for host in sorted(waits))


def exit_code(summary: Summary, *, stopped: bool, blocked: bool, left: bool) -> ExitCode:
    """How a run of lanes ended, most urgent first."""
    if stopped:
        return ExitCode.INTERRUPTED
    if summary.layout_changed:
        return ExitCode.LAYOUT_CHANGED
    if blocked or summary.refused:
        return ExitCode.BLOCKED
    return ExitCode.SOME_FAILED if summary.failed or left else ExitCode.DONE


async def database_clock(connection: Connection) -> datetime:
    """Now, on the clock that everything goes by."""
    row: Any = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    return row[0]
