"""Reads tables from the database in one read-only snapshot, as Arrow: batch after batch, in flat memory."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import islice
from typing import Any, LiteralString, cast

import psycopg
import pyarrow as pa

from collector.exports.columns import Column, Table, Type
from collector.exports.plain import without_lists

ROWS = 10_000  # a batch

Connection = psycopg.Connection[tuple[Any, ...]]


@cache
def arrow_types() -> dict[Type, pa.DataType]:
    """How Arrow, and so Parquet, holds what a column holds."""
    return {
        Type.TEXT: pa.string(),
        Type.INTEGER: pa.int32(),
        Type.NUMBER: pa.float64(),
        Type.BOOLEAN: pa.bool_(),
        Type.DATE: pa.date32(),
        Type.TIME: pa.time64("us"),
        Type.MOMENT: pa.timestamp("us", "UTC"),
        Type.TEXTS: pa.list_(pa.string()),
        Type.INTEGERS: pa.list_(pa.int32()),
        Type.NUMBERS: pa.list_(pa.float64()),
        Type.DATES: pa.list_(pa.date32()),
    }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows and columns of a table are wanted: conditions are SQL over the names of its columns."""

    table: Table
    columns: tuple[Column, ...] = ()  # none: all
    since: date | None = None
    conditions: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns that are wanted."""
        return self.columns or self.table.columns

    @property
    def schema(self) -> pa.Schema:
        """The wanted columns as Arrow has them, with their units and meanings."""
        table = self.table
        facts = {"table": table.name, "meaning": table.meaning, "key": ", ".join(table.key)}
        return pa.schema([_as_field(column, table) for column in self.shown], metadata=facts)

    @property
    def parameters(self) -> dict[str, Any]:
        """What stands for the names in its SQL."""
        return self.values | {"since": self.since}

    def query(self, *, lists_as_json: bool = False) -> LiteralString:
        """The statement, in the order of the key, which is the same in every database."""
        conditions = self.conditions
        if self.since:
            conditions = (*conditions, self.table.since)
        names = ", ".join(
            f"to_json({column.sql}) AS {column.name}"
            if lists_as_json and column.type.is_list
            else f"{column.sql} AS {column.name}"
            for column in self.shown
        )
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = ", ".join(map(self._ordered, self.table.key))
        # Names and conditions are constants of this code; what a user gives is a parameter.
        return cast(LiteralString, f"SELECT {names} FROM {self.table.source}{where} ORDER BY {order}")

    def counting(self) -> LiteralString:
        """A statement that counts its rows."""
        return cast(LiteralString, f"SELECT count(*) FROM ({self.query()}) AS wanted")

    def _ordered(self, name: str) -> str:
        column = self.table.column(name)
        assert column is not None
        return f'{column.sql} COLLATE "C"' if column.type is Type.TEXT else column.sql


def _as_field(column: Column, table: Table) -> "pa.Field[Any]":
    facts = {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})
    return pa.field(column.name, arrow_types()[column.type], nullable=column.name not in table.key, metadata=facts)


@contextmanager
def snapshot(conninfo: str) -> Iterator[Connection]:
    """A connection that reads one state of the database and cannot write, for as long as the context lasts."""
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SET TIME ZONE 'UTC'")  # else moments come in the zone of this machine
        connection.execute("SET LOCAL jit = off")  # compiling takes longer than reading
        yield connection
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
    schema = selection.schema if lists else without_lists(selection.schema)
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


def as_batch(found: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as Arrow has them."""
    columns = zip(*found, strict=True)
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
