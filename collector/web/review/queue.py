"""What waits for a person: photos whose horse is open, photos that look the same, pages that could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from collector.errors import ParseError
from collector.frontier.status import IS_COPY
from collector.sources.registry import source_of
from collector.sources.text_tools.text import decode
from collector.storage.archive import Damaged, unpack
from collector.storage.dictionaries import only
from collector.storage.reader import Reader
from collector.storage.roles import Role
from collector.web.horse.facts import FIRST, PHOTOS, Row
from collector.web.search.address import Cursor

PAGE = 20  # photos, or pairs of them
PAGES = 100  # pages that could not be read
LONGEST = 200_000  # bytes of an archived page that are shown
CANDIDATES = 12  # horses that are offered for a photo, at most

COUNTS = f"""
SELECT (SELECT count(*) FROM photo JOIN photo_match USING (source, issue_code, number)
    WHERE horse_id IS NULL AND NOT by_hand) AS open,
    (SELECT count(*) FROM photo JOIN photo_match USING (source, issue_code, number) WHERE by_hand) AS decided,
    (SELECT count(*) FROM photo WHERE {IS_COPY}) AS copies,
    (SELECT count(*) FROM page WHERE state IN ('quarantined', 'failed')) AS unread,
    (SELECT count(*) FROM photo JOIN photo_match AS met USING (source, issue_code, number)
    WHERE taken_at IS NOT NULL AND photo.horse_key IS NULL AND met.race_id IS NOT NULL
    AND met.horse_id IS NULL AND NOT by_hand) AS walks,
    (SELECT count(*) FROM difference) + (SELECT count(*) FROM kept_apart) AS differences
"""
IS_OPEN: LiteralString = "met.id IS NOT NULL AND met.horse_id IS NULL AND NOT met.by_hand"
IS_DECIDED: LiteralString = "met.by_hand"
ONWARD: LiteralString = """
AND (%(photo)s::text IS NULL OR (issue.issue_date, photo.photo_id) < (%(dated)s::date, %(photo)s))
ORDER BY issue.issue_date DESC, photo.photo_id DESC LIMIT %(most)s
"""
# A decision is worth most where it gives a labelled photo with a picture, and costs least where few horses are offered.
BY_WORTH: LiteralString = """
ORDER BY photo.digest IS NOT NULL DESC, EXISTS (
        SELECT FROM aptitude WHERE axis = 'distance' AND value IS NOT NULL AND aptitude.horse_id = ANY (met.candidates))
    DESC, met.candidates = '{}', cardinality(met.candidates), issue.issue_date DESC, photo.photo_id DESC LIMIT %(most)s
"""
# Of a photo without candidates, the horses that bear its name. What a horse ran in is looked for where
# `matching.decide_by_hand` will look.
OFFERED = """
SELECT photo.photo_id AS photo, horse.*, ran.race_id, ran.race_name
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
JOIN photo_match AS met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
CROSS JOIN LATERAL (
    SELECT horse_id, name, born, sex, coat FROM horse WHERE horse_id = ANY (met.candidates)
    UNION ALL
    SELECT horse_id, name, born, sex, coat FROM horse WHERE met.candidates = '{}' AND horse_key = photo.horse_key
    ORDER BY born DESC NULLS LAST, horse_id LIMIT %(most)s) AS horse
LEFT JOIN LATERAL (
    SELECT race.race_id, race.name AS race_name FROM entry JOIN race USING (race_id)
    WHERE entry.horse_id = horse.horse_id AND race_date BETWEEN issue_date - 4 AND issue_date
    ORDER BY race_date DESC LIMIT 1) AS ran ON true
