"""Reads tables from the database in one read-only snapshot, as Arrow: batch after batch, in flat memory."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Any

import psycopg
import pyarrow as pa

from collector.exports.arrow import arrow_types, schema_of
from collector.exports.columns import Type
from collector.exports.plain import without_lists
from collector.exports.selection import Selection

ROWS = 10_000  # a batch

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def snapshot(conninfo: str) -> Iterator[Connection]:
    """A connection that reads one state of the database and cannot write, for as long as the context lasts."""
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SET TIME ZONE 'UTC'")  # else moments come in the zone of this machine
        connection.execute("SET LOCAL jit = off")  # compiling takes longer than reading
        try:
            yield connection
        except BaseException:
            connection.close()  # it may be in the middle of a statement, and to roll that back fails with a warning
            raise
        connection.rollback()


def count(connection: Connection, selection: Selection) -> int:
    """How many rows a selection has."""
    row = connection.execute(selection.counting(), selection.parameters).fetchone()
    assert row is not None
    return row[0]


def batches(
    connection: Connection, selection: Selection, *, lists: bool = True, rows: int = ROWS
) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a selection, in order; without `lists`, JSON in their place.

    They come as CSV, which Postgres writes and Arrow reads ten times as fast as rows become objects of Python.
    """
    statement = f"COPY ({selection.query(lists_as_json=True)}) TO STDOUT (FORMAT csv)"
    schema = schema_of(selection) if lists else without_lists(schema_of(selection))
    with connection.cursor() as cursor, cursor.copy(statement.encode(), selection.parameters) as copy:
        while found := list(islice(copy, rows)):
            yield _read_csv(b"".join(found), schema)


def _read_csv(block: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """Whole rows of COPY's CSV, in which NULL is an empty field and an empty text is quoted."""
    from pyarrow import csv

    kinds = {column.name: pa.string() if pa.types.is_list(column.type) else column.type for column in schema}
    table = csv.read_csv(
        pa.BufferReader(block),
        csv.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(block) + 1),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=kinds, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
            true_values=["t"], false_values=["f"],
        ),
    ).combine_chunks()  # fmt: skip
    arrays = [_as_list(column, kind.type) for column, kind in zip(table.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_list(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A column that came as it is wanted; JSON becomes lists. Many rows have the same list, which is read once."""
    held = column.chunk(0)
    if not pa.types.is_list(kind):
        return held
    encoded = held.dictionary_encode()
    read = [json.loads(text) for text in encoded.dictionary.to_pylist()]
    if kind == arrow_types()[Type.DATES]:
        read = [[date.fromisoformat(day) for day in days] for days in read]
    return pa.array(read, kind).take(encoded.indices)
