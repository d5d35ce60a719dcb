"""Lists of the API: every row once, page by page, as JSON, CSV and Parquet."""

import io
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from yarl import URL

from collector.exports.tables import TABLES
from collector.web.api.paging import CSV, PARQUET, cursor_of
from tests.collector.web.api.test_api import json_of
from tests.collector.web.conftest import Open, Shown
from tests.filled import execute

LISTS = {"races": TABLES["race"], "entries": TABLES["entry"], "aptitudes": TABLES["aptitude"]}


async def pages(client: Any, address: str, accept: str = "application/json") -> list[Any]:
    """The answers of a list from this page on, as `Link` leads from one to the next."""
    found = []
    while True:
        answer = await client.get(address, headers={"Accept": accept})
        assert (answer.status, answer.content_type) == (200, accept), await answer.text()
        assert answer.headers["Vary"] == "Accept"
        found.append(await answer.json() if accept == "application/json" else await answer.read())
        if "next" not in answer.links:
            return found
        address = URL(str(answer.links["next"]["url"])).path_qs


def keys(conninfo: str, name: str, condition: str = "true") -> list[tuple[Any, ...]]:
    table = LISTS[name]
    names = ", ".join(column.sql for key in table.key if (column := table.column(key)))
    return execute(conninfo, f"SELECT {names} FROM {table.source} WHERE {condition} ORDER BY {', '.join(table.key)}")


@pytest.mark.parametrize("name", LISTS)
async def test_pages_have_every_row_once_and_in_order(opened: Open, shown: Shown, name: str) -> None:
    expected = [list(map(str, key)) for key in keys(shown.conninfo, name)]
    async with opened() as client:
        found = await pages(client, f"/api/{name}?limit=23")
        whole = await json_of(await client.get(f"/api/{name}?limit=1000"))
    rows = [row for page in found for row in page["rows"]]
    assert [[row[key].replace("T", " ") for key in LISTS[name].key] for row in rows] == expected
    assert len(found) > 1
    assert whole["rows"] == rows[:1000]
    assert found[-1]["next"] is None
    assert rows[0].keys() == set(LISTS[name].names)


@pytest.mark.parametrize("name", LISTS)
async def test_every_type_holds_the_same_rows(opened: Open, name: str) -> None:
    table = LISTS[name]
    async with opened() as client:
        rows = [row for page in await pages(client, f"/api/{name}?limit=200") for row in page["rows"]]
        files = await pages(client, f"/api/{name}?limit=200", PARQUET)
        texts = await pages(client, f"/api/{name}?limit=200", CSV)
    frame = pa.concat_tables([parquet.read_table(io.BytesIO(file)) for file in files])
    assert frame.column_names == table.names
    for name in table.names:
        column = [getattr(value, "isoformat", lambda value=value: value)() for value in frame.column(name).to_pylist()]
        assert column == [row[name] for row in rows], name
    read = [csv.read_csv(io.BytesIO(text), parse_options=csv.ParseOptions(newlines_in_values=True)) for text in texts]
    assert sum(one.num_rows for one in read) == len(rows)
    assert read[0].column_names == table.names


async def test_rows_that_come_meanwhile_do_not_shift_a_page(opened: Open, own: Shown) -> None:
    async with opened(conninfo=own.conninfo) as client:
        first = await json_of(await client.get("/api/races?limit=3"))
        execute(own.conninfo, "INSERT INTO race SELECT (jsonb_populate_record(race, "
                "'{\"race_id\": \"000000000000\", \"id\": 999999}')).* FROM race LIMIT 1")  # fmt: skip
        second = await json_of(await client.get(first["next"]))
    seen = [row["race_id"] for row in first["rows"] + second["rows"]]
    assert seen == [key for (key,) in keys(own.conninfo, "races")][1:7]


async def test_since_is_kept_from_page_to_page(opened: Open, shown: Shown) -> None:
    async with opened() as client:
        found = await pages(client, "/api/races?since=2015&limit=10")
    rows = [row for page in found for row in page["rows"]]
    assert [(row["race_id"],) for row in rows] == keys(shown.conninfo, "races", "race_date >= '2015-01-01'")
    assert len(rows) < len(keys(shown.conninfo, "races"))


async def test_an_empty_page_has_columns(opened: Open) -> None:
    async with opened() as client:
        address = "/api/races?since=2099"
        assert await json_of(await client.get(address)) == {"rows": [], "next": None}
        (text,), (file,) = await pages(client, address, CSV), await pages(client, address, PARQUET)
    assert text.decode().replace('"', "").strip().split(",") == TABLES["race"].names
    assert parquet.read_table(io.BytesIO(file)).column_names == TABLES["race"].names


@pytest.mark.parametrize(
    ("accept", "got"),
    [
        ("text/csv", CSV), ("text/*", CSV), ("*/*", "application/json"), ("application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"), ("application/json;q=0.5, text/csv", CSV),
        ("text/csv;q=0.5, application/vnd.apache.parquet;q=0.9", PARQUET), ("TEXT/CSV", CSV),
        ("text/csv;charset=utf-8;q=0.2", CSV), ("application/json;q=0, */*", CSV), ("", "application/json"),
        ("nonsense, text/csv", CSV),
    ],
)  # fmt: skip
async def test_a_request_gets_the_type_that_it_likes_best(opened: Open, accept: str, got: str) -> None:
    async with opened() as client:
        answer = await client.get("/api/races?limit=1", headers={"Accept": accept})
        assert (answer.status, answer.content_type) == (200, got)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/csv;q=0", "*/*;q=0", "nonsense", ";;,"])
async def test_a_request_that_likes_no_type_is_refused(opened: Open, accept: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.get("/api/races", headers={"Accept": accept}), 406)
    assert problem["code"] == "not_acceptable"
    assert "text/csv, application/vnd.apache.parquet" in problem["error"]


async def test_a_tag_is_of_its_type(opened: Open) -> None:
    async with opened() as client:
        tags = {(await client.get("/api/races", headers={"Accept": kind})).headers["ETag"] for kind in (CSV, PARQUET)}
        again = await client.get("/api/races", headers={"Accept": CSV, "If-None-Match": min(tags)})
    assert len(tags) == 2
    assert again.status in (200, 304)


async def test_a_cursor_that_names_sql_is_a_value(opened: Open, shown: Shown) -> None:
    cursor = cursor_of(TABLES["race"], {"race_id": "') OR true; DROP TABLE race; --"})
    async with opened() as client:
        await json_of(await client.get(f"/api/races?after={cursor}"))
    assert keys(shown.conninfo, "races")


async def test_a_page_is_read_by_an_index(shown: Shown) -> None:
    """Else the last page of 800,000 entries would cost as much as all of them."""
    from collector.web.api.paging import read_page

    cursor = cursor_of(TABLES["entry"], {"race_id": "2015", "runner": "x"})
    selection = read_page(TABLES["entry"], {"after": cursor}, 100).selection
    with psycopg.connect(shown.conninfo) as connection:
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = connection.execute(f"EXPLAIN {selection.page(100)}".encode(), selection.parameters).fetchall()
    lines = "\n".join(line for (line,) in plan)
    assert "Index Cond: (ROW(race_id, " in lines
    assert "Sort" not in lines
