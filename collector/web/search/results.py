"""The search: photos in groups, one for each horse, the horse with the newest photo first.

A page goes on after the last photo of the one before (a cursor), so links stay right when new photos come in. Names are
looked for among horses, all else among photos; either way a page is a walk along an index that ends when it is full.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString
from unicodedata import normalize

from collector.storage.reader import Reader
from collector.web.search.names import Typed, read_name
from collector.web.search.query import Cursor, Query

PAGE = 24  # horses
ROW = 4  # photos of each that are shown
MOST_COUNTED = 500  # horses; beyond, counting would cost more than it tells
SUGGESTIONS = 8
AS_WRITTEN = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})  # what LIKE would read otherwise

# What is asked of a horse, whichever photo of it.
OF_HORSES: dict[str, LiteralString] = {
    "low": "horse.value >= %(low)s",
    "high": "horse.value <= %(high)s",
    "labelled": "horse.value IS NOT NULL",
}
# What is asked of a photo. {t} is the table's name in the query that a condition becomes part of.
OF_PHOTOS: dict[str, LiteralString] = {
    "since": "{t}.dated >= %(since)s",
    "until": "{t}.dated <= %(until)s",
    "race": "{t}.race_key LIKE %(race)s",
    "course": "{t}.racecourse = %(course)s",
    "surface": "{t}.surface = %(surface)s",
    "sex": "{t}.sex = %(sex)s",
    "age": "{t}.age = %(age)s",
}
IN_NAMES: LiteralString = "name_keys LIKE %(part)s"
IN_LATIN: LiteralString = "latin LIKE %(part)s"
# A head is the photo by which a horse has its place: the newest of those that are asked for.
HEADS_OF_HORSES: LiteralString = """
SELECT shows, newest AS dated, head AS photo FROM horse_search AS horse
WHERE {horse} AND (%(dated)s::date IS NULL OR (newest, head) < (%(dated)s, %(photo)s))
ORDER BY newest DESC, head DESC LIMIT %(most)s
"""
HEADS_OF_PHOTOS: LiteralString = """
SELECT shows, dated, photo FROM photo_search AS head
WHERE {head} {horses} AND (%(dated)s::date IS NULL OR (dated, photo) < (%(dated)s, %(photo)s)) AND NOT EXISTS (
    SELECT FROM photo_search AS newer
    WHERE newer.shows = head.shows AND (newer.dated, newer.photo) > (head.dated, head.photo) AND {newer})
ORDER BY dated DESC, photo DESC LIMIT %(most)s
"""
AMONG_HORSES: LiteralString = "AND shows IN (SELECT shows FROM horse_search AS horse WHERE {horse})"
FOUND: LiteralString = """
WITH heads AS MATERIALIZED ({heads})
SELECT horse.shows, horse.horse_id, horse.horse_name, horse.born, horse.photos, horse.value, heads.photo AS head,
    heads.dated AS head_dated, photo.photo, photo.dated, photo.race_name, photo.width, photo.height, photo.digest
FROM heads JOIN horse_search AS horse USING (shows)
CROSS JOIN LATERAL (
    SELECT * FROM photo_search AS shown WHERE shown.shows = heads.shows AND {shown}
    ORDER BY dated DESC, photo DESC LIMIT %(row)s) AS photo
