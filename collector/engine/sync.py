"""`collector sync`: what has come since the last time: back numbers, races, and labels that are due.

Nothing is remembered from one time to the next. From which day on to look follows from what is held, and which pages
are asked for from when each is due; so an interrupted sync is taken up by the next one, and by workers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from collector.engine.crawl import Tick, crawl, database_clock, due_pages, seed
from collector.engine.crawl_jobs import Asked, Crawler
from collector.engine.refresh import Refreshed, label_scope, labels_of, plan, refresh
from collector.errors import ExitCode, UsageError
from collector.frontier.due import LISTINGS, STILL_CHANGING, today
from collector.frontier.scope import IN_SCOPE, Scope, scope_parameters
from collector.frontier.status import Summary, summarise
from collector.politeness.gate import Connection
from collector.storage import locks
from collector.storage.roles import UNDATED, Role

SYNC_LOCK = 7_220_018  # an advisory lock, held by a session as long as a sync works
# The most urgent first: how several runs end together.
URGENT = (ExitCode.INTERRUPTED, ExitCode.LAYOUT_CHANGED, ExitCode.BLOCKED, ExitCode.SOME_FAILED, ExitCode.DONE)

HELD: LiteralString = """
SELECT max(dated) FILTER (WHERE role = 'issue'), max(dated) FILTER (WHERE role = 'result'),
       COALESCE(bool_or(role = 'calendar'), false)
FROM page WHERE host = ANY (%(hosts)s) AND role IN ('issue', 'result', 'calendar') AND state = 'fetched'
"""
# A command that waits for its job sees to it itself.
LEFT: LiteralString = """
SELECT since, until, "limit", all_races FROM crawl_job
WHERE hosts <@ %(hosts)s AND since > %(undated)s
  AND (attended_until IS NULL OR attended_until <= clock_timestamp()) ORDER BY id
