"""`collector reparse`: derives everything again from the stored pages, with no request at all."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString, cast

from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from collector import drift
from collector.derive import Derived
from collector.forget import take_archive
from collector.frontier import LABELS, PRIORITY, DuePage
from collector.models import UNDATED, ListedPhotoItem, PageKind, PageState, PhotoItem
from collector.politeness import Connection, host_name
from collector.racing import AptitudeItem, EntryItem, HorseItem, RaceItem
from collector.reading import BATCH, BATCH_BYTES, Answer, processes_for, read_in_order
from collector.store import store_derived

FETCHED = 50  # answers that come from the database at once
HISTORY = LABELS  # pages whose earlier answers count too
SAMPLES = 5  # of each sort of change
NAMED_BY = ("code", "issue_code", "number", "race_id", "runner", "horse_id", "axis")

# Listings before photos before pictures, as the crawl saw them: a picture finds its photo's row there. Of pages whose
# answers are a history, all of them, in the order in which they came.
STORED = """
WITH answer AS (
    SELECT id AS page_id, digest, changed_at AS at, false AS history FROM page
    WHERE NOT kind = ANY (%(history)s) AND kind <> 'robots'
    UNION ALL
    SELECT page.id, log.digest, log.at, true FROM page JOIN fetch_log AS log ON log.page_id = page.id
    WHERE kind = ANY (%(history)s) AND log.digest IS NOT NULL)
SELECT page.id, page.url, page.source, page.kind, page.dated, page.state, page.etag, page.last_modified,
       answer.digest, page.failures, page.last_fetched_at, answer.at, answer.digest = page.digest, page.error,
       page.missing, blob.media_type, blob.encoding, blob.content