ORDER BY heads.dated DESC, heads.photo DESC, photo.dated DESC, photo.photo DESC
"""
COUNT: LiteralString = """
SELECT count(*) FROM (SELECT FROM horse_search AS horse WHERE {horse} {photos} LIMIT %(counted)s) AS found
"""
WITH_PHOTOS: LiteralString = (
    "AND EXISTS (SELECT FROM photo_search AS photo WHERE photo.shows = horse.shows AND {photo})"
)
# The name that begins so before the one that only holds it; of several, the one photographed last.
SUGGEST: LiteralString = """
SELECT shows, horse_name, born, photos, newest FROM horse_search WHERE {named}
ORDER BY {key} LIKE %(beginning)s DESC, newest DESC, shows LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo in a row of results."""

    photo: str  # its id
    dated: date  # of the issue
    race_name: str | None
    width: int  # px
    height: int
    digest: str


@dataclass(frozen=True, slots=True)
class Group:
    """A horse, or a name whose horse is open, and the newest of its photos that were asked for."""

    shows: str  # what its page is called: the horse's id, or the name
    horse_id: str | None
    name: str
    born: int | None  # year: two horses may bear one name
    photos: int  # of it, whether asked for or not
    value: float | None  # distance aptitude now
    shown: list[ShownPhoto]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of results."""

    groups: list[Group]
    horses: int  # found, MOST_COUNTED at most
    more: Cursor | None  # where the next page goes on


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name that begins as somebody types, or holds that."""

    shows: str
    name: str
    born: int | None  # year
    photos: int
    newest: date


async def find(reader: Reader, query: Query) -> Found:
    """The photos that are asked for, by horse.

    Raises:
        TryLater: the database cannot be reached.
    """
    typed = read_name(query.name)
    if query.name and typed is None:
        return Found([], 0, None)
    asked = _asked(query, typed)
    rows = await reader.rows(asked.found, asked.values)
    groups = _grouped(rows)
    last = next((row for row in reversed(rows) if groups[PAGE:] and row["shows"] == groups[PAGE - 1].shows), None)
    more = Cursor(last["head_dated"], last["head"]) if last else None
    if more is None and query.before is None:
        return Found(groups, len(groups), None)
    count = (await reader.rows(asked.count, asked.values))[0]["count"]
    return Found(groups[:PAGE], count, more)


async def suggest(reader: Reader, name: str) -> list[Suggestion]:
    """Names for what has been typed so far.

    Raises:
        TryLater: the database cannot be reached.
    """
    typed = read_name(name)
    if typed is None:
        return []
    statement = SUGGEST.format(named=_named(typed), key="latin" if typed.latin else "horse_key")
    part = typed.part.translate(AS_WRITTEN)
    values = {"part": f"%{part}%", "beginning": f"{part}%", "most": SUGGESTIONS}
    rows = await reader.rows(statement, values)
    return [Suggestion(row["shows"], row["horse_name"], row["born"], row["photos"], row["newest"]) for row in rows]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search as the database is asked."""

    found: LiteralString
    count: LiteralString
    values: dict[str, Any]


def _asked(query: Query, typed: Typed | None) -> _Asked:
    values = _values(query)
    horse: list[LiteralString] = [condition for key, condition in OF_HORSES.items() if values.get(key) is not None]
    photo: list[LiteralString] = [condition for key, condition in OF_PHOTOS.items() if values.get(key) is not None]
    if typed:
        horse.append(_named(typed))
        values["part"] = f"%{typed.part.translate(AS_WRITTEN)}%"
    horses: LiteralString = " AND ".join(horse) or "true"
    if photo:
        among = AMONG_HORSES.format(horse=horses) if horse else ""
        heads = HEADS_OF_PHOTOS.format(head=_all(photo, "head"), newer=_all(photo, "newer"), horses=among)
        count = COUNT.format(horse=horses, photos=WITH_PHOTOS.format(photo=_all(photo, "photo")))
    else:
        heads, count = HEADS_OF_HORSES.format(horse=horses), COUNT.format(horse=horses, photos="")
    return _Asked(FOUND.format(heads=heads, shown=_all(photo, "shown")), count, values)


def _values(query: Query) -> dict[str, Any]:
    return {
        "since": date(query.year, 1, 1) if query.year else None,
        "until": date(query.year, 12, 31) if query.year else None,
        "race": f"%{normalize('NFKC', query.race).translate(AS_WRITTEN)}%" if query.race else None,
        "course": query.course or None,
        "surface": query.surface,
        "sex": query.sex,
        "age": query.age,
        "low": query.low,
        "high": query.high,
        "labelled": query.labelled or None,
        "dated": query.before.dated if query.before else None,
        "photo": query.before.photo if query.before else None,
        "most": PAGE + 1,
        "row": ROW,
        "counted": MOST_COUNTED,
    }


def _named(typed: Typed) -> LiteralString:
    return IN_LATIN if typed.latin else IN_NAMES


def _all(conditions: list[LiteralString], table: LiteralString) -> LiteralString:
    """All conditions on a table under its name in the query."""
    return " AND ".join(condition.replace("{t}", table) for condition in conditions) or "true"


def _grouped(rows: list[dict[str, Any]]) -> list[Group]:
    groups: dict[str, Group] = {}
    for row in rows:
        empty = Group(
            row["shows"], row["horse_id"], row["horse_name"], row["born"], row["photos"], row["value"], []
        )  # fmt: skip
        shown = ShownPhoto(row["photo"], row["dated"], row["race_name"], row["width"], row["height"], row["digest"])
        groups.setdefault(row["shows"], empty).shown.append(shown)
    return list(groups.values())
