"""A race and its entries, from the records of JRA-VAN's data. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from collector.errors import ParseError
from collector.sources.jravan import codes, values
from collector.sources.jravan.codes import RACECOURSES
from collector.sources.jravan.entry import entry_of
from collector.sources.jravan.record import Row, race_url, read
from collector.sources.parsed import Parsed, as_far_as_possible
from collector.storage.items import EntryItem, RaceItem
from collector.storage.racing import Finish, Going, Grade, Surface

MANY = 50  # flaws that are kept of a page
STATED = ("surface", "weather", "going", "start_time")  # which every JRA race that was run has
OF_ENTRIES = ("horse_number", "sex", "carried_weight", "finish_time", "odds", "favorite_rank", "horse_weight")


class Reader:
    """Collects the values of one record. A value that cannot be read is a flaw, and is left out."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.flaws: list[ParseError] = []

    def read(self, field: str, read: Callable[[], Any]) -> None:
        """Read one value."""
        try:
            self.values[field] = read()
        except ParseError as error:
            self.flaws.append(ParseError(field, error.reason))


def race_id_of(row: Row) -> str | None:
    """The id of a race at one of the JRA's ten racecourses; None for others, whose ids are made another way."""
    parts = [values.digits(row.get(name), width) for name, width in
             (("Year", 4), ("JyoCD", 2), ("Kaiji", 2), ("Nichiji", 2), ("RaceNum", 2))]  # fmt: skip
    race_id = "".join(parts)
    is_one = parts[1] in RACECOURSES and len(race_id) == 12 and race_id.isascii() and race_id.isdecimal()
    return race_id if is_one else None


def is_card(row: Row) -> bool:
    """Whether a race has not been run yet, as its record says."""
    return values.digits(row.get("DataKubun"), 1) in codes.CARD


def is_deleted(row: Row) -> bool:
    """Whether a record says that there is to be none."""
    return values.digits(row.get("DataKubun"), 1) == codes.DELETED


def parse_race(url: str, text: str) -> Parsed:
    """A race and its entries.

    Raises:
        ParseError: it is not a race, or that of another address.
    """
    shape, head, rows = read(text)
    race_id = race_id_of(head or {})
    if head is None or race_id is None or url != race_url(race_id, card=is_card(head)):
        raise ParseError("race_id", "its address names another race")
    reader = _race(race_id, head)
    race, impossible = as_far_as_possible(RaceItem, reader.values)
    flaws = [*reader.flaws, *impossible]
    entries, whole = list[EntryItem](), True
    seen = set[str]()
    for number, row in enumerate(rows, 1):
        if is_deleted(row):
            continue
        try:
            entry, its = entry_of(row, race, scaled=shape.scaled)
        except ParseError as error:
            whole, its = False, [error]
        else:
            if (runner := entry.horse_id or str(entry.horse_number or entry.horse_key)) in seen:
                whole, its = False, [*its, ParseError("KettoNum", f"{runner} runs twice")]
            else:
                seen.add(runner)
                entries.append(entry)
        flaws += [ParseError(f"row {number}, {flaw.field}", flaw.reason) for flaw in its]
    missing = _not_stated(race, entries) if not is_card(head) else []
    return Parsed((race, *entries), missing=tuple(missing), flaws=tuple(flaws[:MANY]), whole=whole)


def _race(race_id: str, row: Row) -> Reader:
    surface, direction, course = _course(row)
    day = values.day("race_date", f"{values.digits(row.get('Year'), 4)}{values.digits(row.get('MonthDay'), 4)}")
    reader = Reader({
        "race_id": race_id, "race_date": day, "racecourse": RACECOURSES[race_id[4:6]],
        "meeting_number": int(race_id[6:8]) or None, "meeting_day": int(race_id[8:10]) or None,
        "race_number": int(race_id[10:]), "surface": surface, "direction": direction,
        "course": course or values.words(row.get("CourseKubunCD"), 2), "licensed": True,
    })  # fmt: skip
    if day is None:
        raise ParseError("race_date", "not stated")
    reader.read("distance", lambda: values.whole("distance", row.get("Kyori")))
    reader.read("weather", lambda: values.code("weather", row.get("TenkoCD"), codes.WEATHERS))
    reader.read("going", lambda: _going(row, surface))
    reader.read("start_time", lambda: values.hour("start_time", row.get("HassoTime")))
    reader.read("prizes", lambda: _prizes(row))
    reader.read("grade", lambda: _grade(row, day))
    reader.values |= _words(row, day, reader.values.get("grade"))
    return reader