WHERE photo.photo_id = ANY (%(photos)s)
"""
PAIRS: LiteralString = f"""
SELECT photo.photo_id AS photo, issue.issue_date, kept.photo_id AS kept,
    bit_count(photo.phash # kept.phash) AS bits, file.size AS bytes, kept_file.size AS kept_bytes
FROM photo
JOIN photo AS kept ON kept.id = {FIRST}
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN blob AS file ON file.digest = photo.digest
LEFT JOIN blob AS kept_file ON kept_file.digest = kept.digest
"""
NAMED = f"{PHOTOS} WHERE photo.photo_id = ANY (%(photos)s)"
# As `collector.pipeline.forget` finds them: photos of the same bytes go together, those that look the same stay.
SAME_BYTES = f"""{PHOTOS} WHERE photo.digest = %(digest)s ORDER BY issue.issue_date, photo.photo_id"""
LOOKS_THE_SAME = f"""{PHOTOS} WHERE (photo.digest IS DISTINCT FROM %(digest)s) AND EXISTS (
    SELECT FROM photo AS gone WHERE gone.photo_id = %(photo)s
    AND (gone.near_duplicate_of = photo.id OR photo.near_duplicate_of = gone.id))
ORDER BY issue.issue_date, photo.photo_id"""
UNREAD = """
SELECT page.id, url, role, dated, state, page.digest IS NOT NULL AS held, COALESCE(failure.field, '') AS field,
    COALESCE(error_code, '') AS code, COALESCE(failure.reason, page.error, '') AS reason
FROM page LEFT JOIN LATERAL (
    SELECT field, reason FROM parse_failure WHERE page_id = page.id AND page.state = 'quarantined'
    ORDER BY observed_at DESC, id LIMIT 1) AS failure ON true
WHERE state IN ('quarantined', 'failed') AND (%(before)s::bigint IS NULL OR page.id < %(before)s)
ORDER BY page.id DESC LIMIT %(most)s
"""
DRIFT = """
SELECT kind, field, samples, observed_at,
    (SELECT role FROM page WHERE page.source = drift.source AND page.kind = drift.kind LIMIT 1) AS role
FROM drift ORDER BY kind, field
"""
ARCHIVED = """
SELECT page.id, url, page.source, page.kind, role, dated, state, error, changed_at,
    COALESCE(page.media_type, blob.media_type) AS media_type, size, encoding, blob.content,
    dictionary.content AS dictionary
FROM page JOIN blob USING (digest) LEFT JOIN dictionary ON blob.encoding = 'zstd:' || dictionary.id
WHERE page.id = %(id)s AND state <> 'excluded'
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Photos to decide, each with the horses that it may show."""

    photos: list[Row]
    offered: dict[str, list[Row]]  # photo -> horses
    more: Cursor | None  # where the next page goes on


@dataclass(frozen=True, slots=True)
class Pair:
    """A photo and the earlier one that it looks like."""

    copy: Row
    kept: Row
    bits: int | None  # of 256 in which their hashes differ
    copy_bytes: int | None
    kept_bytes: int | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Photos that look the same, the newest first."""

    pairs: list[Pair]
    more: Cursor | None


@dataclass(frozen=True, slots=True)
class Unread:
    """Pages that could not be read, by kind and reason; and what has changed about whole kinds of pages."""

    groups: dict[tuple[str, str, str, str, str], list[Row]]  # role, state, code, field, reason
    drift: list[Row]
    more: int | None  # the page before which the next list goes on


@dataclass(frozen=True, slots=True)
class Archived:
    """An archived page as text."""

    page: Row
    text: str | None  # None: it is a picture
    cut: bool  # whether there is more of it
    trouble: str | None  # why its bytes are not quite text


async def counts(reader: Reader) -> Row:
    """How much waits.

    Raises:
        TryLater: the database cannot be reached.
    """
    return (await reader.rows(COUNTS))[0]


async def open_photos(reader: Reader, before: Cursor | None) -> Waiting:
    """Photos whose horse is open, the newest first.

    Raises:
        TryLater: the database cannot be reached.
    """
    return await _waiting(reader, IS_OPEN, before)


async def worthiest_photos(reader: Reader) -> Waiting:
    """Photos whose horse is open, those first of which a decision is worth most.

    Raises:
        TryLater: the database cannot be reached.
    """
    query: LiteralString = PHOTOS + " WHERE " + IS_OPEN + BY_WORTH
    return await _offered(reader, await reader.rows(query, {"most": PAGE}), None)


async def decided_photos(reader: Reader, before: Cursor | None) -> Waiting:
    """Photos whose horse was decided by hand, the newest first.

    Raises:
        TryLater: the database cannot be reached.
    """
    return await _waiting(reader, IS_DECIDED, before)


async def _waiting(reader: Reader, condition: LiteralString, before: Cursor | None) -> Waiting:
    query: LiteralString = PHOTOS + " WHERE " + condition + ONWARD
    return await _offered(reader, *_page(await reader.rows(query, _after(before))))


async def _offered(reader: Reader, photos: list[Row], more: Cursor | None) -> Waiting:
    offered: dict[str, list[Row]] = {photo["photo"]: [] for photo in photos}
    for horse in await reader.rows(OFFERED, {"photos": list(offered), "most": CANDIDATES}):
        offered[horse["photo"]].append(horse)
    return Waiting(photos, offered, more)


async def copies(reader: Reader, before: Cursor | None) -> Pairs:
    """Photos that look like an earlier one, the newest first.

    Raises:
        TryLater: the database cannot be reached.
    """
    query: LiteralString = PAIRS + " WHERE true " + ONWARD
    rows, more = _page(await reader.rows(query, _after(before)))
    names, kept = [row["photo"] for row in rows], [row["kept"] for row in rows]
    found = {photo["photo"]: photo for photo in await reader.rows(NAMED, {"photos": names + kept})}
    pairs = [
        Pair(found[name], found[other], row["bits"], row["bytes"], row["kept_bytes"])
        for name, other, row in zip(names, kept, rows, strict=True)
        if name in found and other in found  # else one was forgotten a moment ago
    ]
    return Pairs(pairs, more)


async def gone_with(reader: Reader, photo: Row) -> tuple[list[Row], list[Row]]:
    """The photos that go when one is forgotten, itself among them, and those that look the same and stay.

    Raises:
        TryLater: the database cannot be reached.
    """
    values = {name: photo[name] for name in ("digest", "photo")}
    same = await reader.rows(SAME_BYTES, values) if photo["digest"] else [photo]
    return same, await reader.rows(LOOKS_THE_SAME, values)


async def unread_pages(reader: Reader, before: int | None) -> Unread:
    """Pages that could not be read, those found last first.

    Raises:
        TryLater: the database cannot be reached.
    """
    rows = await reader.rows(UNREAD, {"before": before, "most": PAGES + 1})
    shown = rows[:PAGES]
    more = shown[-1]["id"] if len(rows) > PAGES else None
    return Unread(grouped(shown), await reader.rows(DRIFT), more)


def grouped(pages: Sequence[Row]) -> dict[tuple[str, str, str, str, str], list[Row]]:
    """Pages under what they are and what is wrong with them, the largest group of a kind first."""
    groups: dict[tuple[str, str, str, str, str], list[Row]] = {}
    for page in pages:
        key = (page["role"], page["state"], page["code"], page["field"], page["reason"])
        groups.setdefault(key, []).append(page)
    return dict(sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]), group[0])))