FROM answer JOIN page ON page.id = answer.page_id JOIN blob ON blob.digest = answer.digest
WHERE page.state IN ('fetched', 'quarantined', 'failed', 'gone') AND page.dated >= %(since)s
ORDER BY answer.history, CASE WHEN answer.history THEN answer.at END, page.priority, page.dated, page.id
"""
READ_AGAIN = """
UPDATE page SET state = again.state, error = again.error, missing = again.missing
FROM jsonb_to_recordset(%s) AS again (id bigint, state text, error text, missing text[]) WHERE page.id = again.id
"""
LINK = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at, found_on)
SELECT DISTINCT ON (url) url, host, source, kind, dated, priority, clock_timestamp(), found_on
FROM jsonb_to_recordset(%s) AS link (url text, host text, source text, kind text, dated date, priority int,
                                     found_on text)
WHERE NOT EXISTS (SELECT FROM page WHERE page.url = link.url)
ON CONFLICT (url) DO NOTHING
"""
NAMED = """
INSERT INTO derived SELECT * FROM jsonb_to_recordset(%s) AS photo (source text, issue_code text, number int)
"""
# The history of opinion is derived from the first answer on.
FORGET_OPINIONS = "DELETE FROM aptitude WHERE %(since)s <= %(undated)s"
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
    "entry": ("race_id, runner", cast(LiteralString, ", ".join(EntryItem.model_fields))),
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

    Raises:
        Busy: another process does it, or forgets something.
    """
    async with connection.transaction(force_rollback=dry_run):
        await take_archive(connection)
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
    facts = {"since": since, "history": [str(kind) for kind in HISTORY], "undated": UNDATED}
    row = await (await connection.execute(f"SELECT count(*) FROM ({STORED}) AS stored", facts)).fetchone()
    assert row is not None
    count, missing = _Count(), set[tuple[str, str, str]]()
    await connection.execute(FORGET_OPINIONS, facts)
    before = await _pages(connection)
    # Read on a connection of its own, which sees the pages as they were.
    info = connection.info
    conninfo = make_conninfo(info.dsn, password=info.password or None)  # the dsn leaves it out
    async with await AsyncConnection.connect(conninfo) as reading:
        async for batch in read_in_order(_stored(reading, facts), processes_for(row[0])):
            async with connection.pipeline():
                await _store(connection, batch)
            count.pages += len(batch)
            for answer, derived in batch:
                page = answer.page
                count.unreadable += answer.latest and derived.failure is not None
                if answer.latest:
                    missing.update((page.source, str(page.kind), field) for field in derived.missing)
            show(count.pages, row[0])
    count.links = await _pages(connection) - before
    return count, missing


async def _pages(connection: Connection) -> int:
    row = await (await connection.execute("SELECT count(*) FROM page")).fetchone()
    return row[0] if row else 0


async def _stored(connection: Connection, facts: dict[str, Any]) -> AsyncIterator[list[Answer]]:
    """The stored answers in batches, of so many answers or so many bytes."""
    batch, size = list[Answer](), 0
    async with connection.cursor(name="stored", binary=True) as cursor:
        cursor.itersize = FETCHED
        await cursor.execute(STORED, facts)
        async for *known, at, latest, error, missing, media_type, encoding, content in cursor:
            page = DuePage.from_row(known)
            batch.append(Answer(page, at, bool(latest), error, missing or [], media_type, encoding, content))
            size += len(content)
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


async def _store(connection: Connection, batch: Sequence[tuple[Answer, Derived]]) -> None:
    """Write what a batch of answers means now."""
    cursor = AsyncRawCursor(connection)
    for answer, derived in batch:
        # Why an old answer cannot be read is of no interest any more.
        if answer.latest or not derived.failure:
            await store_derived(cursor, answer.page, answer.page.digest, answer.at, derived)
    sets: list[tuple[LiteralString, list[dict[str, Any]]]] = [
        (READ_AGAIN, [again for answer, derived in batch if answer.latest and (again := _read_again(answer, derived))]),
        (LINK, [link for answer, derived in batch for link in _links(answer.page, derived)]),
        (NAMED, [photo for _, derived in batch for photo in _photos(derived)]),
    ]
    for query, rows in sets:
        if rows:
            await connection.execute(query, (Jsonb(rows, dumps=_dumps),))


def _read_again(answer: Answer, derived: Derived) -> dict[str, Any] | None:
    """What becomes of a page by being read again; None where nothing does."""
    page = answer.page
    if page.state not in (PageState.FETCHED, PageState.QUARANTINED):
        return None
    state = PageState.QUARANTINED if derived.failure else PageState.FETCHED
    again = (state, None if derived.failure is None else str(derived.failure), list(derived.missing))
    if again == (page.state, answer.error, answer.missing):
        return None
    return {"id": page.id, "state": again[0], "error": again[1], "missing": again[2]}


def _links(page: DuePage, derived: Derived) -> list[dict[str, Any]]:
    host = host_name(page.url)
    return [
        {"url": link.url, "host": host, "source": page.source, "kind": link.kind, "dated": link.dated or page.dated,
         "priority": PRIORITY[link.kind], "found_on": page.url}
        for link in derived.parsed.links
        if host_name(link.url) == host
    ]  # fmt: skip


def _photos(derived: Derived) -> list[dict[str, Any]]:
    return [
        {"source": item.source, "issue_code": item.issue_code, "number": item.number}
        for item in derived.parsed.items
        if isinstance(item, PhotoItem | ListedPhotoItem)
    ]


def _dumps(rows: object) -> str:
    return json.dumps(rows, default=str, ensure_ascii=False)


async def _compare(connection: Connection) -> tuple[dict[str, dict[str, int]], list[str]]:
    rows: dict[str, dict[str, int]] = {}
    samples: list[str] = []
    for table, (key, facts) in FACTS.items():
        query = f"""
            WITH differing AS (
                SELECT CASE WHEN old.id IS NULL THEN 'added' WHEN new.id IS NULL THEN 'removed' ELSE 'changed' END
                       AS change, {key}, old, new
                FROM before_{table} AS old FULL JOIN {table} AS new USING ({key})
                WHERE ({_of("old", facts)}) IS DISTINCT FROM ({_of("new", facts)})),
            counted AS (
                SELECT *, count(*) OVER (PARTITION BY change) AS count,
                       row_number() OVER (PARTITION BY change ORDER BY {key}) AS row
                FROM differing)
            SELECT change, count, to_jsonb(old) - 'observed_at', to_jsonb(new) - 'observed_at' FROM counted
            WHERE row <= %s ORDER BY change, row"""
        rows[table] = {"added": 0, "changed": 0, "removed": 0}
        async with connection.cursor() as cursor:
            await cursor.execute(query, (SAMPLES,))
            async for change, count, old, new in cursor:
                rows[table][change] = count
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
