"""The search as SQL: what was asked for, and the name that was typed, become statements with values. Pure."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString
from unicodedata import normalize

from collector.web.search.address import Query
from collector.web.search.names import Typed

ROW = 4  # photos of each that are shown
MOST_COUNTED = 500  # horses; beyond, counting would cost more than it is worth
AS_WRITTEN = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})  # what LIKE would read otherwise

# What is asked of a horse, whichever photo of it.
OF_HORSES: dict[str, LiteralString] = {
    "low": "horse.value >= %(low)s",
    "high": "horse.value <= %(high)s",
    "labelled": "horse.value IS NOT NULL",
}
# A claim that names the distance, as best or as fine; a distance alone has no upper end where it is fine at it.
SUITS: LiteralString = """$[*] ? ((@.kind starts with "best" || @.kind == "fine_at") && @.low_m <= $m
    && (@.high_m >= $m || @.high_m == null && @.low_m == $m))"""
# What is asked of a photo. {t} is the table's name in the query that a condition becomes part of.
OF_PHOTOS: dict[str, LiteralString] = {
    "since": "{t}.dated >= %(since)s",
    "until": "{t}.dated <= %(until)s",
    "race": "{t}.race_key LIKE %(race)s",
    "course": "{t}.racecourse = %(course)s",
    "surface": "{t}.surface = %(surface)s",
    "sex": "{t}.sex = %(sex)s",
    "age": "{t}.age = %(age)s",
    "tag": "{t}.id IN (SELECT id FROM photo WHERE build_tags @> %(tag)s::jsonb)",
    "metres": "{t}.id IN (SELECT id FROM photo"
    " WHERE jsonb_path_exists(claims, %(suits)s::jsonpath, %(metres)s::jsonb))",
}
IN_NAMES: LiteralString = "name_keys LIKE %(part)s"
IN_LATIN: LiteralString = "latin LIKE %(part)s"
# A head is the photo by which a horse has its place: the newest of those that are asked for. A photo whose horse nobody
# has named stands in no place.
HEADS_OF_HORSES: LiteralString = """
SELECT shows, newest AS dated, head AS photo FROM horse_search AS horse
WHERE {horse} AND (%(dated)s::date IS NULL OR (newest, head) < (%(dated)s, %(photo)s))
ORDER BY newest DESC, head DESC LIMIT %(most)s
"""
HEADS_OF_PHOTOS: LiteralString = """
SELECT shows, dated, photo FROM photo_search AS head
WHERE shows IS NOT NULL AND {head} {horses} AND (%(dated)s::date IS NULL OR (dated, photo) < (%(dated)s, %(photo)s))
AND NOT EXISTS (
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
class Statements:
    """A search as the database is asked."""

    found: LiteralString
    count: LiteralString
    values: dict[str, Any]


def search_statements(query: Query, typed: Typed | None, horses: int) -> Statements:
    """The statements of a search with a name as it was read, for a page of this many horses and one more."""
    values = _values(query) | {"most": horses + 1}
    horse: list[LiteralString] = [condition for key, condition in OF_HORSES.items() if values.get(key) is not None]
    photo: list[LiteralString] = [condition for key, condition in OF_PHOTOS.items() if values.get(key) is not None]
    if typed:
        horse.append(_named(typed))
        values["part"] = f"%{typed.part.translate(AS_WRITTEN)}%"
    those: LiteralString = " AND ".join(horse) or "true"
    if photo:
        among = AMONG_HORSES.format(horse=those) if horse else ""
        heads = HEADS_OF_PHOTOS.format(head=_all(photo, "head"), newer=_all(photo, "newer"), horses=among)
        count = COUNT.format(horse=those, photos=WITH_PHOTOS.format(photo=_all(photo, "photo")))
    else:
        heads, count = HEADS_OF_HORSES.format(horse=those), COUNT.format(horse=those, photos="")
    return Statements(FOUND.format(heads=heads, shown=_all(photo, "shown")), count, values)


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
        "tag": json.dumps([{"tag": query.tag}]) if query.tag else None,
        "metres": json.dumps({"m": query.metres}) if query.metres else None,
        "suits": SUITS,
        "labelled": query.labelled or None,
        "dated": query.before.dated if query.before else None,
        "photo": query.before.photo if query.before else None,
        "row": ROW,
        "counted": MOST_COUNTED,
    }


def suggest_statement(typed: Typed, most: int) -> tuple[LiteralString, dict[str, Any]]:
    """The statement that suggests names, and its values."""
    part = typed.part.translate(AS_WRITTEN)
    statement = SUGGEST.format(named=_named(typed), key="latin" if typed.latin else "horse_key")
    return statement, {"part": f"%{part}%", "beginning": f"{part}%", "most": most}


def _named(typed: Typed) -> LiteralString:
    return IN_LATIN if typed.latin else IN_NAMES


def _all(conditions: list[LiteralString], table: LiteralString) -> LiteralString:
    """All conditions on a table under its name in the query."""
    return " AND ".join(condition.replace("{t}", table) for condition in conditions) or "true"
