"""`collector refresh-labels`: which horses' aptitudes are asked for again, and what came of it.

A horse is looked at first on its own page, which shows the aptitude itself (older layout) or says where it is. From
then on its interval follows how fast opinion changes (`frontier.ask_opinion_at`); a race makes it due, retirement
stretches it. Everything else is the crawl's own machinery: pages in the frontier, one lane a host.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collector.crawl import Tick, Watch, exit_code
from collector.errors import ExitCode, UsageError
from collector.frontier import PRIORITY, UNDATED, Scope, scope_parameters
from collector.jobs import ANYTHING_DUE, Workplace, start_lane, working
from collector.models import PageKind
from collector.politeness import Connection, host_name
from collector.sources import netkeiba
from collector.sources.text import horse_key
from collector.status import summarise
from collector.typed import half_width

# The pages of the horses that photos show, those that are not known yet.
WANT = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at)
SELECT replace(%(address)s, '{}', horse_id), %(host)s, %(source)s, 'horse', %(undated)s, %(priority)s, clock_timestamp()
FROM (SELECT DISTINCT horse_id FROM photo_match WHERE horse_id IS NOT NULL
      AND (%(only)s::text[] IS NULL OR horse_id = ANY (%(only)s))) AS shown
WHERE NOT EXISTS (SELECT FROM page WHERE url = replace(%(address)s, '{}', horse_id))
ORDER BY horse_id
ON CONFLICT (url) DO NOTHING
"""
# Which horse a label's page belongs to.
HORSE = "substring(page.url FROM '(?:/horse/|[?&]id=)([0-9A-Za-z]{10})')"
LABEL_PAGES = "host = %(host)s AND kind IN ('horse', 'aptitude') AND due_at IS NOT NULL"
# Opinion moves when a horse has run: it is looked at once after each race.
RACED = f"""
UPDATE page SET due_at = clock_timestamp() FROM entry JOIN race USING (race_id)
WHERE {LABEL_PAGES} AND entry.horse_id = {HORSE}
AND race_date BETWEEN current_date - 14 AND current_date - 1 AND last_fetched_at < race_date + 1
"""
RETIRED = f"""
UPDATE page SET due_at = last_fetched_at + interval '90 days' FROM horse
WHERE {LABEL_PAGES} AND horse.horse_id = {HORSE} AND horse.retired
AND last_fetched_at IS NOT NULL AND due_at < last_fetched_at + interval '90 days'
"""
OLDER = f"""
UPDATE page SET due_at = clock_timestamp() WHERE {LABEL_PAGES} AND last_fetched_at < clock_timestamp() - %(age)s
"""
NAMED = f"UPDATE page SET due_at = clock_timestamp() WHERE {LABEL_PAGES} AND {HORSE} = ANY (%(only)s)"
DUE = """
SELECT count(*) FROM page WHERE host = %(host)s AND dated = %(undated)s AND kind IN ('horse', 'aptitude', 'reviews')
AND due_at <= clock_timestamp()
"""
OUTCOME = """
SELECT (SELECT count(DISTINCT horse_id) FROM aptitude WHERE observed_at >= %(started)s AND value IS NOT NULL),
       (SELECT count(DISTINCT horse_id) FROM aptitude WHERE observed_at >= %(started)s AND value IS NULL),
       (SELECT count(DISTINCT horse_id) FROM aptitude), (SELECT count(DISTINCT horse_id) FROM photo_match)
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


def label_scope(limit: int | None = None) -> Scope:
    """What a refresh covers: the pages that belong to no day, at most so many of them."""
    return Scope(UNDATED, UNDATED, limit)


async def plan(
    connection: Connection, site: str, *, older_than: timedelta | None, horses: list[str] | None, keep: bool = True
) -> int:
    """Make due what is to be asked for now; returns how many pages that are. Without `keep` it is only counted."""
    host = host_name(site)
    facts: dict[str, Any] = {"host": host, "only": horses, "age": older_than, "undated": UNDATED}
    new = {"address": netkeiba.horse_url(site, "{}"), "source": netkeiba.SOURCE, "priority": PRIORITY[PageKind.HORSE]}
    async with connection.transaction(force_rollback=not keep):
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        await connection.execute(WANT, facts | new)
        for query in (RETIRED, RACED):
            await connection.execute(query, facts)
        if older_than is not None:
            await connection.execute(OLDER, facts)
        if horses is not None:
            await connection.execute(NAMED, facts)
        row = await (await connection.execute(DUE, facts)).fetchone()
    assert row is not None
    return row[0]


async def find_horses(connection: Connection, horse: str) -> list[str]:
    """The ids of the horses that a user means by an id or a name.

    Raises:
        UsageError: none is known.
    """
    query = "SELECT horse_id FROM horse WHERE horse_id = %s OR horse_key = %s ORDER BY horse_id"
    typed = half_width(horse), horse_key(horse)
    found = [row[0] for row in await (await connection.execute(query, typed)).fetchall()]
    if not found:
        raise UsageError(f"No horse {horse} is known; horses come with the races: run `collector crawl` first.")
    return found


async def refresh(
    place: Workplace, site: str, scope: Scope, show: Callable[[Tick], Awaitable[None]]
) -> tuple[Refreshed, ExitCode]:
    """Ask for what is due, to the end or to the limit, in this process and with whoever helps."""
    host = host_name(site)
    async with await place.connect() as connection:
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        started: datetime = row[0]
        due = await (await connection.execute(ANYTHING_DUE, scope_parameters([host], scope))).fetchone()
        blocked = False
        if due and due[0]:
            async with working(place, [scope.token]) as (app, running):
                await start_lane(app, connection, netkeiba.SOURCE, site, scope)
                watch = Watch(connection, [host], scope, started, show)
                blocked = await watch.to_the_end(place.stopping, running)
        summary = await summarise(connection, [host], scope, started)
        facts = {"host": host, "undated": UNDATED, "started": started}
        left = await (await connection.execute(DUE, facts)).fetchone()
        counts = await (await connection.execute(OUTCOME, facts)).fetchone()
        assert left is not None
        assert counts is not None
    done = Refreshed(
        summary.requests, summary.not_modified, summary.bytes, *counts, due=left[0], elapsed=summary.elapsed
    )
    unfinished = bool(left[0]) and scope.pages is None and not blocked and not place.interrupted
    return done, exit_code(summary, stopped=place.interrupted, blocked=blocked, left=unfinished)
