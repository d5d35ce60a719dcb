"""`collector refresh-labels`: which horses' aptitudes are asked for again, and what came of it.

A horse is looked at first on its own page, which shows the aptitude itself (older layout) or says where it is. From
then on its interval follows how fast opinion changes (`due.ask_opinion_at`); a race makes it due, retirement
stretches it. Everything else is the crawl's own machinery: pages in the frontier, one lane a host.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from collector.engine.crawl import Tick, Watch, database_clock, due_pages, exit_code
from collector.engine.crawl_jobs import Asked, Crawler, CrawlJob, ask_for
from collector.errors import ExitCode
from collector.frontier.due import FIRST_INTERVAL
from collector.frontier.scope import Scope
from collector.frontier.status import HORSES, summarise
from collector.politeness.gate import Connection, host_name
from collector.storage.roles import UNDATED, Role

# The pages of the horses that photos show, those that are not known yet.
FOLLOW = """
INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at)
SELECT replace(%(url)s, '{}', horse_id), %(host)s, %(source)s, %(kind)s, %(role)s, horse_id, %(dated)s, %(priority)s,
       clock_timestamp()
FROM (SELECT DISTINCT horse_id FROM photo_match WHERE horse_id IS NOT NULL
      AND (%(only)s::text[] IS NULL OR horse_id = ANY (%(only)s))) AS shown
WHERE NOT EXISTS (SELECT FROM page WHERE url = replace(%(url)s, '{}', horse_id))
ORDER BY horse_id
ON CONFLICT (url) DO NOTHING
"""
# Labels that were imported, or that imported pages lead to, wait until a photo shows their horse.
WAITING = """
UPDATE page SET due_at = CASE WHEN state = 'due' THEN clock_timestamp() ELSE last_fetched_at + %(first)s END
FROM (SELECT DISTINCT horse_id FROM photo_match WHERE horse_id IS NOT NULL) AS shown
WHERE page.host = %(host)s AND page.about = shown.horse_id AND page.due_at IS NULL
AND (page.role IN ('aptitude', 'reviews') AND page.state = 'due' OR page.role = 'aptitude' AND page.state = 'fetched'
     OR page.role = 'horse' AND page.state = 'fetched' AND EXISTS (SELECT FROM aptitude WHERE source_url = page.url)
     AND NOT EXISTS (SELECT FROM page AS own WHERE own.about = page.about AND own.role = 'aptitude'))
"""
LABEL_PAGES = "host = %(host)s AND role IN ('horse', 'aptitude') AND due_at IS NOT NULL"
# Opinion moves when a horse has run: it is looked at once after each race.
RACED = f"""
UPDATE page SET due_at = clock_timestamp() FROM entry JOIN race USING (race_id)
WHERE {LABEL_PAGES} AND entry.horse_id = page.about
AND race_date BETWEEN current_date - 14 AND current_date - 1 AND last_fetched_at < race_date + 1
"""
RETIRED = f"""
UPDATE page SET due_at = last_fetched_at + interval '90 days' FROM horse
WHERE {LABEL_PAGES} AND horse.horse_id = page.about AND horse.retired
AND last_fetched_at IS NOT NULL AND due_at < last_fetched_at + interval '90 days'
"""
OLDER = f"""
UPDATE page SET due_at = clock_timestamp() WHERE {LABEL_PAGES} AND last_fetched_at < clock_timestamp() - %(age)s
"""
NAMED = f"UPDATE page SET due_at = clock_timestamp() WHERE {LABEL_PAGES} AND page.about = ANY (%(only)s)"
DUE = """
SELECT count(*) FROM page WHERE host = %(host)s AND dated = %(undated)s AND role IN ('horse', 'aptitude', 'reviews')
AND due_at <= clock_timestamp()
"""
# What a page leads to is known when it is read: a horse's page shows the aptitude itself or says where it is, and where
# that has changed, the reviews behind it are counted.
FOLLOWING = """
SELECT COALESCE(sum(CASE
    WHEN role = 'horse' AND NOT EXISTS (SELECT FROM page AS known
        WHERE known.role = 'aptitude' AND known.about = page.about AND known.last_fetched_at IS NOT NULL) THEN 2
    WHEN role = 'aptitude' THEN 1 ELSE 0 END), 0)
FROM page WHERE host = %(host)s AND dated = %(undated)s AND due_at <= clock_timestamp()
"""
OUTCOME = f"""
SELECT (SELECT count(DISTINCT horse_id) FROM aptitude WHERE observed_at >= %(started)s AND value IS NOT NULL),
       (SELECT count(DISTINCT horse_id) FROM aptitude WHERE observed_at >= %(started)s AND value IS NULL),
       counted.rated + counted.unreviewed, counted.horses
