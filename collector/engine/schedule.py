"""The schedule: labels nightly, new back numbers on Mondays, with any number of workers and nothing beside them.

A tick is a row in Postgres. A process that finds it due locks it, asks for the work and moves it on, in one
transaction. It fires once, whatever number of workers looks; one that was missed while all were down is made up for
once. A job that is still open is the same job, so runs never overlap. A worker knows its own ticks and leaves others
alone.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from croniter import croniter

from collector.engine import refresh
from collector.engine.crawl import begin
from collector.engine.crawl_jobs import Crawler, ask_for
from collector.errors import UsageError
from collector.frontier.due import STILL_CHANGING, seed_year, today
from collector.frontier.scope import Scope
from collector.politeness.delay import TOKYO
from collector.politeness.gate import Connection, host_name

logger = logging.getLogger(__name__)

LABELS, BACK_NUMBERS = "labels", "back-numbers"

KNOW = """
INSERT INTO tick (name, cron, next_at) VALUES (%(name)s, %(cron)s, %(next_at)s)
ON CONFLICT (name) DO UPDATE SET cron = EXCLUDED.cron, next_at = EXCLUDED.next_at WHERE tick.cron <> EXCLUDED.cron
"""
TAKE = """
SELECT next_at, clock_timestamp() FROM tick
WHERE name = %s AND next_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
"""
FIRED = """
UPDATE tick SET last_at = clock_timestamp(), due_at = next_at, next_at = %(next_at)s, host = %(host)s, pages = %(pages)s
WHERE name = %(name)s
"""
# What a tick led to is read from the log, so that it is true while the run is going on; whichever the source.
TICKS = """
SELECT name, cron, next_at, due_at, last_at, pages, asked.requests, asked.changed, asked.failed, asked.last_request
FROM tick LEFT JOIN LATERAL (
    SELECT count(*) AS requests, count(*) FILTER (WHERE outcome IN ('new', 'changed')) AS changed,
           count(*) FILTER (WHERE outcome IN ('refused', 'try_later', 'unsafe', 'error')) AS failed,
           max(at) AS last_request
    FROM fetch_log JOIN page ON page.id = page_id
    WHERE at >= tick.last_at AND outcome <> 'imported'
      AND CASE WHEN tick.name = 'labels' THEN role IN ('horse', 'aptitude', 'reviews')
               ELSE role IN ('listing', 'issue', 'photo_page', 'picture') END) AS asked ON true
ORDER BY next_at
"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to do what, as cron expressions in Asia/Tokyo; None: never."""

    labels: str | None = None
    back_numbers: str | None = None

    def crons(self) -> dict[str, str]:
        """The ticks there are."""
        named = {LABELS: self.labels, BACK_NUMBERS: self.back_numbers}
        return {name: cron for name, cron in named.items() if cron}


def check_cron(cron: str) -> str:
    """The expression itself.

    Raises:
        UsageError: it is none, or never comes true.
    """
    if not croniter.is_valid(cron) or len(cron.split()) != 5:
        raise UsageError(f"{cron!r} is not a cron expression; write it as 0 2 * * * (minute hour day month weekday).")
    return cron


def next_tick(cron: str, after: datetime) -> datetime:
    """The first tick after a moment."""
    return croniter(cron, after.astimezone(TOKYO)).get_next(datetime)


async def know_ticks(connection: Connection, crons: dict[str, str]) -> None:
    """Put these ticks in the database; one whose expression has changed begins anew."""
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    async with connection.transaction():
        for name, cron in crons.items():
            await connection.execute(KNOW, {"name": name, "cron": cron, "next_at": next_tick(cron, row[0])})


async def fire(crawler: Crawler, connection: Connection, crons: dict[str, str]) -> list[str]:
    """Ask for the work of all ticks that are due; returns their names."""
    fired = []
    for name, cron in crons.items():
        async with connection.transaction():
            row = await (await connection.execute(TAKE, (name,))).fetchone()
            if row is None:
                continue
            due_at, now = row
            host, pages = await _ask(name, crawler, connection, now)
            moved = {"name": name, "next_at": next_tick(cron, now), "host": host, "pages": pages}
            await connection.execute(FIRED, moved)
        logger.info("tick", extra={"schedule": name, "due": due_at, "pages": pages})
        fired.append(name)
    return fired


async def _ask(name: str, crawler: Crawler, connection: Connection, now: datetime) -> tuple[str, int]:
    """What a tick leads to: pages become due, and a job asks for them."""
    if name == LABELS:
        asked = refresh.labels_of(crawler)
        assert asked is not None
        host = host_name(asked.site.url)
        pages = await refresh.plan(connection, asked, older_than=None, horses=None)
        if pages:  # a lane that has nothing to do would still ask for robots.txt
            await ask_for(connection, [host], refresh.label_scope(), attended=False)
        return host, pages
    # Last year's index still changes in January.
    scope = Scope(seed_year(today(now - STILL_CHANGING).year), seed_year(today(now).year + 1) - timedelta(days=1))
    pages = await begin(connection, crawler, scope)
    await ask_for(connection, crawler.hosts, scope, attended=False)
    return crawler.hosts[0], pages


async def report(connection: Connection, schedule: Schedule) -> list[dict[str, Any]]:
    """The next ticks and what the last ones led to; also before any worker has run."""
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    names = (
        "name", "cron", "next_at", "was_due_at", "last_at", "pages", "requests", "changed", "failed", "last_request_at",
    )  # fmt: skip
    held = {one[0]: dict(zip(names, one, strict=True)) for one in await (await connection.execute(TICKS)).fetchall()}
    found = []
    for name, cron in schedule.crons().items():
        known = held.get(name)
        if known is None or known["cron"] != cron:
            known = dict.fromkeys(names) | {"name": name, "cron": cron, "next_at": next_tick(cron, row[0])}
        found.append(known)
    return sorted(found, key=lambda one: one["next_at"])
