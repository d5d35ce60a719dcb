"""`collector export`: tables of the database become files, from one snapshot, whole or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.exports.arrow import schema_of
from collector.exports.columns import Table
from collector.exports.origins import origins
from collector.exports.photos import FILE, write_photos
from collector.exports.plain import without_lists
from collector.exports.reading import Connection, batches, count, snapshot
from collector.exports.readme import readme
from collector.exports.selection import Selection
from collector.exports.sinks import Sink, open_sink
from collector.exports.target import Target, written_beside

Progress = Callable[[str, int, int | None], None]  # a table, its rows so far, and how many it has in all if known


def no_progress(table: str, done: int, rows: int | None) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted."""

    target: Target
    tables: list[Table]
    since: date | None = None
    photos: bool = False  # also the bytes of photos
    originals: bool = False  # of one's own camera too as they came


@dataclass(slots=True)
class Exported:
    """What was written."""

    to: Path
    format: str
    rows: dict[str, int] = field(default_factory=dict)  # by table
    left_out: Counter[str] = field(default_factory=Counter)  # photos without a file, by reason
    size: int = 0  # bytes of all files

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "to": str(self.to), "format": self.format, "tables": self.rows, "left_out": dict(self.left_out),
            "bytes": self.size,
        }  # fmt: skip


def export(conninfo: str, request: Request, progress: Progress = no_progress) -> Exported:
    """Write an export.

    Raises:
        Busy: another export to the same place is at work.
        OSError: the disk is full, or something cannot be written; what stood there before still does.
    """
    target = request.target
    exported = Exported(target.path, target.format)
    tables = [*request.tables, *([FILE] if request.photos else [])]
    with written_beside(target) as part, snapshot(conninfo) as connection:
        path = part if target.format.in_folder else part / target.path.name
        with open_sink(target.format, path, tables) as sink:
            for table in request.tables:
                selection = Selection(table, since=request.since)
                _write(connection, sink, selection, exported, target.format.has_lists, progress)
            if request.photos:
                written = write_photos(connection, part, request.since, exported.left_out, originals=request.originals)
                with closing(written) as found:
                    sink.write(FILE, schema_of(Selection(FILE)), _counted(found, FILE.name, None, exported, progress))
        (part / target.readme.name).write_text(
            readme(target.format, tables, [str(one) for one in origins(connection)], request.since),
            encoding="utf-8",
            newline="\n",
        )
        exported.size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    return exported


def _write(
    connection: Connection, sink: Sink, selection: Selection, exported: Exported, lists: bool, progress: Progress
) -> None:
    rows = None if progress is no_progress else count(connection, selection)
    schema = schema_of(selection) if lists else without_lists(schema_of(selection))
    # Closed also where the sink fails: a connection in the middle of its answer can do nothing else.
    with closing(batches(connection, selection, lists=lists)) as found:
        sink.write(selection.table, schema, _counted(found, selection.table.name, rows, exported, progress))


def _counted(
    found: Iterator[pa.RecordBatch], table: str, rows: int | None, exported: Exported, progress: Progress
) -> Iterator[pa.RecordBatch]:
    """The same batches; their rows are counted and reported."""
    exported.rows[table] = 0
    for batch in found:
        exported.rows[table] += batch.num_rows
        progress(table, exported.rows[table], rows)
        yield batch
