"""The search: photos in groups, one for each horse, the horse with the newest photo first unless asked otherwise.

A page goes on after the last photo of the one before (a cursor), so links stay right when new photos come in. What is
found is said by the index; the tables' views say what is shown of it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from collector.storage.reader import Reader
from collector.web.search.address import Cursor, Query
from collector.web.search.asked import Asked
from collector.web.search.names import read_name
from collector.web.search.remarks import Stretch, stretches
from collector.web.search.statements import suggest_statement

PAGE = 24  # horses
ROW = 4  # photos of each that are shown
SUGGESTIONS = 8
SHOWN: LiteralString = """
SELECT photo.photo, photo.dated, photo.race_name, photo.race_id, photo.racecourse, photo.surface, photo.distance,
    photo.finish_position, photo.finish, photo.width, photo.height, photo.digest, horse.shows, horse.horse_id,
    horse.horse_name, horse.born, horse.photos, horse.value, {said}
FROM photo_search AS photo JOIN horse_search AS horse USING (shows) {remark} WHERE photo.photo = ANY(%(photos)s)
"""
REMARK: LiteralString = "LEFT JOIN photo AS kept ON kept.id = photo.id"
SAID: LiteralString = "kept.comment, kept.claims, kept.build_tags"
WITHOUT: LiteralString = SHOWN.format(said="NULL AS comment", remark="")
WITH: LiteralString = SHOWN.format(said=SAID, remark=REMARK)


@dataclass(frozen=True, slots=True)
class Said:
    """A remark in which stands what was asked for."""

    remark: str
    found: list[Stretch]  # at least one


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo in a row of results, and the race it was taken for."""

    photo: str  # its id
    dated: date  # of the issue
    race_name: str | None
    race_id: str | None
    racecourse: str | None
    surface: str | None
    distance: int | None  # m
    finish_position: int | None
    finish: str | None
    width: int  # px
    height: int
    digest: str
    said: Said | None


@dataclass(frozen=True, slots=True)
class Group:
    """A horse, or a name whose horse is open, and the first of its photos that were asked for."""

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
    horses: int  # found, on all pages
    photos: int
    more: Cursor | None  # where the next page goes on


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name that begins as somebody types, or holds that."""

    shows: str
    name: str
    born: int | None  # year
    photos: int
    newest: date


async def find(reader: Reader, asked: Asked) -> Found:
    """The photos that are asked for, by horse.

    Raises:
        TryLater: the database cannot be reached.
    """
    places, more = asked.page(PAGE, ROW)
    photos = [photo for place in places for photo in place.photos]
    query = asked.query
    statement = WITH if any(place.said for place in places) else WITHOUT
    rows = {row["photo"]: row for row in await reader.rows(statement, {"photos": photos})} if photos else {}
    # A photo that is gone since the index was read is left out, and with its last one the horse.
    shown = [[rows[photo] for photo in place.photos if photo in rows] for place in places]
    return Found([_group(row, query) for row in shown if row], asked.horses, asked.photos, more)


async def suggest(reader: Reader, name: str) -> list[Suggestion]:
    """Names for what has been typed so far.

    Raises:
        TryLater: the database cannot be reached.
    """
    typed = read_name(name)
    if typed is None:
        return []
    rows = await reader.rows(*suggest_statement(typed, SUGGESTIONS))
    return [Suggestion(row["shows"], row["horse_name"], row["born"], row["photos"], row["newest"]) for row in rows]


def _group(rows: list[dict[str, Any]], query: Query) -> Group:
    first = rows[0]
    shown = [
        ShownPhoto(**{name: row[name] for name in ShownPhoto.__slots__ if name != "said"}, said=_said(row, query))
        for row in rows
    ]
    return Group(
        first["shows"], first["horse_id"], first["horse_name"], first["born"], first["photos"], first["value"], shown
    )


def _said(row: dict[str, Any], query: Query) -> Said | None:
    found = stretches(row, query) if row["comment"] else []
    return Said(row["comment"], found) if found else None
