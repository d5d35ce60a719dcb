"""Answers as files: `predictions.parquet` of each evaluation, and files of anybody's answers."""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from collector.errors import UsageError
from trainer.dataset.data import Table
from trainer.directories import write_file

FILE = "predictions.parquet"
PHOTO, VALUE, LOW, HIGH = "photo", "value", "low", "high"


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers to photos of a table, all (n,)."""

    table: Table
    examples: np.ndarray  # their indices in the table
    value: np.ndarray  # 0..1
    interval: tuple[np.ndarray, np.ndarray] | None = None  # its ends; None if there are none
    fold: np.ndarray | None = None  # None if they are not out of fold

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The columns of the photos."""
        return [self.table.rows[example] for example in self.examples]

    @property
    def label(self) -> np.ndarray:
        """The labels."""
        return self.table.label[self.examples]

    @property
    def horse(self) -> np.ndarray:
        """The horses, as numbers."""
        return self.table.horse[self.examples]

    def some(self, chosen: np.ndarray) -> "Answered":
        """Only the answers at these places."""
        ends = None if self.interval is None else (self.interval[0][chosen], self.interval[1][chosen])
        fold = None if self.fold is None else self.fold[chosen]
        return Answered(self.table, self.examples[chosen], self.value[chosen], ends, fold)


def write_predictions(folder: Path, answered: Answered) -> Path:
    """Write the answers, with what they are judged by; returns the file's path."""
    import pyarrow as pa
    from pyarrow import parquet

    rows, count = answered.rows, len(answered.examples)
    low, high = answered.interval or (None, None)
    columns = {
        "photo": [row["photo"] for row in rows],
        "horse_id": [row["horse_id"] for row in rows],
        "side": [str(row["side"]) for row in rows],
        "fold": pa.array([None] * count if answered.fold is None else answered.fold.tolist(), pa.int32()),
        "label_key": [answered.table.key] * count,
        "label": answered.label.astype(np.float32),
        "value": answered.value.astype(np.float32),
        "low": _numbers(low, count),
        "high": _numbers(high, count),
    }
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    write_file(folder / FILE, buffer.getvalue())
    return folder / FILE


def _numbers(values: np.ndarray | None, count: int) -> Any:
    import pyarrow as pa

    return pa.array([None] * count if values is None else values.astype(np.float32).tolist(), pa.float32())


def read_predictions(path: Path, table: Table) -> Answered:
    """The answers of a CSV or Parquet file with the columns photo and value, and low and high if it has intervals.

    Raises:
        UsageError: the file cannot be read, or a value is wrong; the message names line and column.
    """
    places = {row[PHOTO]: place for place, row in enumerate(table.rows)}
    found: dict[int, tuple[float, float | None, float | None]] = {}
    lines: dict[int, int] = {}
    for line, row in _rows(path):
        where = f"{path.name}, line {line}"
        photo = str(row.get(PHOTO) or "").strip()
        place = places.get(photo)
        if place is None:
            raise UsageError(f"{where}, column {PHOTO}: {photo!r} is not a photo of the data set {table.version}.")
        if place in found:
            raise UsageError(f"{where}, column {PHOTO}: {photo} was answered before, on line {lines[place]}.")
        found[place], lines[place] = _answer(row, where), line
    if not found:
        raise UsageError(f"{path.name} has no answers.")
    with_ends = {place for place, (_, low, _) in found.items() if low is not None}
    if bare := [lines[place] for place in found if place not in with_ends] if with_ends else []:
        raise UsageError(f"{path.name}, line {bare[0]}, column {LOW}: all answers have an interval, or none has.")
    examples = np.array(sorted(found), np.int64)
    value, low, high = zip(*(found[place] for place in examples.tolist()), strict=True)
    ends = None if not with_ends else (np.array(low, np.float32), np.array(high, np.float32))
    return Answered(table, examples, np.array(value, np.float32), ends)


def _answer(row: Mapping[str, Any], where: str) -> tuple[float, float | None, float | None]:
    """Value, low and high of a row."""
    value = _share(row, VALUE, where)
    if value is None:
        raise UsageError(f"{where}, column {VALUE}: there is no answer.")
    low, high = _share(row, LOW, where), _share(row, HIGH, where)
    if (low is None) != (high is None):
        raise UsageError(
            f"{where}, column {HIGH if high is None else LOW}: an interval has two ends, {LOW} and {HIGH}."
        )
    if low is not None and high is not None and not low <= value <= high:
        raise UsageError(f"{where}, column {LOW if low > value else HIGH}: the interval does not contain the value.")
    return value, low, high


def _share(row: Mapping[str, Any], column: str, where: str) -> float | None:
    """A number from 0 to 1; None where the column is missing or empty."""
    words = row.get(column)
    if words is None or (isinstance(words, str) and not words.strip()):
        return None
    try:
        number = float(words)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise UsageError(f"{where}, column {column}: {words!r} is not a number from 0 to 1.")
    return number


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a file with their lines; a row of a Parquet file counts from 1."""
    try:
        yield from _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not a text in UTF-8 (byte {error.start}); save it as UTF-8.") from error


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            _check_columns(path, rows.fieldnames or ())
            for row in rows:
                if None in row or None in row.values():
                    given = "more" if None in row else "fewer"
                    raise UsageError(f"{path.name}, line {rows.line_num}: it has {given} columns than the first line.")
                yield rows.line_num, row
        except csv.Error as error:
            raise UsageError(f"{path.name}, line {rows.line_num}, cannot be read as CSV ({error}).") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import pyarrow as pa
    from pyarrow import parquet

    body = path.read_bytes()
    try:
        with parquet.ParquetFile(pa.BufferReader(body)) as file:
            names = file.schema_arrow.names
            _check_columns(path, names)
            wanted = [name for name in (PHOTO, VALUE, LOW, HIGH) if name in names]
            rows = file.read(columns=wanted).to_pylist()
    except (pa.ArrowException, OSError) as error:  # a page that is damaged is an OSError
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path.name} cannot be read as Parquet ({reason}).") from error
    yield from enumerate(rows, 1)


def _check_columns(path: Path, names: Any) -> None:
    missing = [name for name in (PHOTO, VALUE) if list(names).count(name) != 1]
    if missing:
        raise UsageError(f"{path.name}, line 1: it needs exactly one column {' and one column '.join(missing)}.")
