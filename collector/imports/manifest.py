"""The table that says what a person's photos show: read whole and checked before anything is brought. Pure.

One row is one photo, one column one fact; the first line names the columns.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath

from collector.console.typed import half_width
from collector.errors import UsageError
from collector.sources.own.record import A_HORSE_ID
from collector.storage.racing import RACE_ID

COLUMNS = ("file", "horse", "date", "race", "source", "rights", "remark")
OPTIONAL = ("race", "remark")
LONGEST = {"file": 500, "horse": 40, "race": 100, "source": 500, "rights": 500, "remark": 2000}  # characters
CHARSETS = ("utf-8-sig", "cp932")  # what spreadsheets write, in Japan too
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # how their "Unicode text" begins
WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .xls begin
SEPARATORS = (",", "\t", ";")
DAY = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{2})([0-9]{2}))")
FIRST_DAY = date(1950, 1, 1)  # an issue's YYMMDD stands for one day of a century
ROUNDED = re.compile(r"[0-9][.,][0-9]+E\+[0-9]+")  # how a spreadsheet shows a number that is long
NAMED = 10  # problems
UNSAFE = {"Cc", "Cs"}  # control characters, halves of characters


@dataclass(frozen=True, slots=True)
class Row:
    """What a table says of one photo."""

    line: int
    file: str  # below the folder of the photos, with / between folders
    horse: str  # its name, or its id
    day: date
    race: str | None  # its name, or its id
    source: str
    rights: str
    remark: str | None = None  # None: what is held stays


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit, and where."""

    line: int
    column: str | None
    number: int | None  # of the column, from 1
    words: str


@dataclass(slots=True)
class Manifest:
    """A table that is being read."""

    name: str
    header: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lines_of: dict[str, int] = field(default_factory=dict)  # of files

    def check(self) -> None:
        """Make sure that all of it fits.

        Raises:
            UsageError: something does not; says in which lines and columns.
        """
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: (problem.line, problem.number or 0))
            named = [self._sentence(problem) for problem in in_order[:NAMED]]
            more = len(self.problems) - NAMED
            raise UsageError(named[0], [*named[1:], *([f"... and {more} more."] if more > 0 else [])])
        if not self.rows:
            raise UsageError(f"{self.name} has no row: its second line names the first photo.")

    def refuse(self, line: int, column: str | None, words: str, number: int | None = None) -> None:
        """One more thing that does not fit."""
        if number is None and column in self.header:
            number = self.header.index(column) + 1
        self.problems.append(Problem(line, column, number, words))

    def _sentence(self, problem: Problem) -> str:
        at = f"{self.name}, line {problem.line}"
        if problem.column is not None:
            number = f" {problem.number}" if problem.number else ""
            at += f", column{number} {problem.column}"
        return f"{at}: {problem.words}"


def read_manifest(raw: bytes, name: str, today: date) -> Manifest:
    """A table of photos; `problems` says what does not fit."""
    manifest = Manifest(name)
    if raw.startswith(WORKBOOK):
        manifest.refuse(1, None, "this is a workbook; save its table as CSV.")
        return manifest
    text = _decoded(raw, manifest)
    lines = _lines(text, manifest) if text is not None else iter(())
    line, header = next(lines, (1, []))
    if not manifest.problems and _takes(header, line, manifest):
        for number, cells in lines:
            _read_row(number, cells, manifest, today)
    return manifest


def _decoded(raw: bytes, manifest: Manifest) -> str | None:
    for charset in ("utf-16",) if raw.startswith(UTF16) else CHARSETS:
        try:
            return raw.decode(charset)
        except UnicodeDecodeError as error:
            last = error
    line = raw.count(b"\n", 0, last.start) + 1  # pyright: ignore[reportPossiblyUnboundVariable]
    manifest.refuse(line, None, "this is text neither in UTF-8 nor in Shift_JIS; save the table as CSV in UTF-8.")
    return None


def _lines(text: str, manifest: Manifest) -> Iterator[tuple[int, list[str]]]:
    """The lines that say something: the number of each, and its cells."""
    lines = io.StringIO(text, newline="")
    first = next((line for line in lines if line.strip()), "")
    lines.seek(0)
    reader = csv.reader(lines, delimiter=max(SEPARATORS, key=first.count), strict=True)
    begin = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            manifest.refuse(begin, None, f"this is not CSV: {error}.")
            return
        if any(cell.strip() for cell in cells):
            yield begin, [cell.strip() for cell in cells]
        begin = reader.line_num + 1


