"""Labels from a table of one's own: a CSV that names photos or horses. Read whole and checked before it is used."""

import csv
import hashlib
import io
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, LiteralString

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.errors import UsageError
from collector.sources.text_tools.text import horse_key
from trainer.labels.definition import Absent, Connection, Observed, Subjects
from trainer.labels.label import WhyNone
from trainer.labels.scales import Scale

logger = logging.getLogger(__name__)

COLUMNS = ("photo", "horse", "axis", "value", "variance", "n", "evidence")
NAMED = 10  # problems that are listed
MOST = 2**31 - 1  # the largest whole number of a data set's columns
WHO: LiteralString = """
WITH subject AS ({subjects}) SELECT subject.key, subject.horse_id, horse.horse_key,
    (SELECT count(*) FROM horse other WHERE other.horse_key = horse.horse_key) AS of_that_name
FROM subject LEFT JOIN horse USING (horse_id) ORDER BY subject.key
"""

WORD = re.compile(r"[\w-]+")  # a name and an axis are parts of file names, and cells of the card

Empty = Annotated[str | None, Field(default=None, max_length=500)]


class Row(BaseModel):
    """One line of a file of labels."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    photo: Empty = None  # its id, source:issue/number
    horse: Empty = None  # its name, or its id
    axis: Annotated[str | None, Field(default=None, max_length=500, pattern=f"^{WORD.pattern}$")] = None
    value: float = Field(ge=0, le=1, allow_inf_nan=False)
    variance: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    n: int | None = Field(default=None, ge=0, le=MOST)
    evidence: Empty = None


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The labels of a file. A horse may be named by its id, or by a name that one horse alone has."""

    name: str
    rows: Mapping[tuple[str, str], tuple[int, Row]]  # by axis and by photo, horse id or horse key: line and row
    digest: str  # SHA-256 of the file
    scales: Mapping[str, Scale]
    words: str = "From a file of labels."
    unit: str = "label of the file, 0 to 1"
    shrunk: bool = False
    path: str = ""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The digest of the file, in which its labels are."""
        return {"file": self.digest}

    def observe(self, connection: Connection, axis: str, subjects: Subjects) -> Iterator[Observed | Absent]:
        """The label of each subject that the file names, in the order of the keys; warns of lines that name none."""
        lines = {line for (its, _), (line, _) in self.rows.items() if its == axis}
        unused = set(lines)
        for who in connection.execute(WHO.format(subjects=subjects.query)):
            unused -= {line for line, _ in self._about(who, axis).values()}
            yield self.judge(who, axis)
        if unused:
            count = f"{len(unused)} of {len(lines)} lines about {axis} {'names' if len(unused) == 1 else 'name'}"
            words = "%s: %s nothing among the %s of the collection and their horses; the first is line %s."
            logger.warning(words, self.path, count, subjects.about, min(unused))

    def judge(self, who: dict[str, Any], axis: str) -> Observed | Absent:
        """What the file says of one subject. Pure.

        Raises:
            UsageError: a line by the horse's id and another by its name do not agree.
        """
        about = self._about(who, axis)
        alone = who["of_that_name"] <= 1
        if not about:
            return Absent(who["key"], WhyNone.NOT_IN_FILE)
        if alone and "horse_id" in about and "horse_key" in about:
            self._check_same(about["horse_id"], about["horse_key"])
        if not alone and about.keys() == {"horse_key"}:
            return Absent(who["key"], WhyNone.SEVERAL_HORSES)
        line, row = next(iter(about.values()))
        evidence = {"line": line} | ({"said": row.evidence} if row.evidence else {})
        return Observed(who["key"], who["horse_id"], row.value, row.n, evidence, row.variance)

    def _about(self, who: dict[str, Any], axis: str) -> dict[str, tuple[int, Row]]:
        """The lines about one subject by what they name it by, the most certain first."""
        named = {by: self.rows.get((axis, who[by] or "")) for by in ("key", "horse_id", "horse_key")}
        return {by: found for by, found in named.items() if found}

    def _check_same(self, by_id: tuple[int, Row], by_name: tuple[int, Row]) -> None:
        (first, one), (second, other) = sorted((by_id, by_name), key=lambda found: found[0])
        if (one.value, one.variance, one.n) != (other.value, other.variance, other.n):
            raise UsageError(
                f"{self.path}, line {second}: {other.horse} is the horse of line {first}, {one.horse}, and the two "
                "lines do not agree: keep one of them."
            )


def read_label_file(path: Path, axes: tuple[str, ...]) -> LabelFile:
    """The labels of a file; a row without an axis is about the first of `axes`.

    Raises:
        UsageError: it cannot be read, or something in it does not fit; says in which lines and columns.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: this is not UTF-8 text; save the table as CSV in UTF-8.") from error
    rows = parse_labels(text, str(path), axes[0])
    if not WORD.fullmatch(path.stem):
        raise UsageError(f"{path}: its labels have the name of the file, so write that in letters, digits, - and _.")
    known = {axis: Scale("0", "1") for axis, _ in rows}
    return LabelFile(path.stem, rows, hashlib.sha256(raw).hexdigest(), known, path=str(path))


