"""The search as one would write it with a list of rows: what the database's answers are held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from unicodedata import normalize

import psycopg
from psycopg.rows import dict_row

from collector.sources.text_tools.text import horse_key
from collector.web.search.address import Cursor, Query
from collector.web.search.names import latin_of, read_name

SEXES = {"牡": "male", "牝": "female", "セ": "gelding"}
ROWS = """
SELECT photo.issue_code, photo.number, photo.horse_name AS printed, photo.sex AS printed_sex, photo.age AS printed_age,
    photo.race_name AS printed_race, issue.issue_date, met.horse_id, horse.name, horse.sex AS horse_sex, horse.born,
    race.name AS race_name, race.racecourse, race.surface, entry.sex AS entry_sex, entry.age AS entry_age
FROM photo JOIN issue ON issue.code = photo.issue_code
LEFT JOIN photo_match AS met ON met.issue_code = photo.issue_code AND met.number = photo.number
LEFT JOIN horse ON horse.horse_id = met.horse_id LEFT JOIN race ON race.race_id = met.race_id
LEFT JOIN entry ON entry.race_id = met.race_id AND entry.horse_id = met.horse_id
WHERE photo.digest IS NOT NULL
"""
OPINIONS = "SELECT horse_id, value FROM aptitude WHERE axis = 'distance' ORDER BY observed_at"


@dataclass(frozen=True, slots=True)
class Row:
    """A photo with what a search may ask of it."""

    dated: date
    photo: str
    shows: str
    names: tuple[str, ...]  # of the horse, and as printed
    race: str
    course: str | None
    surface: str | None
    sex: str | None
    age: int | None
    value: float | None


def read_rows(conninfo: str) -> list[Row]:
    """All photos of a collection, the newest first."""
    with psycopg.connect(conninfo) as connection, connection.cursor(row_factory=dict_row) as cursor:
        values: dict[str, float | None] = {row["horse_id"]: row["value"] for row in cursor.execute(OPINIONS)}
        rows = [_row(row, values) for row in cursor.execute(ROWS)]
    return sorted(rows, key=lambda row: (row.dated, row.photo), reverse=True)


def _row(row: dict[str, Any], values: dict[str, float | None]) -> Row:
    age = row["entry_age"] or row["printed_age"]
    if age is None and row["born"]:
        age = row["issue_date"].year - row["born"].year
    return Row(
        row["issue_date"],
        f"keibado:{row['issue_code']}/{row['number']:02}",
        row["horse_id"] or horse_key(row["printed"]),
        tuple({horse_key(row["printed"]), horse_key(row["name"] or row["printed"])}),
        row["race_name"] or row["printed_race"] or "",
        row["racecourse"],
        row["surface"],
        row["entry_sex"] or SEXES.get(row["printed_sex"]) or row["horse_sex"],
        age,
        values.get(row["horse_id"]),
    )


def _fits(row: Row, query: Query) -> bool:
    return all((
        not query.year or row.dated.year == query.year,
        normalize("NFKC", query.race) in normalize("NFKC", row.race),
        not query.course or row.course == query.course,
        query.surface is None or row.surface == query.surface,
        query.sex is None or row.sex == query.sex,
        query.age is None or row.age == query.age,
        query.low is None or (row.value is not None and row.value >= query.low),
        query.high is None or (row.value is not None and row.value <= query.high),
        not query.labelled or row.value is not None,
    ))  # fmt: skip


def _named(rows: Sequence[Row], typed: str) -> set[str]:
    """Whom the photos show whose name holds what was typed."""
    part = read_name(typed)
    if part is None:
        return set()
    held = {(row.shows, latin_of(name) if part.latin else name) for row in rows for name in row.names}
    return {shows for shows, name in held if part.part in name}


def groups(rows: Sequence[Row], query: Query) -> list[tuple[str, list[str]]]:
    """Whom a search finds, all pages together, each with the photos that are shown of it."""
    named = _named(rows, query.name) if query.name else {row.shows for row in rows}
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.shows in named and _fits(row, query):
            found.setdefault(row.shows, []).append(row)
    after = [group for group in found.items() if _is_after(group[1][0], query.before)]
    return [(shows, [row.photo for row in held]) for shows, held in after]


def _is_after(head: Row, cursor: Cursor | None) -> bool:
    return cursor is None or (head.dated, head.photo) < (cursor.dated, cursor.photo)
