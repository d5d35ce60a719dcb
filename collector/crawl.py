"""`collector crawl`: seeds the frontier, works on it in this process, and says what came."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collector import frontier
from collector.errors import ExitCode
from collector.frontier import IN_SCOPE, Scope
from collector.jobs import Workplace, lane_lock, start_lane, working
from collector.models import PageKind
from collector.politeness import Connection, host_name
from collector.sources import keibado
from collector.status import Summary, summarise

PATIENCE = timedelta(minutes=2)  # a block longer than this ends a crawl; its work stays queued
TICK = 0.5  # seconds between two looks at how it goes

SEED = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(dated)s, %(priority)s, clock_timestamp())
ON CONFLICT (url) DO NOTHING
"""
DUE = f"""
SELECT kind, count(*) FROM page WHERE host = %(host)s AND due_at <= clock_timestamp() AND kind <> 'robots'
AND {IN_SCOPE} GROUP BY kind
"""
# A new round begins only when the last one is done: a crawl that was killed goes on, and asks for nothing twice.
NEW_ROUND = f"""
UPDATE page SET due_at = clock_timestamp() WHERE host = %(host)s AND state = 'fetched' AND due_at IS NOT NULL
AND kind = ANY (%(listings)s) AND {IN_SCOPE}
"""
LANE = """
SELECT job.status::text, job.scheduled_at, NULLIF(host.blocked_until, 'infinity'), host.reason,
       host.excluded_at, clock_timestamp()
FROM host LEFT JOIN procrastinate_jobs AS job ON job.lock = %(lock)s AND job.queue_name = %(queue)s
                                             AND job.status IN ('todo', 'doing')
WHERE host.name = %(host)s ORDER BY job.status DESC LIMIT 1
"""
CANCEL = "DELETE FROM procrastinate_jobs WHERE queue_name = %(queue)s AND lock = %(lock)s AND status = 'todo'"


@dataclass(frozen=True, slots=True)
class Tick:
    """How a crawl stands, for whoever shows it."""

    summary: Summary
    due: dict[str, int]  # pages known and due now, by kind
    waiting: str | None = None  # why nothing happens at the moment


def scope_parameters(host: str, scope: Scope) -> dict[str, Any]:
    """What the scope's conditions in SQL need."""
    return {"host": host, "since": scope.since, "until": scope.until, "limit": scope.limit}


async def due_pages(connection: Connection, host: str, scope: Scope) -> dict[str, int]:
    """How many pages of each kind are due now."""
    rows = await (await connection.execute(DUE, scope_parameters(host, scope))).fetchall()
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


async def begin(connection: Connection, base: str, scope: Scope) -> None:
    """Put the seeds in the frontier, and begin a new round where the last one is done."""
    host = host_name(base)
    async with connection.transaction():
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        async with connection.cursor() as cursor:
            await cursor.executemany(SEED, seeds(base, scope))
        if not await due_pages(connection, host, scope):
            listings = {"listings": [str(kind) for kind in frontier.LISTINGS]}
            await connection.execute(NEW_ROUND, scope_parameters(host, scope) | listings)


async def crawl(
    place: Workplace, base: str, scope: Scope, show: Callable[[Tick], Awaitable[None]]
) -> tuple[Summary, ExitCode]:
    """Crawl a scope to its end, in this process and with whoever helps.

    Ends when nothing is due, when the site closes for longer than two minutes, or when told to stop; whatever
    was fetched is committed, whatever was not stays queued.
    """
    host = host_name(base)
    async with await place.connect() as connection:
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        started: datetime = row[0]
        await begin(connection, base, scope)
        async with working(place, [scope.token]) as (app, running):
            await start_lane(app, connection, keibado.SOURCE, base, scope)
            blocked = await _watch(place, running, connection, host, scope, started, show)
        summary = await summarise(connection, host, scope, started)
        # A lane that ended on an error of ours leaves pages due; that is not the end of a crawl.
        left = not blocked and not place.interrupted and bool(await due_pages(connection, host, scope))
        return summary, _exit_code(summary, stopped=place.interrupted, blocked=blocked, left=left)


async def _watch(
    place: Workplace,
    running: asyncio.Task[None],
    connection: Connection,
    host: str,
    scope: Scope,
    started: datetime,
    show: Callable[[Tick], Awaitable[None]],
) -> bool:
    """Look on until there is nothing more to do; says whether that is because the host is closed."""
    named = {"host": host, "queue": scope.token, "lock": lane_lock(host)}
    while not place.stopping.is_set() and not running.done():
        row = await (await connection.execute(LANE, named)).fetchone()
        assert row is not None
        status, scheduled_at, blocked_until, reason, excluded_at, now = row
        closed = excluded_at is not None or (blocked_until is not None and blocked_until > now)
        if status is None:
            return closed
        if closed and (excluded_at or blocked_until > now + PATIENCE):
            await connection.execute(CANCEL, named)
            return True
        waiting = f"{reason}, until {blocked_until:%H:%M:%S}" if closed else None
        if not closed and scheduled_at is not None and scheduled_at > now:
            waiting = f"outside the opening hours, until {scheduled_at:%Y-%m-%d %H:%M} UTC"
        await show(
            Tick(
                await summarise(connection, host, scope, started),
                await due_pages(connection, host, scope),
                waiting,
            )
        )
        await _pause(place, running)
    return False


async def _pause(place: Workplace, running: asyncio.Task[None]) -> None:
    stop = asyncio.create_task(place.stopping.wait())
    await asyncio.wait((stop, running), timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()


def _exit_code(summary: Summary, *, stopped: bool, blocked: bool, left: bool) -> ExitCode:
    if stopped:
        return ExitCode.INTERRUPTED
    if summary.layout_changed:
        return ExitCode.LAYOUT_CHANGED
    if blocked or summary.refused:
        return ExitCode.BLOCKED
    return ExitCode.SOME_FAILED if summary.failed or left else ExitCode.DONE
