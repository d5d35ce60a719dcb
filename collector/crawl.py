"""`collector crawl`: seeds the frontier, works on it in this process, and says what came."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collector import frontier
from collector.console import in_japan
from collector.errors import ExitCode
from collector.frontier import IN_SCOPE, Scope, scope_parameters
from collector.jobs import Workplace, follow_up, lane_lock, start_lane, working
from collector.models import PageKind
from collector.politeness import Connection, host_name
from collector.sources import keibado
from collector.status import Summary, summarise

PATIENCE = timedelta(minutes=2)  # a block longer than this ends a crawl; its work stays queued
TICK = 0.5  # seconds between two looks at how it goes
SHARE = 10  # a look may take a tenth of the time: counting a large archive is work

KNOW_HOST = "INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING"
SEED = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(dated)s, %(priority)s, clock_timestamp())
ON CONFLICT (url) DO NOTHING
"""
DUE = f"""
SELECT kind, count(*) FROM page WHERE host = ANY (%(hosts)s) AND due_at <= clock_timestamp() AND kind <> 'robots'
AND {IN_SCOPE} GROUP BY kind
"""
# A new round begins only when the last one is done: a crawl that was killed goes on, and asks for nothing twice.
NEW_ROUND = f"""
UPDATE page SET due_at = clock_timestamp() WHERE host = ANY (%(hosts)s) AND state = 'fetched' AND due_at IS NOT NULL
AND kind = ANY (%(listings)s) AND {IN_SCOPE}
"""
LANES = """
SELECT host.name, job.status, job.scheduled_at, NULLIF(host.blocked_until, 'infinity'), host.reason,
       host.excluded_at, clock_timestamp()
FROM host LEFT JOIN LATERAL (
    SELECT status::text, scheduled_at FROM procrastinate_jobs
    WHERE lock = 'lane:' || host.name AND queue_name = %(queue)s AND status IN ('todo', 'doing')
    ORDER BY procrastinate_jobs.status DESC LIMIT 1) AS job ON true
WHERE host.name = ANY (%(hosts)s)
"""
CANCEL = "DELETE FROM procrastinate_jobs WHERE queue_name = %(queue)s AND lock = %(lock)s AND status = 'todo'"


@dataclass(frozen=True, slots=True)
class Tick:
    """How a crawl stands, for whoever shows it."""

    summary: Summary
    due: dict[str, int]  # pages known and due now, by kind
    waiting: str | None = None  # why nothing happens at the moment


@dataclass(frozen=True, slots=True)
class _LaneState:
    """Where one host's lane stands, and its gate."""

    host: str
    status: str | None  # of the lane's job: todo, doing; None: it has none
    scheduled_at: datetime | None
    blocked_until: datetime | None
    reason: str | None
    excluded_at: datetime | None
    now: datetime  # database clock

    @property
    def closed(self) -> bool:
        return self.excluded_at is not None or (self.blocked_until is not None and self.blocked_until > self.now)

    @property
    def closed_for_long(self) -> bool:
        if self.excluded_at is not None:
            return True
        return self.blocked_until is not None and self.blocked_until > self.now + PATIENCE

    @property
    def waiting(self) -> str | None:
        """Why nothing happens on this host at the moment."""
        if self.closed:
            return f"{self.reason}, until {in_japan(self.blocked_until)}"
        if self.scheduled_at is not None and self.scheduled_at > self.now:
            return f"outside the opening hours, until {in_japan(self.scheduled_at)}"
        return None


async def due_pages(connection: Connection, hosts: Sequence[str], scope: Scope) -> dict[str, int]:
    """How many pages of each kind are due now."""
    rows = await (await connection.execute(DUE, scope_parameters(hosts, scope))).fetchall()
    return dict(rows)


def seeds(base: str, scope: Scope) -> list[dict[str, Any]]:
    """The year indexes that a scope begins with."""
    last = min(scope.until.year, frontier.today().year)
    return [
        {
            "url": keibado.year_index_url(base, year),
            "host": host_name(base),
            "source": keibado.SOURCE,
            "kind": PageKind.YEAR_INDEX,
            "dated": frontier.seed_year(year),
            "priority": frontier.PRIORITY[PageKind.YEAR_INDEX],
        }
        for year in range(max(scope.since.year, frontier.FIRST_YEAR), last + 1)
    ]


