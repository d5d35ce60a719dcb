"""The databases of JRA-VAN's converters, opened so that nothing in them can change: SQLite, DuckDB, Postgres."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from collector.console.trouble import reason_of
from collector.errors import UsageError
from collector.imports.captures import Failed
from collector.imports.files import opened as opened_file
from collector.imports.names import of_path
from collector.sources.jravan.shapes import NEEDED, SHAPES, Shape
from collector.sources.jravan.values import Value
from collector.storage.database import conninfo_for

FETCHED = 2_000  # rows that come from the database at once
URLS = ("postgres://", "postgresql://", "postgresql+psycopg://")
SQLITE, DUCKDB = b"SQLite format 3\0", b"DUCK"
# Every database has this view, or can be asked for the same; SQLite has columns by table only.
COLUMNS = """SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"""
SQLITE_COLUMNS = "SELECT held.name, field.name FROM sqlite_schema AS held, pragma_table_info(held.name) AS field"
ALONE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False
}  # a view in a DuckDB file could read any other file, and ask the network
NOT_UNDERSTOOD = (
    "The address after --jravan cannot be understood (it may hold a password, so it is not shown): write it as "
    "postgresql://user:password@host:5432/name, with : / ? # @ % in the password as %3A %2F %3F %23 %40 %25."
)


@dataclass(slots=True)
class Database:
    """An open database of a converter."""

    name: str  # without a user and a password: it is shown and kept
    connection: Any  # of sqlite3, duckdb or psycopg
    columns_query: str = COLUMNS
    streams: bool = False  # whether a cursor has to be named, so that rows come as they are asked for
    _cursors: int = 0

    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """The columns of each table, both by their names in lower case, which is all that Postgres keeps."""
        found = dict[str, dict[str, str]]()
        for table, column in self.rows(self.columns_query):
            found.setdefault(str(table).lower(), {"": f'"{table}"'})[str(column).lower()] = f'"{column}"'
        return found

    def rows(self, query: str) -> Iterator[tuple[Value, ...]]:
        """The rows of a query, a few thousand in memory at a time.

        Raises:
            UsageError: the database cannot be read.
        """
        self._cursors += 1
        with readable(self.name):
            cursor = self.connection.cursor(f"rows_{self._cursors}") if self.streams else self.connection.cursor()
            try:
                cursor.execute(query)
                while found := cursor.fetchmany(FETCHED):
                    for row in found:
                        yield tuple(map(plain, row))
            finally:
                with suppress(sqlite3.Error, psycopg.Error):  # where the database is closed already
                    cursor.close()


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Say in one sentence what is wrong with a database."""
    import duckdb

    try:
        yield
    except (sqlite3.Error, duckdb.Error, psycopg.Error) as error:
        said = reason_of(error) if isinstance(error, psycopg.Error) else str(error).splitlines()[0][:300]
        raise UsageError(f"{name} cannot be read: {said}. Nothing of it was changed.") from None


def plain(value: Any) -> Value:
    """A value as JSON has it: days and times by their digits, amounts as numbers."""
    if value is None or isinstance(value, str | int | float):
        return str(value) if isinstance(value, float) and not isfinite(value) else value
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else str(value)
    if isinstance(value, date):
        return f"{value:%Y%m%d}"
    if isinstance(value, time):
        return f"{value:%H%M}"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@contextmanager
def opened(place: str) -> Iterator[Database]:
    """The database at a path, or at an address of Postgres, until the context ends.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    name = shown(place)
    open_it = _postgres if place.startswith(URLS) else KINDS[_kind(Path(place))]
    with readable(name):
        database = open_it(place, name)
    try:
        yield database
    finally:
        with suppress(Exception):  # what was read is read
            database.connection.close()


def shown(place: str) -> str:
    """How a database is called in messages and in the archive: never with a user or a password.

    Raises:
        UsageError: an address cannot be understood.
    """
    if not place.startswith(URLS):
        return of_path(Path(place).name)
    given = conninfo_to_dict(_conninfo(place))
    return f"{given.get('host') or given.get('hostaddr') or 'localhost'}/{given.get('dbname') or ''}"


def _conninfo(url: str) -> str:
    try:
        return conninfo_for(url)
    except UsageError:
        raise UsageError(NOT_UNDERSTOOD) from None


def _kind(path: Path) -> bytes:
    try:
        with opened_file(path) as file:
            head = file.read(16)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except Failed:  # a pipe would be waited for, for ever
        raise UsageError(f"{path} is not a file: name the one that a converter of JRA-VAN's data made.") from None
    if head == SQLITE:
        return SQLITE
    if head[8:12] == DUCKDB:
        return DUCKDB
    raise UsageError(f"{path} is neither SQLite nor DuckDB: name the file that a converter of JRA-VAN's data made.")


def _sqlite(place: str, name: str) -> Database:
    address = f"file:{quote(str(Path(place).absolute()))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return Database(name, connection, SQLITE_COLUMNS)


def _duckdb(place: str, name: str) -> Database:
    import duckdb

    return Database(name, duckdb.connect(place, read_only=True, config=ALONE))


def _postgres(place: str, name: str) -> Database:
    conninfo = _conninfo(place)
    try:
        connection = psycopg.connect(conninfo)
    except psycopg.errors.ConnectionTimeout:
        seconds = conninfo_to_dict(conninfo)["connect_timeout"]
        raise UsageError(
            f"{name} does not answer: there was no connection within {seconds} seconds. See whether that Postgres is "
            "up, and whether the address after --jravan is right. Nothing was brought."
        ) from None
    connection.read_only = True
    return Database(name, connection, streams=True)


KINDS = {SQLITE: _sqlite, DUCKDB: _duckdb}


@dataclass(frozen=True, slots=True)
class Source:
    """A database whose shape is known."""

    database: Database
    shape: Shape
    known: Mapping[str, Mapping[str, str]]

    def select(self, table: str, fields: Sequence[str], rest: str = "") -> str:
        """The statement that reads these fields; one that the table lacks is NULL. `{Year}` is a field's column."""
        columns = {name: self.column(table, name) for name in fields}
        return f"SELECT {', '.join(columns.values())} FROM {self.known[table.lower()]['']} {rest.format(**columns)}"

    def column(self, table: str, name: str) -> str:
        """A field's column, as SQL."""
        return self.known[table.lower()].get(self.shape.column(name).lower(), "NULL")


def recognised(database: Database) -> Source:
    """A database with its shape, by its tables.

    Raises:
        UsageError: it is of no known shape, or lacks a column that is needed.
    """
    known = database.columns()
    for shape in SHAPES.values():
        if not all(table.lower() in known for table in (shape.race, shape.entry)):
            continue
        source = Source(database, shape, known)
        for table, fields in shape.tables.items():
            here = known.get(table.lower())
            lacking = [shape.column(name) for name in fields if here and name in NEEDED
                       and shape.column(name).lower() not in here]  # fmt: skip
            if lacking:
                raise UsageError(
                    f"{database.name}: the table {table} has no {', '.join(lacking)}; make it anew with the converter, "
                    f"{shape.converter}."
                )
        return source
    wanted = "; ".join(f"{shape.converter}: {shape.race} and {shape.entry}" for shape in SHAPES.values())
    raise UsageError(f"{database.name} has no tables of a converter of JRA-VAN's data that is known ({wanted}).")
