"""`collector reparse`: derives everything again from the stored pages, with no request at all."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, cast

from psycopg import AsyncRawCursor

from collector import drift
from collector.archive import unpack
from collector.derive import Derived, derive
from collector.errors import ParseError, Refused
from collector.frontier import PRIORITY, DuePage
from collector.models import ListedPhotoItem, PageKind, PageState, PhotoItem
from collector.politeness import Connection, host_name
from collector.racing import AptitudeItem, EntryItem, HorseItem, RaceItem
from collector.store import store_derived

BATCH = 50  # pages in memory at once
SAMPLES = 5  # of each sort of change
NAMED_BY = ("code", "issue_code", "number", "race_id", "horse_id", "axis")

# Listings before photos before pictures, as the crawl saw them: a picture finds its photo's row there.
STORED = """
SELECT page.id, page.url, page.source, page.kind, page.dated, page.state, page.etag, page.last_modified,
       page.digest, page.failures, page.last_fetched_at, page.changed_at, page.error,
       blob.media_type, blob.encoding, blob.content
FROM page JOIN blob USING (digest)
WHERE page.state IN ('fetched', 'quarantined', 'failed', 'gone') AND page.kind <> 'robots' AND page.dated >= %s
ORDER BY page.priority, page.dated, page.id
"""
READ_AGAIN = """
UPDATE page SET state = %(state)s, error = %(error)s, missing = %(missing)s
WHERE id = %(id)s AND (state, error, missing) IS DISTINCT FROM (%(state)s, %(error)s, %(missing)s)
"""
LINK = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at, found_on)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(dated)s, %(priority)s, clock_timestamp(), %(found_on)s)
ON CONFLICT (url) DO NOTHING
"""
# What is compared; when a fact was observed is no part of it.
FACTS: dict[LiteralString, tuple[LiteralString, LiteralString]] = {
    "issue": ("source, code", "issue_date, race_days"),
    "photo": (
        "source, issue_code, number",
        "listed_name, race_name, horse_name, horse_key, page_url, image_url, coat, sex, age, trainer, shot_month,"
        " shot_day, comment, pedigree, digest, media_type, width, height, phash",
    ),
}
FACTS |= {
    "race_day": ("race_date", "racecourses"),
    "race": ("race_id", cast(LiteralString, ", ".join(RaceItem.model_fields))),
    "entry": ("race_id, horse_id", cast(LiteralString, ", ".join(EntryItem.model_fields))),
    "horse": ("horse_id", cast(LiteralString, ", ".join(HorseItem.model_fields))),
    "aptitude": ("horse_id, axis, observed_at", cast(LiteralString, ", ".join(AptitudeItem.model_fields))),
}
STALE = """
DELETE FROM photo USING page WHERE page.url = photo.page_url AND page.dated >= %s
AND NOT EXISTS (SELECT FROM derived WHERE derived.source = photo.source
                AND derived.issue_code = photo.issue_code AND derived.number = photo.number)
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """What reading everything again changes."""

    pages: int
    unreadable: int
    links: int  # pages found that were not known
    rows: dict[str, dict[str, int]]  # table -> added, changed, removed
    samples: list[str]
    still_changed: list[str]  # page kinds whose layout is still not understood

    def as_json(self) -> dict[str, Any]:
        """The changes as `--json` prints them."""
        return {
            "pages": self.pages,
            "unreadable": self.unreadable,
            "links_found": self.links,
            **self.rows,
            "samples": self.samples,
            "layout_changed": self.still_changed,
        }


@dataclass(slots=True)
class _Count:
    pages: int = 0
    unreadable: int = 0
    links: int = 0


async def reparse(connection: Connection, since: date, *, dry_run: bool, show: Callable[[int, int], None]) -> Changes:
    """Read every stored page again, in one transaction; `dry_run` undoes it after counting.

    `show(done, total)` is called now and then.
    """
    async with connection.transaction(force_rollback=dry_run):
        for table in FACTS:
            await connection.execute(f"CREATE TEMP TABLE before_{table} ON COMMIT DROP AS SELECT * FROM {table}")
        await connection.execute("CREATE TEMP TABLE derived (source text, issue_code text, number int) ON COMMIT DROP")
        await connection.execute("DELETE FROM drift")
        count, missing = await _read_all(connection, since, show)
        await connection.execute(STALE, (since,))
        still_changed = [
            f"{kind}: {field}"
            for source, kind, field in sorted(missing)
            if await drift.judge(connection, source, PageKind(kind), [field])
        ]
        rows, samples = await _compare(connection)
        return Changes(count.pages, count.unreadable, count.links, rows, samples, still_changed)


async def _read_all(
    connection: Connection, since: date, show: Callable[[int, int], None]
) -> tuple[_Count, set[tuple[str, str, str]]]:
    row = await (await connection.execute(f"SELECT count(*) FROM ({STORED}) AS stored", (since,))).fetchone()
    assert row is not None
    count, missing = _Count(), set[tuple[str, str, str]]()
    async for page, changed_at, error, media_type, body in _stored(connection, since):
        derived = _derive(page, media_type, body)
        count.pages += 1
        count.unreadable += derived.failure is not None
        count.links += await _store(connection, page, changed_at, error, derived)
        missing.update((page.source, str(page.kind), field) for field in derived.missing)
        if count.pages % BATCH == 0:
            show(count.pages, row[0])
    return count, missing


async def _stored(
    connection: Connection, since: date
) -> AsyncIterator[tuple[DuePage, datetime, str | None, str, bytes]]:
    async with connection.cursor(name="stored", binary=True) as cursor:
        cursor.itersize = BATCH
        await cursor.execute(STORED, (since,))
        async for *known, changed_at, error, media_type, encoding, content in cursor:
            page = DuePage.from_row(known)
            yield page, changed_at, error, media_type, unpack(content, encoding)


def _derive(page: DuePage, media_type: str, body: bytes) -> Derived:
    try:
        return derive(page.source, page.kind, page.url, body, media_type)
    except Refused as error:
        return Derived(failure=ParseError("page", str(error)))


async def _store(
    connection: Connection, page: DuePage, changed_at: datetime, error: str | None, derived: Derived
) -> int:
    """Write what a page means now; the number of links that were not known."""
    state, error = page.state, None if derived.failure is None else str(derived.failure)
    if page.state in (PageState.FETCHED, PageState.QUARANTINED):
        state = PageState.QUARANTINED if derived.failure else PageState.FETCHED
    async with connection.cursor(binary=True) as cursor:
        if state in (PageState.FETCHED, PageState.QUARANTINED):
            again = {"id": page.id, "state": state, "error": error, "missing": list(derived.missing)}
            await cursor.execute(READ_AGAIN, again)
        await store_derived(AsyncRawCursor(connection), page, page.digest, changed_at, derived)
        found = 0
        for item in derived.parsed.items:
            if isinstance(item, PhotoItem | ListedPhotoItem):
                await cursor.execute(
                    "INSERT INTO derived VALUES (%s, %s, %s)", (item.source, item.issue_code, item.number)
                )
        for link in derived.parsed.links:
            if host_name(link.url) != host_name(page.url):
                continue
            known = {
                "url": link.url,
                "host": host_name(link.url),
                "source": page.source,
                "found_on": page.url,
            }
            ranked = {"kind": str(link.kind), "dated": link.dated or page.dated, "priority": PRIORITY[link.kind]}
            await cursor.execute(LINK, known | ranked)
            found += cursor.rowcount
    return found


async def _compare(connection: Connection) -> tuple[dict[str, dict[str, int]], list[str]]:
    rows: dict[str, dict[str, int]] = {}
    samples: list[str] = []
    for table, (key, facts) in FACTS.items():
        query = f"""
            SELECT CASE WHEN old.id IS NULL THEN 'added' WHEN new.id IS NULL THEN 'removed' ELSE 'changed' END,
                   to_jsonb(old) - 'observed_at', to_jsonb(new) - 'observed_at'
            FROM before_{table} AS old FULL JOIN {table} AS new USING ({key})
            WHERE ({_of("old", facts)}) IS DISTINCT FROM ({_of("new", facts)})"""
        rows[table] = {"added": 0, "changed": 0, "removed": 0}
        async with connection.cursor() as cursor:
            await cursor.execute(query)
            async for change, old, new in cursor:
                rows[table][change] += 1
                if rows[table][change] <= SAMPLES:
                    samples.append(_sample(table, change, old, new))
    return rows, samples


def _of(row: LiteralString, columns: LiteralString) -> LiteralString:
    return ", ".join(f"{row}.{column.strip()}" for column in columns.split(","))


def _sample(table: str, change: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
    shown = new or old or {}
    name = " ".join(str(shown[key]) for key in NAMED_BY if key in shown)
    if not (old and new):
        return f"{table} {name}: {change}"
    differing = [f"{key} {old[key]!r} -> {new[key]!r}" for key in new if old.get(key) != new[key]]
    return f"{table} {name}: {', '.join(differing)}"
