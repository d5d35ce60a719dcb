"""Where the tables of an export are written: a folder of Parquet or CSV files, a DuckDB or an SQLite database.

A sink takes batches in the order of the key and writes each at once. Nothing that it writes depends on the time.
"""

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from collector.console.trouble import disk_error
from collector.exports import plain
from collector.exports.columns import Table, Type
from collector.exports.formats import APPLICATION, MARK, Format
from collector.exports.readme import LISTED, comment_of, listed

ROWS_A_GROUP = 50_000  # of a Parquet file: large enough to be read quickly, and a few ten MB in memory
SQLITE_TYPES = {
    Type.INTEGER: "INTEGER", Type.NUMBER: "REAL", Type.BOOLEAN: "BOOLEAN", Type.DATE: "DATE", Type.TIME: "TIME",
    Type.MOMENT: "TIMESTAMP",
}  # fmt: skip
DUCKDB_TYPES = {
    Type.TEXT: "VARCHAR", Type.INTEGER: "INTEGER", Type.NUMBER: "DOUBLE", Type.BOOLEAN: "BOOLEAN", Type.DATE: "DATE",
    Type.TIME: "TIME", Type.MOMENT: "TIMESTAMPTZ", Type.TEXTS: "VARCHAR[]", Type.INTEGERS: "INTEGER[]",
    Type.NUMBERS: "DOUBLE[]", Type.DATES: "DATE[]",
}  # fmt: skip


Batches = Iterable[pa.RecordBatch]


class Sink(Protocol):
    """Something that tables are written to."""

    def write(self, table: Table, schema: pa.Schema, batches: Batches, /) -> None:
        """Write a whole table."""
        ...


class ParquetFolder:
    """A Parquet file for each table."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, table: Table, schema: pa.Schema, batches: Batches, /) -> None:
        """Write a table to a file of its own."""
        from pyarrow import parquet

        with (
            self._folder.joinpath(f"{table.name}.parquet").open("wb") as file,
            parquet.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for group in grouped(batches, ROWS_A_GROUP):
                writer.write_table(pa.Table.from_batches(group, schema), ROWS_A_GROUP)


class CsvFolder:
    """A CSV file for each table."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, table: Table, schema: pa.Schema, batches: Batches, /) -> None:
        """Write a table to a file of its own."""
        from pyarrow import csv

        with (
            self._folder.joinpath(f"{table.name}.csv").open("wb") as file,
            csv.CSVWriter(file, schema) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)


class SqliteFile:
    """An SQLite database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def write(self, table: Table, _schema: pa.Schema, batches: Batches, /) -> None:
        """Write a table."""
        columns = ", ".join(
            f"{column.name} {SQLITE_TYPES.get(column.type, 'TEXT')}{' NOT NULL' if column.name in table.key else ''}"
            for column in table.columns
        )
        self._connection.execute(
            f"CREATE TABLE {table.name} ({columns}, PRIMARY KEY ({', '.join(table.key)})) WITHOUT ROWID"
        )
        insert = f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"
        for batch in batches:
            held = plain.as_sqlite(batch)
            self._connection.executemany(insert, zip(*(column.to_pylist() for column in held.columns), strict=True))

    def list_columns(self, tables: Sequence[Table]) -> None:
        """Write the table `columns`."""
        self._connection.execute(f"CREATE TABLE columns ({', '.join(LISTED)}, PRIMARY KEY (table_name, position))")
        self._connection.executemany("INSERT INTO columns VALUES (?, ?, ?, ?, ?, ?, ?)", listed(tables))


class DuckdbFile:
    """A DuckDB database."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def write(self, table: Table, schema: pa.Schema, batches: Batches, /) -> None:
        """Write a table."""
        # A primary key would be an index in memory that grows with the table, which DuckDB has no need of.
        columns = ", ".join(
            f"{column.name} {DUCKDB_TYPES[column.type]}{' NOT NULL' if column.name in table.key else ''}"
            for column in table.columns
        )
        self._connection.execute(f"CREATE TABLE {table.name} ({columns})")
        self._comment("TABLE", table.name, f"{table.meaning} Key: {', '.join(table.key)}.")
        for column in table.columns:
            self._comment("COLUMN", f"{table.name}.{column.name}", comment_of(column))
        for group in grouped(batches, ROWS_A_GROUP):
            self._connection.register("batch", pa.Table.from_batches(group, schema))
            self._connection.execute(f"INSERT INTO {table.name} SELECT * FROM batch")
            self._connection.unregister("batch")

    def list_columns(self, tables: Sequence[Table]) -> None:
        """Write the table `columns`."""
        self._connection.execute(
            "CREATE TABLE columns (table_name VARCHAR, position INTEGER, column_name VARCHAR, type VARCHAR, "
            "unit VARCHAR, key_position INTEGER, meaning VARCHAR, PRIMARY KEY (table_name, position))"
        )
        self._comment("TABLE", "columns", MARK)
        self._connection.executemany("INSERT INTO columns VALUES (?, ?, ?, ?, ?, ?, ?)", listed(tables))

    def _comment(self, kind: str, name: str, words: str) -> None:
        quoted = words.replace("'", "''")
        self._connection.execute(f"COMMENT ON {kind} {name} IS '{quoted}'")


def grouped(batches: Batches, rows: int) -> Iterator[list[pa.RecordBatch]]:
    """The same batches in groups of at least this number of rows; the last may have fewer."""
    group: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        group.append(batch)
        held += batch.num_rows
        if held >= rows:
            yield group
            group, held = [], 0
    if group:
        yield group


@contextmanager
def open_sink(file_format: Format, path: Path, tables: Sequence[Table]) -> Iterator[Sink]:
    """A sink that writes to a folder or a new file; when the context ends, all is on the disk.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    if file_format is Format.SQLITE:
        with _sqlite(path, tables) as sink:
            yield sink
    elif file_format is Format.DUCKDB:
        with _duckdb(path, tables) as sink:
            yield sink
    else:
        yield ParquetFolder(path) if file_format is Format.PARQUET else CsvFolder(path)


@contextmanager
def _sqlite(path: Path, tables: Sequence[Table]) -> Iterator[SqliteFile]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # The file is under a name of its own until it is whole, so that no journal has to bring it back.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("BEGIN")
        sink = SqliteFile(connection)
        yield sink
        sink.list_columns(tables)
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
            raise
        number = errno.ENOSPC if error.sqlite_errorname == "SQLITE_FULL" else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        connection.close()


@contextmanager
def _duckdb(path: Path, tables: Sequence[Table]) -> Iterator[DuckdbFile]:
    import duckdb

    try:
        # One thread: it waits for Postgres anyway, and each holds buffers. What finds no room is put beside the file.
        spilled = str(path.with_name(f"{path.name}.spilled"))
        config = {"threads": "1", "memory_limit": "256MB", "temp_directory": spilled}
        with duckdb.connect(str(path), config=dict(config)) as connection:
            sink = DuckdbFile(connection)
            yield sink
            sink.list_columns(tables)
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        if found := disk_error(str(error), path):
            raise found from error
        raise
