"""The collection in Python: the same rows as the database has, read when asked for, and never written."""

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

import collector
from collector.errors import PaddockError, UsageError
from collector.exports.collection import Collection
from collector.exports.tables import TABLES
from collector.storage.archive import digest_of
from tests.filled import damage, execute
from tests.paths import ROOT


@pytest.fixture
def collection(conninfo: str) -> Collection:
    return collector.open_collection(database_url=conninfo)


def rows(conninfo: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(conninfo) as connection:
        return connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_in_every_library(collection: Collection, conninfo: str, name: str) -> None:
    asked = collection.table(name)
    arrow = asked.arrow()
    ((there,),) = execute(conninfo, f"SELECT count(*) FROM {name}")
    assert arrow.num_rows == len(asked) == there > 0
    assert asked.polars().to_dicts() == arrow.to_pylist()
    assert asked.pandas().shape == (there, len(TABLES[name].columns))
    assert sum(batch.num_rows for batch in asked.batches(rows=7)) == there
    assert arrow.schema.metadata[b"table"] == name.encode()


def test_other_libraries_read_rows_as_they_are(collection: Collection) -> None:
    entries = collection.table("entry", columns=["race_id", "horse_weight"])
    assert polars.DataFrame(entries).height == len(entries)
    with duckdb.connect() as connection:
        found = connection.sql("SELECT count(*) FROM entries").fetchone()
    assert found == (len(entries),)


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ([("distance", ">=", 1600)], "distance >= 1600"),
        ([("surface", "==", "turf"), ("race_number", "<", 4)], "surface = 'turf' AND race_number < 4"),
        ([("surface", "in", ["turf", "jump"])], "surface IN ('turf', 'jump')"),
        ([("surface", "not in", {"turf"})], "surface <> 'turf'"),
        ([("surface", "in", [])], "false"),
        ([("grade", "==", None)], "grade IS NULL"),
        ([("surface", "!=", None)], "surface IS NOT NULL"),
        ([("race_date", "<=", date(2015, 12, 31))], "race_date <= '2015-12-31'"),
        ([("name", "=", "'; DROP TABLE race; --")], "false"),
    ],
)
def test_filters_choose_rows(collection: Collection, conninfo: str, filters: list[Any], condition: str) -> None:
    asked = collection.table("race", columns=["race_id"], filters=filters)
    found = rows(conninfo, f"SELECT race_id FROM race WHERE {condition} ORDER BY race_id")
    assert asked.arrow().to_pylist() == found
    assert len(asked) == len(found)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_filter_is_never_sql(collection: Collection, text: str) -> None:
    assert len(collection.table("horse", filters=[("coat", "==", text + "!")])) == 0
    assert collection.table("horse", filters=[("coat", "in", [text + "!"])]).arrow().num_rows == 0


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"name": "entri"}, "There is no table 'entri' to take out; there are issue, photo"),
        ({"columns": ["odd"]}, "The table entry has no column 'odd'; it has race_id"),
        ({"columns": "odds"}, r"columns is a list of names: \['odds'\]"),
        ({"columns": []}, "columns is empty"),
        ({"filters": [("odds", "~", 1)]}, "'~' is not an operator; there are ==, =, !="),
        ({"filters": [("odds", "in", 1)]}, "The operator 'in' needs a list of values"),
        ({"filters": [("odds", ">", None)]}, "None is neither more nor less"),
        ({"filters": ["odds"]}, r"A filter is \(column, operator, value\)"),
        ({"filters": [("positions_at_bends", "==", [1])]}, "is a list of integer, which cannot be filtered here"),
        ({"since": "never"}, "--since never is neither a year"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(collection: Collection, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        collection.table(asked.pop("name", "entry"), **asked)


@pytest.mark.parametrize("value", ["heavy", "a\0b", object()])
def test_a_value_that_does_not_fit_its_column_is_one_sentence(collection: Collection, value: object) -> None:
    with pytest.raises(UsageError, match=r"A filter's value does not fit its column: .*\."):
        collection.table("entry", filters=[("horse_weight", ">", value)]).arrow()


def test_since_is_a_year_or_a_date(collection: Collection) -> None:
    races = collection.table("race")
    by_year, by_date = (collection.table("race", since=since) for since in ("2016", date(2016, 1, 1)))
    assert 0 < len(by_year) == len(by_date) < len(races)


def test_rows_are_read_when_they_are_asked_for(collection: Collection, conninfo: str) -> None:
    races = collection.table("race")
    before = len(races)
    execute(conninfo, "DELETE FROM race WHERE race_id = '201601010101'")
    assert races.arrow().num_rows == before - 1


def test_reading_ends_where_the_reader_stops(collection: Collection, conninfo: str) -> None:
    for _ in collection.table("entry").batches(rows=1):
        break
    assert len(collection.table("entry")) > 1
    ((open_now,),) = execute(
        conninfo,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND state <> 'idle'",
    )
    assert open_now == 0


def test_nothing_can_be_written(collection: Collection) -> None:
    with (
        pytest.raises(PaddockError, match="The database is read-only"),
        collection._reading() as connection,
    ):
        connection.execute("DELETE FROM race")


def test_a_photo_comes_with_its_provenance(collection: Collection, conninfo: str) -> None:
    ((photo_id, digest, page_url),) = execute(
        conninfo, "SELECT photo_id, digest, page_url FROM photo WHERE digest IS NOT NULL ORDER BY photo_id LIMIT 1"
    )
    photo = collection.photo(photo_id)
    assert digest_of(photo.content) == photo.provenance["digest"] == digest
    assert (photo.provenance["page_url"], photo.media_type) == (page_url, "image/jpeg")
    assert "do not publish them" in photo.provenance["rights"]
    assert photo.facts["horse_id"]
    assert set(photo._repr_mimebundle_()) == {"image/jpeg", "text/plain"}
    damage(conninfo, digest, b"other bytes")
    with pytest.raises(UsageError, match="is damaged"):
        collection.photo(photo_id)
    execute(conninfo, "UPDATE photo SET digest = NULL WHERE photo_id = %s", photo_id)
    with pytest.raises(UsageError, match="is not held"):
        collection.photo(photo_id)
    with pytest.raises(UsageError, match="There is no photo 'keibado:000000/01'"):
        collection.photo("keibado:000000/01")


def test_a_closed_collection_says_so(conninfo: str) -> None:
    with collector.open_collection(database_url=conninfo) as collection:
        assert len(collection.table("race"))
    with pytest.raises(UsageError, match="This collection is closed"):
        collection.table("race").arrow()


def test_a_database_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(PaddockError, match="The database cannot be reached"):
        collector.open_collection(database_url="postgresql://nobody@127.0.0.1:1/none")


def test_the_embedded_collection_opens_in_three_lines(open_folder: Path) -> None:
    """And its server stops when Python ends."""
    lines = (
        "from collector import open_collection\n"
        "collection = open_collection()\n"
        "print(collection.table('entry').arrow().num_rows)"
    )
    env = {"PADDOCK_HOME": str(open_folder / "taken-home"), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", lines], env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert not (open_folder / "taken-home/postgres/data/postmaster.pid").exists()


def test_importing_the_collector_loads_nothing_of_it() -> None:
    look = "import collector, sys; print({'pyarrow', 'psycopg', 'duckdb', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == "set()\n"