def parse_labels(text: str, name: str, axis: str) -> dict[tuple[str, str], tuple[int, Row]]:
    """The rows of a file of labels by axis and by what they name. Pure.

    Raises:
        UsageError: something in it does not fit; says in which lines and columns.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[tuple[str, str], tuple[int, Row]] = {}
    problems: list[str] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header, name)
        line = reader.line_num + 1  # where the next row begins; a cell in quotes may have several lines
        for cells in reader:
            if any(cell.strip() for cell in cells):
                problems += [f"{name}, line {line}{words}" for words in _read(header, cells, axis, line, found)]
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(f"{name}, line {reader.line_num}: this is not CSV: {error}.")
    if problems:
        more = [f"... and {len(problems) - NAMED} more."] if len(problems) > NAMED else []
        raise UsageError(problems[0], [*problems[1:NAMED], *more])
    if not found:
        raise UsageError(f"{name} has no label: its second line is the first one.")
    return found


def _check_header(header: list[str], name: str) -> None:
    keys = [column for column in ("photo", "horse") if column in header]
    if len(keys) != 1 or "value" not in header:
        raise UsageError(
            f"{name}, line 1: the first line names the columns: value, and one of photo and horse; "
            "axis, variance, n and evidence may follow."
        )
    for number, column in enumerate(header, 1):
        if column not in COLUMNS or header.index(column) != number - 1:
            why = "is there twice" if column in COLUMNS else f"is not one of {', '.join(COLUMNS)}"
            raise UsageError(f"{name}, line 1, column {number}: {column!r} {why}.")


def _read(
    header: list[str], cells: list[str], axis: str, line: int, found: dict[tuple[str, str], tuple[int, Row]]
) -> Iterator[str]:
    """Add the row of a line; yields what does not fit."""
    if len(cells) != len(header):
        yield f": it has {len(cells)} cells, and the first line names {len(header)} columns."
        return
    given = {column: cell for column, cell in zip(header, cells, strict=True) if cell.strip()}
    try:
        row = Row(**given)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        for one in error.errors():
            column = str(one["loc"][0])
            number = f" {header.index(column) + 1}" if column in header else ""
            yield f", column{number} {column}: {_words(one)}"
        return
    named = row.photo or row.horse
    if not named:
        yield f", column {header.index('photo' if 'photo' in header else 'horse') + 1}: it names nothing."
        return
    key = row.axis or axis, named if row.photo else _horse(named)
    if key in found:
        yield f": {named} is in line {found[key][0]} already."
        return
    found[key] = (line, row)


def _horse(named: str) -> str:
    """A horse's id as it is, its name as a key."""
    return named if named.isascii() and named.isalnum() and len(named) == 10 else horse_key(named)


def _words(error: Any) -> str:
    if error["type"] == "string_pattern_mismatch":
        return f"{error['input']!r} does not fit: write an axis in letters, digits, - and _."
    return "it is empty." if error["type"] == "missing" else f"{error['input']!r} does not fit: {error['msg'].lower()}."
