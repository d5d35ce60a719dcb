"""What a search asks for, as its address says it and back: the address holds the whole state. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import TypeVar

from collector.remarks.build import TAGS
from collector.storage.photo_ids import PHOTO_ID
from collector.storage.racing import Going, Kind, Sex, Surface
from collector.web.server.problems import Code, Problem

LONGEST = 60  # characters of a word that are looked at
YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)
METRES = re.compile(r"([1-9]\d{2,3})(?:m|M|メートル)?", re.ASCII)
AGE = re.compile(r"\d{1,2}", re.ASCII)
SHARE = re.compile(r"(?:0|1|0?\.\d{1,4}|0\.\d{1,4}|1\.0{1,4})", re.ASCII)
DISTANCE = re.compile(r"[1-9]\d{2,3}", re.ASCII)
CURSOR = re.compile(r"(?:([^~\n]{0,60})~)?([0-9]{4}-[0-9]{2}-[0-9]{2})_(" + PHOTO_ID.pattern + ")")
NUMBER = re.compile(r"(?:\d+(?:\.\d+)?(?:e-\d+)?)?", re.ASCII)
YES = "1"
Word = TypeVar("Word", bound=StrEnum)


class Sort(StrEnum):
    """The order of what is found."""

    NEWEST = "newest"
    OLDEST = "oldest"
    PHOTOS = "photos"  # the horse with the most of them first
    SHORT = "short"  # distance aptitude, from short to long
    LONG = "long"
    NAME = "name"


class Result(StrEnum):
    """How a horse came in."""

    FIRST = "1"
    SECOND = "2"
    THIRD = "3"
    PAID = "4-5"  # what still brings prize money
    BEHIND = "6-"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last photo of a page, after which the next one goes on."""

    dated: date
    photo: str  # its id
    key: str = ""  # by what its horse is sorted, where that is not the date

    def __str__(self) -> str:
        key = f"{self.key}~" if self.key else ""
        return f"{key}{self.dated}_{self.photo}"


@dataclass(frozen=True, slots=True)
class Query:
    """A search. What is None or empty is not asked for."""

    name: str = ""  # part of a horse's name, or words of its remark, as they were typed
    year: int | None = None  # of the issue
    race: str = ""  # part of a race's name
    course: str = ""  # racecourse
    surface: Surface | None = None  # of the race
    sex: Sex | None = None
    age: int | None = None  # years
    low: float | None = None  # distance aptitude, 0 short .. 1 long
    high: float | None = None
    tag: str = ""  # a word of the build that the photo's remark has: see `collector.remarks.build`
    metres: int | None = None  # a distance at which the remark says that the horse is best or fine
    labelled: bool = False  # only horses that reviewers have rated
    distance: int | None = None  # of the race, m
    going: Going | None = None
    grade: str = ""  # of the race, or its class: G1, OP, maiden
    result: Result | None = None
    kind: Kind | None = None  # of the horse, by its distance aptitude
    sire: str = ""
    trainer: str = ""
    coat: str = ""  # as printed: 鹿毛
    source: str = ""
    sort: Sort = Sort.NEWEST
    before: Cursor | None = None

    @property
    def filtered(self) -> bool:
        """Whether anything but a name is asked for."""
        return bool(self.words().keys() - {"name", "sort", "before"})

    def words(self) -> dict[str, str]:
        """The same as it stands in an address, without what is not asked for."""
        words = {
            "name": self.name,
            "year": str(self.year or ""),
            "race": self.race,
            "course": self.course,
            "surface": self.surface or "",
            "sex": self.sex or "",
            "age": "" if self.age is None else str(self.age),
            "low": "" if self.low is None else f"{self.low:g}",
            "high": "" if self.high is None else f"{self.high:g}",
            "tag": self.tag,
            "metres": str(self.metres or ""),
            "labelled": YES if self.labelled else "",
            "distance": str(self.distance or ""),
            "going": self.going or "",
            "grade": self.grade,
            "result": self.result or "",
            "kind": self.kind or "",
            "sire": self.sire,
            "trainer": self.trainer,
            "coat": self.coat,
            "source": self.source,
            "sort": "" if self.sort is Sort.NEWEST else self.sort,
            "before": str(self.before or ""),
        }
        return {key: word for key, word in words.items() if word}


FIELDS = tuple(field.name for field in fields(Query))  # of an address


