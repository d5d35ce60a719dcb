"""What one request taught us, committed together or not at all."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast

import psycopg

from collector import race_store
from collector.archive import Packed
from collector.derive import Derived
from collector.frontier import PRIORITY, DuePage
from collector.images import Picture
from collector.models import IssueItem, ListedPhotoItem, PageKind, PageState, PhotoItem
from collector.politeness import Gate, host_name, telling_lost_lanes
from collector.racing import EntryItem, RacingItem
from collector.sources import Item
from collector.sources.text import horse_key

Cursor = psycopg.AsyncRawCursor[Any]

# What each fact is; text unless named here.
TYPES: dict[str, str] = {
    **dict.fromkeys(("id", "epoch"), "bigint"),
    **dict.fromkeys(("at", "due_at"), "timestamptz"),
    **dict.fromkeys(("delay", "took"), "float8"),
    **dict.fromkeys(("asked", "answered"), "boolean"),
    **dict.fromkeys(
        ("status", "size", "blob_size", "failures", "number", "age", "shot_month", "shot_day", "width", "height"), "int"
    ),
    **dict.fromkeys(("missing", "pedigree"), "text[]"),
    "race_days": "date[]",
    "issue_date": "date",
}


def typed(query: str) -> LiteralString:
    """A query that finds its facts in one JSON document ($1), and a page's bytes beside it ($2).

    Forty parameters of their own would cost the client more than everything else about a page.
    """

    def fact(match: re.Match[str]) -> str:
        name = match[1]
        if name == "content":
            return "$2::bytea"
        return f"($1::jsonb->>'{name}')" + (f"::{TYPES[name]}" if name in TYPES else "")

    return cast(LiteralString, " ".join(re.sub(r"%\((\w+)\)s", fact, query).split()))


async def _execute(cursor: Cursor, query: LiteralString, facts: dict[str, Any], content: bytes | None = None) -> None:
    document = json.dumps(facts, default=_plain, ensure_ascii=False)
    await cursor.execute(query, (document, content) if "$2" in query else (document,))


def _plain(value: Any) -> str:
    """What JSON has no form for: moments and days."""
    return value.isoformat()


def writable(text: str | None) -> str | None:
    """Words that a site has a part in, as the database takes them: without lone surrogates and zero bytes."""
    return text and text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _validator(text: str | None) -> str | None:
    """What can be sent back just as it came; None where it cannot even be kept so."""
    return text if text == writable(text) else None


def _array(values: Iterable[object]) -> str:
    """An array as Postgres reads one from text."""
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


# The part that every page has: the gate, the bytes, the log, the links, the page's own state. With an old epoch
# the gate raises, and nothing of the rest is written. Reviews are counted anew where an opinion has changed, all other
# links are followed once. Of a page that is forgotten just then only the request is kept. A refusal with status 200 (a
# block page) is kept as what the request brought, and not as what the page says. What a page means is one more part of
# the same statement.
PAGE_PARTS = """
WITH gate AS MATERIALIZED (
    SELECT CASE WHEN %(asked)s THEN finish_slot(%(host)s, %(epoch)s, %(at)s, %(delay)s, %(why)s)
           ELSE release_slot(%(host)s, %(epoch)s, %(at)s) END AS gap),
paged AS (
    UPDATE page SET state = %(state)s, due_at = %(due_at)s, etag = %(etag)s, last_modified = %(last_modified)s,
        last_status = COALESCE(%(status)s, last_status), failures = %(failures)s,
        missing = COALESCE(%(missing)s, missing),
        error = CASE WHEN %(state)s = 'quarantined' THEN COALESCE(%(error)s, error) ELSE %(error)s END,
        last_fetched_at = CASE WHEN %(answered)s THEN %(at)s ELSE last_fetched_at END,
        changed_at = CASE WHEN %(answered)s AND %(digest)s IS DISTINCT FROM digest AND %(digest)s IS NOT NULL
                          THEN %(at)s ELSE changed_at END,
        digest = CASE WHEN %(answered)s THEN COALESCE(%(digest)s, digest) ELSE digest END
    FROM gate WHERE id = %(id)s AND state <> 'excluded' RETURNING id),