FROM ({HORSES}) AS counted
"""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh brought."""

    requests: int
    not_modified: int
    bytes: int
    changed: int  # horses with a new opinion
    unreviewed: int  # horses seen for the first time, or again, without one
    held: int  # horses whose graph is held
    horses: int  # horses that photos show
    due: int  # pages still due
    elapsed: float  # seconds

    def as_json(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        return {
            "requests": self.requests,
            "not_modified": self.not_modified,
            "bytes": self.bytes,
            "horses_changed": self.changed,
            "horses_unreviewed": self.unreviewed,
            "horses_held": self.held,
            "horses": self.horses,
            "pages_due": self.due,
            "elapsed_s": round(self.elapsed, 3),
        }


def labels_of(crawler: Crawler) -> Asked | None:
    """Where labels are asked for: the pages of horses; None where no source gives them."""
    return next(iter(crawler.asked_for(Role.HORSE)), None)


def label_scope(limit: int | None = None) -> Scope:
    """What a refresh covers: the pages that belong to no day, up to a limit."""
    return Scope(UNDATED, UNDATED, limit)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a refresh would ask for, were it begun now."""

    due: int  # pages
    most: int  # requests, with all that those pages may lead to

    def within(self, limit: int | None) -> "Foreseen":
        """The same with a limit on the number of pages."""
        return self if limit is None else Foreseen(min(self.due, limit), min(self.most, limit))


async def foresee(
    connection: Connection, asked: Asked, *, older_than: timedelta | None, horses: list[str] | None
) -> Foreseen:
    """Count what a refresh would ask for, and change nothing."""
    facts = {"host": host_name(asked.site.url), "undated": UNDATED}
    async with connection.transaction(force_rollback=True):
        due = await plan(connection, asked, older_than=older_than, horses=horses)
        row = await (await connection.execute(FOLLOWING, facts)).fetchone()
    assert row is not None
    return Foreseen(due, due + int(row[0]))


async def plan(connection: Connection, asked: Asked, *, older_than: timedelta | None, horses: list[str] | None) -> int:
    """Make due what is to be asked for now; returns how many pages that are."""
    host = host_name(asked.site.url)
    facts: dict[str, Any] = {"host": host, "only": horses, "age": older_than, "undated": UNDATED}
    async with connection.transaction():
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        await connection.execute(FOLLOW, facts | asked.page("{}", UNDATED))
        await connection.execute(WAITING, facts | {"first": FIRST_INTERVAL})
        for query in (RETIRED, RACED):
            await connection.execute(query, facts)
        if older_than is not None:
            await connection.execute(OLDER, facts)
        if horses is not None:
            await connection.execute(NAMED, facts)
        row = await (await connection.execute(DUE, facts)).fetchone()
    assert row is not None
    return row[0]


async def refresh(
    crawler: Crawler, asked: Asked, scope: Scope, show: Callable[[Tick], Awaitable[None]]
) -> tuple[Refreshed, ExitCode]:
    """Ask for what is due, to the end or to the limit, in this process, together with all others that are at work.

    Raises:
        UsageError: nobody has accepted the terms of the source that gives labels.
    """
    host = host_name(asked.site.url)
    blocked = False
    await crawler.check_leave([host])
    async with await crawler.connect() as connection:
        started = await database_clock(connection)
        job_id = None
        if await due_pages(connection, [host], scope):  # a lane that has nothing to do would still ask for robots.txt
            job_id = await ask_for(connection, [host], scope, attended=True)
    if job_id is not None:
        blocked = await Watch(crawler, CrawlJob(job_id, scope, (host,), None), started, show).to_the_end()
    async with await crawler.connect() as connection:
        summary = await summarise(connection, [host], scope, started)
        facts = {"host": host, "undated": UNDATED, "started": started}
        left = await (await connection.execute(DUE, facts)).fetchone()
        counts = await (await connection.execute(OUTCOME, facts)).fetchone()
        assert left is not None
        assert counts is not None
    done = Refreshed(
        summary.requests, summary.not_modified, summary.bytes, *counts, due=left[0], elapsed=summary.elapsed
    )
    unfinished = bool(left[0]) and scope.pages is None and not blocked and not crawler.interrupted
    return done, exit_code(summary, stopped=crawler.interrupted, blocked=blocked, left=unfinished)
