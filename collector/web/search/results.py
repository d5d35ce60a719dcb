"""The search: photos in groups, one for each horse, the horse with the newest photo first.

A page goes on after the last photo of the one before (a cursor), so links stay right when new photos come in. Names are
looked for among horses, all else among photos; either way a page is a walk along an index that ends when it is full.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from collector.storage.reader import Reader
from collector.web.search.address import Cursor, Query
from collector.web.search.names import read_name
from collector.web.search.statements import search_statements, suggest_statement

PAGE = 24  # horses
SUGGESTIONS = 8


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
    asked = search_statements(query, typed, PAGE)
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
    rows = await reader.rows(*suggest_statement(typed, SUGGESTIONS))
    return [Suggestion(row["shows"], row["horse_name"], row["born"], row["photos"], row["newest"]) for row in rows]


def _grouped(rows: list[dict[str, Any]]) -> list[Group]:
    groups: dict[str, Group] = {}
    for row in rows:
        empty = Group(
            row["shows"], row["horse_id"], row["horse_name"], row["born"], row["photos"], row["value"], []
        )  # fmt: skip
        shown = ShownPhoto(row["photo"], row["dated"], row["race_name"], row["width"], row["height"], row["digest"])
        groups.setdefault(row["shows"], empty).shown.append(shown)
    return list(groups.values())
