"""The search as one would write it with a list of rows: what the database's answers are held against."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from unicodedata import normalize

import psycopg
from psycopg.rows import dict_row

from collector.sources.text_tools.text import horse_key
from collector.storage.racing import kind_of
from collector.web.search.address import Query, Sort
from collector.web.search.names import latin_of, read_name

SEXES = {"牡": "male", "牝": "female", "セ": "gelding"}
CLASSES = {
    "新馬": "new", "未勝利": "maiden", "1000万": "win2", "2勝": "win2", "1600万": "win3", "3勝": "win3",
    "500万": "win1", "1勝": "win1", "オープン": "OP",
}  # fmt: skip
ROWS = """
SELECT photo.issue_code, photo.number, photo.horse_name AS printed, photo.sex AS printed_sex, photo.age AS printed_age,
    photo.race_name AS printed_race, issue.issue_date, met.horse_id, horse.name, horse.sex AS horse_sex, horse.born,
    race.name AS race_name, race.racecourse, race.surface, race.distance, race.going, race.grade, race.race_class,
    entry.sex AS entry_sex, entry.age AS entry_age, entry.finish_position, entry.trainer AS entry_trainer,
    horse.sire, horse.coat AS horse_coat, photo.coat, photo.trainer, photo.source, photo.comment
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
    key: str  # by which its horse is sorted
    race: str
    course: str | None
    surface: str | None
    sex: str | None
    age: int | None
    value: float | None
    remark: str
    of: dict[str, str | None] = field(repr=False)  # the words by which photos are counted, as an address has them


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
        horse_key(row["name"] or row["printed"]),
        row["race_name"] or row["printed_race"] or "",
        row["racecourse"],
        row["surface"],
        row["entry_sex"] or SEXES.get(row["printed_sex"]) or row["horse_sex"],
        age,
        values.get(row["horse_id"]),
        row["comment"] or "",
        _words(row, values.get(row["horse_id"])),
    )


def _words(row: dict[str, Any], value: float | None) -> dict[str, str | None]:
    place = row["finish_position"]
    near = "4-5" if place and place < 6 else "6-" if place else None
    return {
        "distance": str(row["distance"]) if row["distance"] else None,
        "going": row["going"],
        "grade": row["grade"] or _class(row["race_class"] or ""),
        "result": str(place) if place and place < 4 else near,
        "kind": None if value is None else kind_of(value).value,
        "sire": row["sire"],
        "trainer": row["entry_trainer"] or row["trainer"],
        "coat": row["horse_coat"] or row["coat"],
        "source": row["source"],
    }


def _class(printed: str) -> str | None:
    """A race without a grade by what its horses have won; 500万 is one race."""
    for part, word in CLASSES.items():
        if part in printed:
            return word
    return None


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
        *(word == query.words().get(name, word) for name, word in row.of.items()),
    ))  # fmt: skip


def _named(rows: Sequence[Row], typed: str) -> set[str]:
    """Whom the photos show whose name holds what was typed; all of them where nothing was."""
    if not typed:
        return {row.shows for row in rows}
    part = read_name(typed)
    if part is None:
        return set()
    held = {(row.shows, latin_of(name) if part.latin else name) for row in rows for name in row.names}
    return {shows for shows, name in held if part.part in name}


def spelt(text: str) -> str:
    """A text as remarks are compared: full-width katakana, small letters, no spaces."""
    plain = [letter for letter in normalize("NFKC", text).lower() if not letter.isspace()]
    return "".join(chr(ord(letter) + 0x60) if "ぁ" <= letter <= "ゖ" else letter for letter in plain)


def holds(remark: str, word: str) -> bool:
    """Whether a remark holds a typed word; a letter alone is a word if it is a kanji."""
    part = spelt(word)
    return (len(part) > 1 or "一" <= part <= "鿿") and part in spelt(remark)


def found(rows: Sequence[Row], query: Query) -> list[Row]:
    """The photos that a search finds, the newest first."""
    named = _named(rows, query.name)
    by_word = {word: _named(rows, word) for word in query.name.split()}

    def typed(row: Row) -> bool:
        return row.shows in named or all(row.shows in by_word[word] or holds(row.remark, word) for word in by_word)

    return [row for row in rows if typed(row) and _fits(row, query)]


def groups(rows: Sequence[Row], query: Query) -> list[tuple[str, list[str]]]:
    """Whom a search finds, all pages together, each with the photos that are shown of it; by date, named ones first."""
    named = _named(rows, query.name)
    by_remark = query.sort in (Sort.NEWEST, Sort.OLDEST)
    by_horse: dict[str, list[Row]] = {}
    for row in found(rows, query):
        by_horse.setdefault(row.shows, []).append(row)
    before = query.before
    ranked = [(by_remark and shows not in named, shows, held) for shows, held in by_horse.items()]
    after = [one for one in ranked if before is None or one[0] > bool(before.key) or (
        one[0] == bool(before.key) and (one[2][0].dated, one[2][0].photo) < (before.dated, before.photo)
    )]  # fmt: skip
    return [(shows, [row.photo for row in held]) for _, shows, held in sorted(after, key=lambda one: one[0])]


def sorted_groups(rows: Sequence[Row], query: Query) -> list[tuple[str, list[str]]]:
    """The same in the order that is asked for; on equal terms the one with the newest photo is first."""
    turned = list(reversed(rows)) if query.sort is Sort.OLDEST else rows
    of_horse = {row.shows: row for row in rows}
    names = {row.shows: row.key for row in rows}

    def place(group: tuple[str, list[str]]) -> Any:
        value = of_horse[group[0]].value
        match query.sort:
            case Sort.PHOTOS:
                return -len(group[1])
            case Sort.SHORT:
                return (value is None, value)
            case Sort.LONG:
                return (value is None, -(value or 0))
            case Sort.NAME:
                return names[group[0]]
            case _:
                return 0

    return sorted(groups(turned, query), key=place)


def counts(rows: Sequence[Row], query: Query) -> dict[str, Counter[str]]:
    """How many photos each value of each facet has, were it asked for in place of the facet's own filter."""
    own = {"year": None, "course": "", "surface": None, "sex": None, "age": None, "distance": None, "going": None,
           "grade": "", "result": None, "kind": None, "sire": "", "trainer": "", "coat": "", "source": ""}  # fmt: skip
    counted: dict[str, Counter[str]] = {}
    for name, nothing in own.items():
        without = found(rows, replace(query, before=None, **{name: nothing}))
        words = [
            row.of[name] if name in row.of else row.dated.year if name == "year" else getattr(row, name)
            for row in without
        ]
        counted[name] = Counter(str(word) for word in words if word is not None)
    return counted