def read_query(given: Mapping[str, str]) -> Query:
    """The search of an address. An empty field asks for nothing, as forms send all of them.

    Raises:
        Problem: a field cannot be understood; the sentence names it.
    """
    low, high = _share(given, "low"), _share(given, "high")
    if low is not None and high is not None and low > high:
        low, high = high, low
    name, tag, metres = _asked_of_remarks(given)
    year, age = _matching(given, "year", YEAR, "such as 2016"), _matching(given, "age", AGE, "in years")
    distance = _matching(given, "distance", DISTANCE, "in metres, such as 1600")
    sort = _one_of(given, "sort", Sort) or Sort.NEWEST
    return Query(
        name=name,
        year=int(year) if year else None,
        race=_text(given, "race"),
        course=_text(given, "course"),
        surface=_one_of(given, "surface", Surface),
        sex=_one_of(given, "sex", Sex),
        age=int(age) if age else None,
        low=low,
        high=high,
        tag=tag,
        metres=metres,
        labelled=given.get("labelled", "") not in ("", "0", "false"),
        distance=int(distance) if distance else None,
        going=_one_of(given, "going", Going),
        grade=_text(given, "grade"),
        result=_one_of(given, "result", Result),
        kind=_one_of(given, "kind", Kind),
        sire=_text(given, "sire"),
        trainer=_text(given, "trainer"),
        coat=_text(given, "coat"),
        source=_text(given, "source"),
        sort=sort,
        before=_cursor(given.get("before", ""), sort),
    )


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field of an address that cannot be understood."""

    field: str
    given: str  # as it was typed


def read_form(given: Mapping[str, str]) -> tuple[Query, list[Wrong]]:
    """The search of an address, without the fields that cannot be understood; and those."""
    wrong: list[Wrong] = []
    try:
        return read_query(given), wrong
    except Problem:
        pass  # which fields it is about is said by each alone
    for field in FIELDS:
        try:
            read_query({field: given.get(field, "")})
        except Problem:
            wrong.append(Wrong(field, given[field].replace("\0", "").encode("utf-8", "ignore").decode()[:LONGEST]))
    left_out = {one.field for one in wrong}
    return read_query({field: word for field, word in given.items() if field not in left_out}), wrong


def _asked_of_remarks(given: Mapping[str, str]) -> tuple[str, str, int | None]:
    """The name, the word of the build and the metres; a name that is one of the others, such as 1600m, asks for it."""
    name, tag, metres = _text(given, "name"), _text(given, "tag"), _matching(given, "metres", METRES, "such as 1600")
    if tag and tag not in TAGS:
        raise _wrong("tag", f"one of {', '.join(TAGS)}")
    typed = unicodedata.normalize("NFKC", name)
    if not tag and typed in TAGS:
        name, tag = "", typed
    elif not metres and METRES.fullmatch(typed):
        name, metres = "", typed
    found = METRES.fullmatch(metres)
    return name, tag, int(found[1]) if found else None


def _text(given: Mapping[str, str], field: str) -> str:
    # Bytes that are not text come as lone surrogates, which no name has and no database takes.
    text = given.get(field, "").replace("\0", "").encode("utf-8", "ignore").decode()
    text = text if field == "name" else unicodedata.normalize("NFC", text)
    return text.strip()[:LONGEST].strip()


def _matching(given: Mapping[str, str], field: str, pattern: re.Pattern[str], words: str) -> str:
    text = unicodedata.normalize("NFKC", given.get(field, "").strip())
    if text and not pattern.fullmatch(text):
        raise _wrong(field, words)
    return text


def _one_of(given: Mapping[str, str], field: str, words: type[Word]) -> Word | None:
    word = given.get(field, "")
    if word and word not in list(words):
        *others, last = words
        raise _wrong(field, f"{', '.join(others)} or {last}")
    return words(word) if word else None


def _share(given: Mapping[str, str], field: str) -> float | None:
    text = _matching(given, field, SHARE, "between 0 and 1")
    return float(text) if text else None


def _cursor(text: str, sort: Sort) -> Cursor | None:
    if not text:
        return None
    key, dated, photo = (found[1] or "", found[2], found[3]) if (found := CURSOR.fullmatch(text)) else ("", "", "")
    if sort in (Sort.PHOTOS, Sort.SHORT, Sort.LONG) and not NUMBER.fullmatch(key):
        dated = ""
    try:
        return Cursor(date.fromisoformat(dated), photo, key)
    except ValueError as error:
        raise _wrong("before", "as the last page's link has it") from error


def _wrong(field: str, words: str) -> Problem:
    return Problem(Code.NOT_UNDERSTOOD, f"{field} is to be {words}")