"""
DAILY = (*LISTINGS, Role.RACE_DAY, Role.COMING_DAY, Role.CARD)
# What is looked at daily is due a day after it was answered, some minutes after a daily sync begins: half a day is
# near enough.
NEARLY_DUE = f"""
UPDATE page SET due_at = clock_timestamp() WHERE host = ANY (%(hosts)s) AND state = 'fetched'
AND due_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '12 hours'
AND last_fetched_at < clock_timestamp() - interval '12 hours' AND role = ANY (%(daily)s) AND {IN_SCOPE}
"""
NEW: LiteralString = """
SELECT role, count(*) FROM page WHERE host = ANY (%(hosts)s) AND changed_at >= %(started)s GROUP BY role
"""

Show = Callable[[Tick], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync asks for, apart from labels."""

    scope: Scope
    newest_issue: date | None  # that is held
    newest_result: date | None
    left: tuple[Scope, ...]  # ranges that were interrupted


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync brought, counted in the database and so by all who took part."""

    plan: Plan
    summary: Summary
    new: dict[str, int]  # pages that are new or have changed, by role
    labels: Refreshed | None  # None: not asked for

    def as_json(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        summary = self.summary
        return plan_as_json(self.plan) | {
            "issues_new": self.new.get(Role.ISSUE, 0),
            "photos_new": self.new.get(Role.PICTURE, 0),
            "results_new": self.new.get(Role.RESULT, 0),
            "cards_new": self.new.get(Role.CARD, 0),
            "labels": self.labels and self.labels.as_json(),
            "requests": summary.requests,
            "not_modified": summary.not_modified,
            "bytes": summary.bytes,
            "elapsed_s": round(summary.elapsed, 3),
            "min_gap_s": None if summary.min_gap is None else round(summary.min_gap, 4),
            "pages_failed": summary.failed,
            "pages_refused": summary.refused,
            "layout_changed": summary.layout_changed,
        }


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """What is asked for, as `--json` prints it."""
    return {
        "since": plan.scope.since,
        "races": "all" if plan.scope.all_races else "photos",
        "newest_issue": plan.newest_issue,
        "newest_result": plan.newest_result,
        "resumed": [scope.title for scope in plan.left],
    }


@asynccontextmanager
async def alone(crawler: Crawler) -> AsyncIterator[bool]:
    """Whether no other sync works on this database; if it is restarted, two may, as any two commands may."""
    async with await crawler.connect() as connection, locks.alone(connection, SYNC_LOCK) as is_alone:
        yield is_alone


async def plan_sync(
    connection: Connection, crawler: Crawler, since: date | None = None, *, all_races: bool | None = None
) -> Plan:
    """From which day on to look, unless `since` says it; and which races, unless `all_races` does: all, where calendars
    are held.

    Raises:
        UsageError: nothing is held yet.
    """
    facts = {"hosts": crawler.hosts, "undated": UNDATED}
    row = await (await connection.execute(HELD, facts)).fetchone()
    assert row is not None
    issue, result, has_calendars = row
    if since is None:
        since = first_day(issue, result)
    scope = Scope(since, date.max, all_races=has_calendars if all_races is None else all_races)
    rows = await (await connection.execute(LEFT, facts)).fetchall()
    left = (Scope(*one) for one in rows)
    return Plan(scope, issue, result, tuple(one for one in left if one != scope))


def first_day(newest_issue: date | None, newest_result: date | None) -> date:
    """The first day that may have something new: four weeks before the newest that is held of both.

    Raises:
        UsageError: nothing is held yet.
    """
    held = [day for day in (newest_issue, newest_result) if day]
    if not held:
        raise UsageError(
            "Nothing is collected yet, so there is no day to go on from: run `collector crawl --since 2016` first, or "
            "say from when on, as in `collector sync --since 2016`."
        )
    return min(*held, today()) - STILL_CHANGING


async def sync(crawler: Crawler, wanted: Plan, show: Show, *, labels: bool) -> tuple[Synced, ExitCode]:
    """Ask for what is new, for labels that are due, and for what was interrupted, one after the other.

    Raises:
        psycopg.Error, PaddockError: it cannot go on, for a reason that one sentence states.
    """
    async with await crawler.connect() as connection:
        started = await database_clock(connection)
    _, code = await crawl(crawler, wanted.scope, show, _look_again)
    codes, refreshed = [code], None
    # Without a site of races (`--races none`) there is nobody to ask for labels either.
    if labels and (asked := labels_of(crawler)) and _goes_on(crawler):
        refreshed, code = await _refresh(crawler, asked, show)
        codes.append(code)
    for scope in wanted.left:
        if not _goes_on(crawler):
            break
        _, code = await crawl(crawler, scope, show, _look_again)
        codes.append(code)
    async with await crawler.connect() as connection:
        summary = await summarise(connection, crawler.hosts, wanted.scope, started)
        facts = {"hosts": crawler.hosts, "started": started}
        new = dict(await (await connection.execute(NEW, facts)).fetchall())
    return Synced(wanted, summary, new, refreshed), min(codes, key=URGENT.index)


def _goes_on(crawler: Crawler) -> bool:
    """Whether there is to be a next run; the one before has ended its lanes."""
    if not crawler.interrupted:
        crawler.stopping.clear()
    return not crawler.interrupted


async def _look_again(connection: Connection, crawler: Crawler, scope: Scope) -> int:
    """Put the seeds in the frontier; how many pages are due. Lists are asked for when they are due, and not before."""
    facts = scope_parameters(crawler.hosts, scope) | {"daily": [str(role) for role in DAILY]}
    async with connection.transaction():
        await seed(connection, crawler, scope)
        await connection.execute(NEARLY_DUE, facts)
        return sum((await due_pages(connection, crawler.hosts, scope)).values())


async def _refresh(crawler: Crawler, asked: Asked, show: Show) -> tuple[Refreshed, ExitCode]:
    """Ask for the labels that are due."""
    async with await crawler.connect() as connection:
        await plan(connection, asked, older_than=None, horses=None)
    return await refresh(crawler, asked, label_scope(), show)