async def begin(connection: Connection, base: str, hosts: Sequence[str], scope: Scope) -> int:
    """Put the seeds in the frontier, and begin a new round where the last one is done; how many pages are due."""
    async with connection.transaction():
        async with connection.cursor() as cursor:
            await cursor.executemany(KNOW_HOST, [(host,) for host in hosts])
            await cursor.executemany(SEED, seeds(base, scope))
        if not await due_pages(connection, hosts, scope):
            listings = {"listings": [str(kind) for kind in frontier.LISTINGS]}
            await connection.execute(NEW_ROUND, scope_parameters(hosts, scope) | listings)
        return sum((await due_pages(connection, hosts, scope)).values())


async def crawl(
    place: Workplace, base: str, scope: Scope, show: Callable[[Tick], Awaitable[None]]
) -> tuple[Summary, ExitCode]:
    """Crawl a scope to its end, in this process and with whoever helps.

    Ends when nothing is due, when the sites close for longer than two minutes, or when told to stop; whatever
    was fetched is committed, whatever was not stays queued.
    """
    hosts = place.hosts
    async with await place.connect() as connection:
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        started: datetime = row[0]
        await begin(connection, base, hosts, scope)
        async with working(place, [scope.token]) as (app, running):
            await start_lane(app, connection, keibado.SOURCE, base, scope)

            async def look(tick: Tick) -> None:
                await follow_up(place, app, connection, scope)  # the other site need not wait for this one's slice
                await show(tick)

            watch = Watch(connection, hosts, scope, started, look)
            blocked = await watch.to_the_end(place.stopping, running)
        summary = await summarise(connection, hosts, scope, started)
        # A lane that ended on an error of ours leaves pages due; that is not the end of a crawl.
        left = not blocked and not place.interrupted and bool(await due_pages(connection, hosts, scope))
        return summary, exit_code(summary, stopped=place.interrupted, blocked=blocked, left=left)


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks on while lanes work."""

    connection: Connection
    hosts: list[str]
    scope: Scope
    started: datetime
    show: Callable[[Tick], Awaitable[None]]

    async def to_the_end(self, stopping: asyncio.Event, running: asyncio.Task[None]) -> bool:
        """Look on until there is nothing more to do; says whether that is because a host is closed."""
        clock = asyncio.get_running_loop().time
        while not stopping.is_set() and not running.done():
            began = clock()
            lanes = await self._lanes()
            for lane in lanes:
                if lane.closed_for_long:
                    await self.connection.execute(CANCEL, {"queue": self.scope.token, "lock": lane_lock(lane.host)})
            going = [lane for lane in lanes if lane.status and not lane.closed_for_long]
            if not going:
                return any(lane.closed for lane in lanes)
            reasons = [lane.waiting for lane in going]
            summary = await summarise(self.connection, self.hosts, self.scope, self.started)
            due = await due_pages(self.connection, self.hosts, self.scope)
            await self.show(Tick(summary, due, reasons[0] if all(reasons) else None))
            await _pause(stopping, running, max(TICK, SHARE * (clock() - began)))
        return False

    async def _lanes(self) -> list[_LaneState]:
        named = {"queue": self.scope.token, "hosts": self.hosts}
        rows = await (await self.connection.execute(LANES, named)).fetchall()
        return [_LaneState(*row) for row in rows]


async def _pause(stopping: asyncio.Event, running: asyncio.Task[None], seconds: float) -> None:
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait((stop, running), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()


def exit_code(summary: Summary, *, stopped: bool, blocked: bool, left: bool) -> ExitCode:
    """How a run of lanes ended, most urgent first."""
    if stopped:
        return ExitCode.INTERRUPTED
    if summary.layout_changed:
        return ExitCode.LAYOUT_CHANGED
    if blocked or summary.refused:
        return ExitCode.BLOCKED
    return ExitCode.SOME_FAILED if summary.failed or left else ExitCode.DONE