def _course(row: Row) -> tuple[Any, Any, Any]:
    track = values.digits(row.get("TrackCD"), 2)
    if track.strip("0") and track not in codes.COURSES:
        raise values.unknown("TrackCD", track)
    return codes.COURSES.get(track, (None, None, None))


def _going(row: Row, surface: Surface | None) -> Going | None:
    if surface == Surface.DIRT:
        return values.code("going", row.get("DirtBabaCD"), codes.DIRT_GOINGS)
    turf = values.code("going", row.get("SibaBabaCD"), codes.TURF_GOINGS)
    return turf or values.code("going", row.get("DirtBabaCD"), codes.TURF_GOINGS)  # hurdles may be on dirt


def _prizes(row: Row) -> list[float]:
    found = (values.prize(row.get(f"Honsyokin{place}")) for place in range(1, 6))
    return [amount for amount in found if amount]


def _grade(row: Row, day: date) -> Grade | None:
    grade = values.words(row.get("GradeCD"), 1)
    is_local = day.year in codes.LOCAL_YEARS and not str(row.get("KigoCD") or "").startswith(codes.INTERNATIONAL)
    if grade in codes.LOCAL_GRADES and is_local:
        return codes.LOCAL_GRADES[grade]
    if found := codes.GRADES.get(grade or ""):
        return found
    if grade not in (None, "D", "E", "_", "0"):
        raise values.unknown("grade", grade)
    is_open = grade != "D" and values.digits(row.get("JyokenCD5"), 3) == codes.OPEN
    return Grade.OPEN if is_open else None


def _words(row: Row, day: date, grade: Grade | None) -> dict[str, str | None]:
    """What the sites print of a race in words: its name, who may run, the marks after it."""
    kind_code, condition = values.digits(row.get("SyubetuCD"), 2), values.digits(row.get("JyokenCD5"), 3)
    kind = codes.KINDS.get(kind_code, "")
    who = codes.CLASSES.get(condition) or (f"{int(condition)}00万下" if condition.strip("0").isdecimal() else "")
    if condition in codes.WINS and f"{day:%Y%m%d}" >= codes.WINS_SINCE:
        who = codes.WINS[condition]
    own = values.half_width(values.words(row.get("Hondai"), 80))
    marks = values.words(row.get("KigoCD"), 3) or "000"
    after = [
        codes.FIRST_MARKS.get(marks[0], ""),
        codes.SEX_MARKS.get(marks[1:2], ""),
        codes.LAST_MARKS.get(marks[2:3], ""),
        codes.WEIGHTS.get(values.digits(row.get("JyuryoCD"), 1), ""),
    ]
    breed = "サラ系" if kind and kind_code < "18" else ""
    shown = f"({grade})" if grade and own else ""
    return {
        "name": f"{own or f'{kind}{who}' or '条件戦'}{shown}", "race_class": f"{breed}{kind}{who}" or None,
        "conditions": "".join(after) or None,
    }  # fmt: skip


def _not_stated(race: RaceItem, entries: Sequence[EntryItem]) -> list[str]:
    """Fields that every JRA race has and this one does not: of the race, or of every horse that finished."""
    finished = [entry for entry in entries if entry.finish == Finish.FINISHED]
    if not finished:
        return []  # called off
    missing = [field for field in STATED if getattr(race, field) is None]
    return missing + [field for field in OF_ENTRIES if all(getattr(entry, field) is None for entry in finished)]