kept AS (
    INSERT INTO blob (digest, media_type, size, encoding, content)
    SELECT %(digest)s, %(media_type)s, %(blob_size)s, %(encoding)s, %(content)s FROM paged
    WHERE %(content)s IS NOT NULL
    ON CONFLICT DO NOTHING),
logged AS (
    INSERT INTO fetch_log (page_id, host, url, at, took, gap, status, size, outcome, error, digest)
    SELECT %(id)s, %(host)s, %(url)s, %(at)s, %(took)s, gap, %(status)s, %(size)s, %(outcome)s, %(error)s,
           (SELECT %(digest)s FROM paged)
    FROM gate WHERE %(asked)s),
linked AS (
    INSERT INTO page (url, host, source, kind, dated, priority, due_at, found_on)
    SELECT link.url, %(host)s, %(source)s, link.kind, link.dated, link.priority, %(at)s, %(url)s
    FROM paged, jsonb_to_recordset($1::jsonb->'links') AS link (url text, kind text, dated date, priority int)
    ON CONFLICT (url) DO UPDATE SET due_at = EXCLUDED.due_at
    WHERE page.kind = 'reviews' AND page.state <> 'excluded')"""
STORE_PAGE = typed(f"{PAGE_PARTS} SELECT 1")

STORE_ISSUE = typed("""
INSERT INTO issue AS held (source, code, issue_date, race_days, source_url, observed_at)
VALUES (%(source)s, %(code)s, %(issue_date)s, %(race_days)s, %(url)s, %(at)s)
ON CONFLICT (source, code) DO UPDATE SET issue_date = EXCLUDED.issue_date, race_days = EXCLUDED.race_days,
    source_url = EXCLUDED.source_url, observed_at = EXCLUDED.observed_at
WHERE (held.issue_date, held.race_days) IS DISTINCT FROM (EXCLUDED.issue_date, EXCLUDED.race_days)
""")

# The list's name stands until the photo's own page has been read; a forgotten photo does not come back.
STORE_LISTED = typed("""
INSERT INTO photo AS held (source, issue_code, number, listed_name, race_name, horse_name, horse_key, page_url,
                           source_url, observed_at)
SELECT DISTINCT ON (source, issue_code, number) source, issue_code, number, listed_name, race_name, listed_name,
       horse_key, page_url, %(url)s, %(at)s
FROM jsonb_to_recordset($1::jsonb->'listed') AS item (source text, issue_code text, number int, listed_name text,
                                                      race_name text, page_url text, horse_key text)
WHERE NOT EXISTS (SELECT FROM page WHERE url = item.page_url AND state = 'excluded')
ON CONFLICT (source, issue_code, number) DO UPDATE SET
    listed_name = EXCLUDED.listed_name, race_name = EXCLUDED.race_name, page_url = EXCLUDED.page_url,
    horse_name = CASE WHEN held.image_url IS NULL THEN EXCLUDED.horse_name ELSE held.horse_name END,
    horse_key = CASE WHEN held.image_url IS NULL THEN EXCLUDED.horse_key ELSE held.horse_key END,
    observed_at = EXCLUDED.observed_at
WHERE (held.listed_name, held.race_name, held.page_url)
      IS DISTINCT FROM (EXCLUDED.listed_name, EXCLUDED.race_name, EXCLUDED.page_url)
""")

PHOTO_FACTS = (
    "horse_name", "horse_key", "page_url", "image_url", "coat", "sex", "age", "trainer", "shot_month", "shot_day",
    "comment", "pedigree",
)  # fmt: skip

# A picture that another photo already shows is not asked for again, so its measures come from there.
PHOTO = f"""
INSERT INTO photo AS held (source, issue_code, number, {", ".join(PHOTO_FACTS)}, source_url, observed_at,
                           digest, media_type, width, height, phash)
SELECT %(source)s, %(issue_code)s, %(number)s, {", ".join(f"%({name})s" for name in PHOTO_FACTS)}, %(url)s, %(at)s,
       shown.digest, shown.media_type, shown.width, shown.height, shown.phash