def _takes(header: Sequence[str], line: int, manifest: Manifest) -> bool:
    """Whether the first line names the columns that there are, each once."""
    manifest.header = _without_empty_ends([half_width(name).lower() for name in header], 0)
    for number, name in enumerate(manifest.header, 1):
        if name not in COLUMNS:
            words = f"this is not a column of such a table; it has {', '.join(COLUMNS)}."
            manifest.refuse(line, name[:40], words, number)
        elif name in manifest.header[: number - 1]:
            manifest.refuse(line, name, "the column is there twice.", number)
    for name in COLUMNS:
        if name not in manifest.header and name not in OPTIONAL:
            manifest.refuse(line, name, "the column is missing.")
    return not manifest.problems


def _read_row(line: int, cells: Sequence[str], manifest: Manifest, today: date) -> None:
    before, cells = len(manifest.problems), _without_empty_ends(cells, len(manifest.header))
    if len(cells) != len(manifest.header):
        last = manifest.header[min(len(cells), len(manifest.header)) - 1]
        manifest.refuse(line, last, f"the line has {len(cells)} cells, the first line {len(manifest.header)}.")
        return
    stated = dict(zip(manifest.header, cells, strict=True))
    _check_texts(line, stated, manifest)
    day = _day(stated["date"], today)
    if isinstance(day, str):
        manifest.refuse(line, "date", day)
        return
    file, race = _file(line, stated["file"], manifest), _race(line, stated, day, manifest)
    if len(manifest.problems) == before:
        horse = _id(A_HORSE_ID, stated["horse"]) or stated["horse"]
        manifest.rows.append(
            Row(line, file, horse, day, race, stated["source"], stated["rights"], stated.get("remark") or None)
        )


def _without_empty_ends(cells: Sequence[str], least: int) -> list[str]:
    """Without the cells that a spreadsheet writes after the last column."""
    end = len(cells)
    while end > least and not cells[end - 1]:
        end -= 1
    return list(cells[:end])


def _check_texts(line: int, stated: Mapping[str, str], manifest: Manifest) -> None:
    for name, text in stated.items():
        if not text and name not in OPTIONAL:
            manifest.refuse(line, name, f"this is empty; {WANTED[name]}.")
        elif len(text) > LONGEST.get(name, len(text)):
            manifest.refuse(line, name, f"{len(text)} characters are too many; at most {LONGEST[name]}.")
        elif any(unicodedata.category(char) in UNSAFE for char in text):
            manifest.refuse(line, name, f"{text[:60]!a} is not text.")
        elif name in ("horse", "race") and ROUNDED.fullmatch(text):
            manifest.refuse(line, name, f"{text} is an id that a spreadsheet has rounded; format the column as text.")


WANTED = {
    "file": "it names the photo's file below the folder",
    "horse": "it names the horse, or gives its id",
    "date": "it is the day of the race, such as 2016-01-04",
    "source": "it says who took the photo, or where it was published",
    "rights": "it says what may be done with the photo",
}


def _day(text: str, today: date) -> date | str:
    """The day; or what is wrong with it."""
    found = DAY.fullmatch(half_width(text).replace(" ", ""))
    digits = [part for part in found.groups() if part and part.isdigit()] if found else []
    try:
        day = date(*map(int, digits))
    except (TypeError, ValueError):
        return f"{text[:40]!r} is not a day; write 2016-01-04."
    if not FIRST_DAY <= day <= today:
        return f"{day} is yet to come." if day > today else f"{day} is before {FIRST_DAY}."
    return day


def _file(line: int, text: str, manifest: Manifest) -> str:
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", text):
        manifest.refuse(line, "file", f"{text[:80]!r} does not lie below the folder of the photos.")
    name = str(path)
    if (known := manifest.lines_of.setdefault(name, line)) != line:
        manifest.refuse(line, "file", f"{name[:80]} is in line {known} already.")
    return name


def _race(line: int, stated: Mapping[str, str], day: date, manifest: Manifest) -> str | None:
    """The race's name, or its id, which begins with the year."""
    text = stated.get("race") or None
    race_id = _id(RACE_ID, text)
    if race_id and int(race_id[:4]) != day.year:
        manifest.refuse(line, "race", f"{race_id} was run in {race_id[:4]}, and the date is {day}.")
    return race_id or text


def _id(pattern: str | re.Pattern[str], text: str | None) -> str | None:
    typed = half_width(text or "")
    return typed if re.fullmatch(pattern, typed) else None
