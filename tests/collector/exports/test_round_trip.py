"""What an export holds is what the database holds, row by row, whatever stands in it, in every format."""

import json
import re
import sqlite3
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from collector.exports.columns import Column, Table, Type
from collector.exports.export import Request, export
from collector.exports.formats import Format
from collector.exports.tables import TABLES, tables_named
from collector.exports.target import Target
from tests.filled import execute

Rows = list[tuple[Any, ...]]
ALL = list(TABLES.values())


def taken(conninfo: str, folder: Path, file_format: Format, tables: str | None = None, **asked: Any) -> Path:
    """An export of tables to a folder, or a file in it."""
    path = folder / (file_format if file_format.in_folder else f"all.{file_format}")
    export(conninfo, Request(Target(path, file_format), tables_named(tables), **asked))
    return path


def held(conninfo: str, table: Table) -> Rows:
    """What the database holds, as its driver has it, sorted by the key."""
    names = ", ".join(column.sql for column in table.columns)
    rows = execute(conninfo, f"SELECT {names} FROM {table.source}")
    places = [table.names.index(name) for name in table.key]
    return sorted(rows, key=lambda row: tuple(_sortable(row[place]) for place in places))


def _sortable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def from_parquet(path: Path, table: Table) -> Rows:
    return [tuple(row.values()) for row in parquet.read_table(path / f"{table.name}.parquet").to_pylist()]


def from_duckdb(path: Path, table: Table) -> Rows:
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(f"SELECT * FROM {table.name}").to_arrow_table()
    return [tuple(row.values()) for row in found.to_pylist()]


def from_csv(path: Path, table: Table) -> Rows:
    """As a reader has it that knows an empty field from an empty text."""
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(table.names, pa.string()), null_values=[""], strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )  # fmt: skip
    parsing = csv.ParseOptions(newlines_in_values=True)
    found = csv.read_csv(path / f"{table.name}.csv", parse_options=parsing, convert_options=options)
    assert found.column_names == table.names
    rows = zip(*(found[name].to_pylist() for name in table.names), strict=True)
    return [tuple(map(_from_text, row, table.columns)) for row in rows]


def from_sqlite(path: Path, table: Table) -> Rows:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(f"SELECT * FROM {table.name}").fetchall()
    connection.close()
    return [tuple(map(_from_text, row, table.columns)) for row in rows]


READ = {Format.PARQUET: from_parquet, Format.DUCKDB: from_duckdb, Format.CSV: from_csv, Format.SQLITE: from_sqlite}


def _from_text(value: Any, column: Column) -> Any:
    if value is None:
        return None
    if column.type is Type.DATES:
        return [date.fromisoformat(day) for day in json.loads(value)]
    if column.type.is_list:
        return json.loads(value)
    read: dict[Type, Any] = {
        Type.INTEGER: int, Type.NUMBER: float, Type.DATE: date.fromisoformat, Type.TIME: time.fromisoformat,
        Type.MOMENT: datetime.fromisoformat, Type.BOOLEAN: {"true": True, "false": False, 1: True, 0: False}.get,
    }  # fmt: skip
    return read.get(column.type, str)(value)


@pytest.mark.parametrize("file_format", Format)
def test_an_export_holds_the_database_row_by_row(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    path = taken(conninfo, tmp_path, file_format)
    for table in ALL:
        rows = held(conninfo, table)
        assert rows
        assert READ[file_format](path, table) == rows, table.name


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
                      min_size=1, max_size=20))  # fmt: skip
def test_any_text_comes_out_as_it_is(conninfo: str, tmp_path: Path, texts: list[str]) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("DELETE FROM race_day")
        for number, text in enumerate(texts):
            connection.execute(
                "INSERT INTO race_day (race_date, racecourses, source_url, observed_at) "
                "VALUES (date '2016-01-01' + %s, %s, %s, now())",
                (number, [text, text + "x"], text),
            )
    for file_format in Format:
        path = taken(conninfo, tmp_path, file_format, "race_day")
        found = READ[file_format](path, TABLES["race_day"])
        assert [(row[1], row[2]) for row in found] == [([text, text + "x"], text) for text in texts], file_format