FROM {{page}} LEFT JOIN LATERAL (
    SELECT digest, media_type, width, height, phash FROM photo
    WHERE image_url = %(image_url)s AND digest IS NOT NULL LIMIT 1) AS shown ON true
WHERE NOT EXISTS (SELECT FROM page WHERE url = %(page_url)s AND state = 'excluded')
ON CONFLICT (source, issue_code, number) DO UPDATE SET
    ({", ".join(PHOTO_FACTS)}, source_url, observed_at, digest, media_type, width, height, phash)
    = ({", ".join(f"EXCLUDED.{name}" for name in PHOTO_FACTS)}, EXCLUDED.source_url, EXCLUDED.observed_at,
       EXCLUDED.digest, EXCLUDED.media_type, EXCLUDED.width, EXCLUDED.height, EXCLUDED.phash)
WHERE ({", ".join(f"held.{name}" for name in PHOTO_FACTS)})
      IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in PHOTO_FACTS)})
"""
STORE_PHOTO = typed(PHOTO.format(page="(VALUES (1)) AS page"))
STORE_PHOTO_PAGE = typed(PAGE_PARTS + PHOTO.format(page="paged"))

# Within this many of the 256 bits, two different pictures are the same photo, encoded anew.
NEAR = 12

# Whichever of the two comes first: the one with the smaller number in the collection is the original.
PICTURE = f"""
measured AS (
    SELECT id, ('x' || %(phash)s)::bit(256) AS phash FROM photo WHERE image_url = %(image_url)s),