async def archived_page(reader: Reader, page_id: int) -> Archived | None:
    """The archived page's text, its beginning where it is long; None where nothing is archived.

    Raises:
        TryLater: the database cannot be reached.
    """
    rows = await reader.rows(ARCHIVED, {"id": page_id})
    return read_archived(rows[0]) if rows else None


def read_archived(page: Row) -> Archived:
    """What an archived page says, as far as it can be read."""
    if page["role"] == Role.PICTURE or page["media_type"].startswith("image/"):
        return Archived(page, None, cut=False, trouble=None)
    body = b""
    try:
        body = unpack(page["content"], page["encoding"], only(page["dictionary"]))
        text, trouble = decode(body, page["media_type"], _charset_of(page)), None
    except Damaged as error:
        text, trouble = "", str(error)
    except ParseError as error:
        text, trouble = body.decode("utf-8", "replace"), error.reason
    whole = text.encode("utf-8", "replace")
    return Archived(page, whole[:LONGEST].decode("utf-8", "ignore"), len(whole) > LONGEST, trouble)


def _charset_of(page: Row) -> str:
    try:
        source = source_of(page["source"])
        return source.kind(page["kind"]).charset or source.charset
    except ParseError:  # of a source that is not installed any more
        return "utf-8"


def _after(before: Cursor | None) -> dict[str, Any]:
    return {"dated": before.dated if before else None, "photo": before.photo if before else None, "most": PAGE + 1}


def _page(rows: list[Row]) -> tuple[list[Row], Cursor | None]:
    """The rows of a page, and where the next one goes on."""
    shown = rows[:PAGE]
    if len(rows) <= PAGE:
        return shown, None
    return shown, Cursor(shown[-1]["issue_date"], shown[-1]["photo"])