@pytest.mark.parametrize("file_format", [Format.PARQUET, Format.CSV])
def test_the_same_database_gives_the_same_bytes(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        path = taken(conninfo, folder, file_format, photos=True)
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}

    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = files(tmp_path / "one")
    # Rows that lie elsewhere in their tables are the same rows.
    execute(conninfo, "UPDATE entry SET jockey = jockey")
    execute(conninfo, "UPDATE horse SET coat = coat WHERE horse_id > '2013'")
    assert files(tmp_path / "two") == first
    assert len(first) > 40


def test_columns_carry_their_meaning_and_unit(conninfo: str, tmp_path: Path) -> None:
    entry = TABLES["entry"]
    field = parquet.read_schema(taken(conninfo, tmp_path, Format.PARQUET) / "entry.parquet").field("horse_weight")
    assert field.metadata == {b"meaning": "馬体重; NULL: not weighed.".encode(), b"unit": b"kg"}
    with duckdb.connect(str(taken(conninfo, tmp_path, Format.DUCKDB)), read_only=True) as connection:
        comments = dict(connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'entry'").fetchall())  # fmt: skip
        types = dict(connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE NOT internal").fetchall())  # fmt: skip
        keys = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
    assert comments["horse_weight"] == "馬体重; NULL: not weighed. [kg]"
    assert all(comments[name] for name in entry.names)
    assert [types[name] for name in ("race_date", "prizes", "race_days", "observed_at", "start_time", "by_hand")
            if name in types] == ["DATE", "DOUBLE[]", "DATE[]", "TIMESTAMP WITH TIME ZONE", "TIME"]  # fmt: skip
    assert all(keys[table.name].endswith(f" Key: {', '.join(table.key)}.") for table in ALL)
    with sqlite3.connect(taken(conninfo, tmp_path, Format.SQLITE)) as file:
        rows = file.execute(
            "SELECT table_name, column_name, unit FROM columns ORDER BY table_name, position"
        ).fetchall()
    file.close()
    assert rows == [(name, column.name, column.unit) for name in sorted(TABLES) for column in TABLES[name].columns]


@pytest.mark.parametrize("file_format", Format)
def test_the_readme_names_every_column(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    words = Target(taken(conninfo, tmp_path, file_format), file_format).readme.read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", words, re.M | re.S))
    assert {name: re.findall(r"^\| `(\w+)`", text, re.M) for name, text in sections.items()} == {
        table.name: table.names for table in ALL
    }
    assert "do not publish them" in words


def test_since_leaves_out_what_is_older(conninfo: str, tmp_path: Path) -> None:
    day = date(2016, 1, 6)
    path = taken(conninfo, tmp_path, Format.PARQUET, since=day)
    found = {table.name: {row[0] for row in from_parquet(path, table)} for table in ALL}
    asked = {
        "race_day": "SELECT race_date FROM race_day WHERE race_date >= %s",
        "race": "SELECT race_id FROM race WHERE race_date >= %s",
        "entry": "SELECT race_id FROM entry JOIN race USING (race_id) WHERE race_date >= %s",
        "photo": "SELECT photo_id FROM photo JOIN issue ON issue.code = issue_code WHERE issue_date >= %s",
        "aptitude": "SELECT horse_id FROM aptitude WHERE observed_at >= %s",
    }
    for name, query in asked.items():
        assert found[name] == {row[0] for row in execute(conninfo, query, day)}, name
    assert "201601010101" not in found["race"]
    assert "2014000000" not in found["horse"]
    assert found["horse"] >= found["aptitude"]
    assert found["difference"] == {"horse"}  # those of races are of an older day


def test_every_column_of_what_pages_say_can_be_taken_out(conninfo: str) -> None:
    left = {"id", "near_duplicate_of"}  # numbers of rows, which mean nothing elsewhere
    for table in ALL:
        names = {
            row[0]
            for row in execute(
                conninfo, "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", table.name
            )
        }
        assert names - set(table.names) - left == set(), table.name


def test_a_moment_is_the_same_in_every_zone_of_the_reader(conninfo: str, tmp_path: Path) -> None:
    path = taken(conninfo, tmp_path, Format.CSV, "race_day")
    assert "2016-01-04 15:00:00.000001Z" in (path / "race_day.csv").read_text()
    assert from_csv(path, TABLES["race_day"])[0][3] == datetime(2016, 1, 4, 15, 0, 0, 1, UTC)