near AS (
    SELECT measured.id, other.id AS other_id FROM measured, photo AS other
    WHERE other.digest <> %(digest)s AND bit_count(other.phash # measured.phash) <= {NEAR}),
copies AS (
    UPDATE photo SET near_duplicate_of = near.id FROM near
    WHERE photo.id = near.other_id AND near.other_id > near.id AND photo.near_duplicate_of IS NULL)
UPDATE photo SET digest = %(digest)s, media_type = %(picture_type)s, width = %(width)s, height = %(height)s,
    phash = measured.phash, observed_at = %(at)s,
    near_duplicate_of = (SELECT min(other_id) FROM near WHERE near.id = photo.id AND other_id < photo.id)
FROM measured
WHERE photo.id = measured.id AND (photo.digest, photo.media_type, photo.width, photo.height, photo.phash)
      IS DISTINCT FROM (%(digest)s, %(picture_type)s, %(width)s, %(height)s, measured.phash)
"""
STORE_PICTURE = typed(f"WITH {PICTURE}")
STORE_IMAGE = typed(f"{PAGE_PARTS}, {PICTURE}")

# What is kept out, by its own wish or on request, leaves nothing that could be shown or asked for. The list's word that
# there is such a photo stays.
KEEP_OUT = typed("""
WITH shown AS (DELETE FROM photo WHERE page_url = %(url)s AND image_url IS NOT NULL RETURNING image_url),
emptied AS (UPDATE photo SET digest = NULL, media_type = NULL, width = NULL, height = NULL, phash = NULL,
                             near_duplicate_of = NULL WHERE image_url = %(url)s AND digest IS NOT NULL)
UPDATE page SET state = 'excluded', due_at = NULL, error = %(error)s FROM shown
WHERE page.url = shown.image_url AND state <> 'excluded'
AND NOT EXISTS (SELECT FROM photo AS other WHERE other.image_url = page.url AND other.page_url <> %(url)s)
""")

# What cannot be read any more is shown nowhere; the bytes stay.
UNSET_PICTURE = typed("""
UPDATE photo SET digest = NULL, media_type = NULL, width = NULL, height = NULL, phash = NULL, near_duplicate_of = NULL
WHERE image_url = %(url)s AND digest = %(digest)s
""")
STORE_FAILURE = typed("""
INSERT INTO parse_failure (page_id, digest, field, reason, observed_at)
VALUES (%(id)s, %(digest)s, %(field)s, %(reason)s, %(at)s)
ON CONFLICT (page_id, field) DO UPDATE SET digest = EXCLUDED.digest, reason = EXCLUDED.reason,
                                           observed_at = EXCLUDED.observed_at
""")
FORGET_FAILURES = typed("DELETE FROM parse_failure WHERE page_id = %(id)s")
# A photo that never was whole has no failure to forget; a page of rows may have had flaws, or lists nothing more.
ROWS = (PageKind.RACE_RESULT, PageKind.RACE_CARD, PageKind.RACE_CALENDAR, PageKind.HORSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that one request changes."""

    page: DuePage
    at: datetime  # start of the request, database clock
    took: float  # seconds
    outcome: str  # see FetchLog.outcome
    state: PageState
    due_at: datetime | None
    asked: bool = True  # False: the slot was given back unused
    status: int | None = None
    size: int = 0
    error: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    packed: Packed | None = None
    derived: Derived | None = None  # None: its meaning is not written (unchanged, or set aside)
    failures: int = 0

    @property
    def answered(self) -> bool:
        """Whether the site answered in full; what is held is then as fresh as this request."""
        return self.outcome in ("new", "changed", "unchanged", "not_modified", "gone")


async def commit(gate: Gate, outcome: Outcome) -> None:
    """Write an outcome as one step: all of it or nothing, and where possible in one statement.

    Raises:
        LaneLost: a newer lane holds the host; nothing was written.
    """
    facts = _page_facts(gate, outcome)
    content = outcome.packed.content if outcome.packed else None
    cursor = psycopg.AsyncRawCursor(gate.connection)
    with telling_lost_lanes():
        if statement := _single_statement(outcome, facts):
            await _execute(cursor, statement, facts, content)
        else:
            async with gate.connection.pipeline(), gate.connection.transaction():
                await _execute(cursor, STORE_PAGE, facts, content)
                if outcome.state is PageState.EXCLUDED:
                    await keep_out(cursor, outcome.page, outcome.error)
                if outcome.derived:
                    digest = facts["digest"] or outcome.page.digest
                    await store_derived(cursor, outcome.page, digest, outcome.at, outcome.derived)


def _single_statement(outcome: Outcome, facts: dict[str, Any]) -> LiteralString | None:
    """The statement that says it all, with its facts added; None where it takes more than one."""
    derived = outcome.derived
    if outcome.state is PageState.EXCLUDED:
        return None
    if derived is None:
        return STORE_PAGE
    # The digest of what is held already is not among the facts.
    if derived.failure or outcome.packed is None or outcome.page.state == PageState.QUARANTINED:
        return None
    if derived.picture:
        facts.update(_picture_facts(derived.picture, outcome.page))
        return STORE_IMAGE
    match derived.parsed.items:
        case [PhotoItem() as photo]:
            facts.update(_item_facts(photo))
            return STORE_PHOTO_PAGE
        case [] if not derived.parsed.flaws and outcome.page.kind not in ROWS:
            return STORE_PAGE
    return None


def _page_facts(gate: Gate, outcome: Outcome) -> dict[str, Any]:
    page, packed, derived = outcome.page, outcome.packed, outcome.derived
    facts: dict[str, Any] = {
        "host": gate.host, "epoch": gate.epoch, "delay": gate.delay, "why": writable(gate.reason),
        "id": page.id, "url": page.url, "source": page.source,
        "at": outcome.at, "asked": outcome.asked, "took": outcome.took,
        "status": outcome.status, "size": outcome.size, "outcome": outcome.outcome,
        "error": writable(outcome.error),
        "state": outcome.state, "due_at": outcome.due_at,
        "etag": _validator(outcome.etag), "last_modified": _validator(outcome.last_modified),
        "failures": outcome.failures,
        "answered": outcome.answered, "missing": _array(derived.missing) if derived else None,
        "digest": packed.digest if packed else None,
        "media_type": writable(packed.media_type) if packed else None,
        "blob_size": packed.size if packed else None,
        "encoding": packed.encoding if packed else None,
    }  # fmt: skip
    if links := links_of(page, derived):
        facts["links"] = links
    return facts


def links_of(page: DuePage, derived: Derived | None) -> list[dict[str, Any]]:
    """The pages of the same host that a page leads to, each once."""
    host, links = host_name(page.url), dict[str, dict[str, Any]]()
    for link in derived.parsed.links if derived else ():
        if host_name(link.url) == host:
            found = {"url": link.url, "kind": link.kind, "dated": link.dated or page.dated}
            links.setdefault(link.url, found | {"priority": PRIORITY[link.kind]})
    return list(links.values())


def _picture_facts(picture: Picture, page: DuePage) -> dict[str, Any]:
    return {
        "picture_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "phash": picture.phash,
        "image_url": page.url,
    }


def _item_facts(item: Item) -> dict[str, Any]:
    facts = dict(item.__dict__)
    for name in ("pedigree", "race_days"):
        if name in facts:
            facts[name] = _array(facts[name])
    return facts


async def keep_out(cursor: Cursor, page: DuePage, why: str | None) -> None:
    """Take away what is shown of a page that is kept out; its picture is not asked for."""
    await _execute(cursor, KEEP_OUT, {"url": page.url, "error": writable(why)})


async def store_derived(cursor: Cursor, page: DuePage, digest: str | None, at: datetime, derived: Derived) -> None:
    """Write what a page means; the same whether it came just now or is read again from the archive."""
    provenance = {"id": page.id, "url": page.url, "at": at, "digest": digest}
    if derived.failure:
        failure = {"field": writable(derived.failure.field), "reason": writable(derived.failure.reason)}
        await _execute(cursor, STORE_FAILURE, provenance | failure)
        if page.kind is PageKind.IMAGE:
            await _execute(cursor, UNSET_PICTURE, provenance)
        return
    if page.state == PageState.QUARANTINED or page.kind in ROWS:
        await _execute(cursor, FORGET_FAILURES, provenance)
    for flaw in derived.parsed.flaws:
        await _execute(
            cursor, STORE_FAILURE, provenance | {"field": writable(flaw.field), "reason": writable(flaw.reason)}
        )
    if picture := derived.picture:
        await _execute(cursor, STORE_PICTURE, provenance | _picture_facts(picture, page))
    items = once_each(derived.parsed.items)
    await _store_items(cursor, items, provenance)
    racing = [item for item in items if isinstance(item, RacingItem)]
    for statement, facts in race_store.statements(page.kind, page.url, at, racing, whole=derived.parsed.whole):
        await _execute(cursor, statement, facts)


# What an item is about.
KEYS: dict[type[Item], tuple[str, ...]] = {
    **dict.fromkeys((PhotoItem, ListedPhotoItem), ("source", "issue_code", "number")),
    IssueItem: ("source", "code"),
    **race_store.KEYS,
}


def once_each(items: Sequence[Item]) -> list[Item]:
    """Of several items about the same thing the first, as pages print the main thing first."""
    found = dict[tuple[Any, ...], Item]()
    for item in items:
        found.setdefault((type(item), *_key(item)), item)
    return list(found.values())


def _key(item: Item) -> tuple[Any, ...]:
    """What an item is about; a horse without an id is told by its number, or else by its name."""
    if isinstance(item, EntryItem) and item.horse_id is None:
        return item.race_id, None, item.horse_number or item.horse_name
    return tuple(getattr(item, name) for name in KEYS[type(item)])


async def _store_items(cursor: Cursor, items: Sequence[Item], provenance: dict[str, Any]) -> None:
    for item in items:
        match item:
            case PhotoItem():
                await _execute(cursor, STORE_PHOTO, _item_facts(item) | provenance)
            case IssueItem():
                await _execute(cursor, STORE_ISSUE, _item_facts(item) | provenance)
    if listed := [item for item in items if isinstance(item, ListedPhotoItem)]:
        named = [item.__dict__ | {"horse_key": horse_key(item.listed_name)} for item in listed]
        await _execute(cursor, STORE_LISTED, provenance | {"listed": named})
