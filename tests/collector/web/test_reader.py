"""Through the reader's connections nothing can be written, and nothing read that is not the collection."""

import asyncio
from collections.abc import AsyncIterator
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from collector.errors import TryLater
from collector.storage.reader import READ, ROLE, Reader, make_role
from tests.collector.web.conftest import Shown
from tests.filled import execute

WRITING: tuple[LiteralString, ...] = (
    "INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)"
    " VALUES ('x', '000101', '2000-01-01', '{}', 'x', now()) RETURNING 1",
    "UPDATE photo SET comment = 'x' RETURNING 1",
    "DELETE FROM photo RETURNING 1",
    "CREATE TABLE made (one int)",
    "CREATE TEMPORARY TABLE made (one int)",
    "TRUNCATE thumbnail",
    "REFRESH MATERIALIZED VIEW horse_search",
    "SELECT nextval('photo_id_seq')",
    "SELECT 1 FROM photo FOR UPDATE",
    "COPY photo TO PROGRAM 'cat'",
    "SELECT pg_advisory_lock(1), lo_create(0)",
)
HIDDEN: tuple[LiteralString, ...] = (
    "SELECT * FROM crawl_job",
    "SELECT * FROM training_job",
    "SELECT * FROM latin_name",
    "SELECT * FROM alembic_version",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
)


@pytest.fixture
async def reader(shown: Shown) -> AsyncIterator[Reader]:
    async with Reader(shown.conninfo, await make_role(shown.conninfo), connections=1) as opened:
        yield opened


@pytest.mark.parametrize("statement", WRITING)
async def test_nothing_can_be_written(reader: Reader, shown: Shown, statement: LiteralString) -> None:
    before = execute(shown.conninfo, "SELECT count(*), count(comment) FROM photo")
    with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)):
        await reader.rows(statement)
    assert execute(shown.conninfo, "SELECT count(*), count(comment) FROM photo") == before


async def test_a_session_that_makes_itself_writable_still_writes_nothing(reader: Reader) -> None:
    await reader.rows("SELECT set_config('default_transaction_read_only', 'off', false)")
    for statement in WRITING[:4]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.rows(statement)


async def test_without_the_role_transactions_are_read_only_all_the_same(shown: Shown) -> None:
    async with Reader(shown.conninfo, connections=1) as reader:
        with pytest.raises(psycopg.errors.ActiveSqlTransaction):  # too late within one
            await reader.rows("SELECT set_config('transaction_read_only', 'off', false)")
        for statement in WRITING[:4]:
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await reader.rows(statement)


@pytest.mark.parametrize("statement", HIDDEN)
async def test_what_is_not_a_photo_collection_is_not_read(reader: Reader, statement: LiteralString) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
        await reader.rows(statement)


async def test_two_statements_are_not_one(reader: Reader) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        await reader.rows("SELECT %(one)s; SELECT 2", {"one": 1})


async def test_the_role_is_made_once_however_many_servers_start(shown: Shown) -> None:
    assert [await make_role(shown.conninfo) for _ in range(3)] == [ROLE] * 3
    assert execute(shown.conninfo, "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = %s", ROLE) == [
        (False, False)
    ]


async def test_a_database_that_is_gone_is_a_reason_to_try_later(shown: Shown) -> None:
    async with Reader(make_conninfo(shown.conninfo, dbname="nowhere")) as reader:
        with pytest.raises(TryLater, match="cannot be reached"):
            await reader.rows("SELECT 1")


async def test_a_connection_that_was_cut_is_replaced(reader: Reader, shown: Shown) -> None:
    pid = (await reader.rows("SELECT pg_backend_pid() AS pid"))[0]["pid"]
    execute(shown.conninfo, "SELECT pg_terminate_backend(%s, 5000)", pid)
    assert await reader.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_after_all_connections_were_cut_the_first_request_is_answered(own: Shown) -> None:
    async with Reader(own.conninfo, connections=4) as reader:
        sleeping = await asyncio.gather(*(reader.rows("SELECT pg_backend_pid() AS pid, pg_sleep(0.2)") for _ in "1234"))
        pids = {rows[0]["pid"] for rows in sleeping}
        assert len(pids) == 4
        for pid in pids:
            execute(own.conninfo, "SELECT pg_terminate_backend(%s, 5000)", pid)
        assert await reader.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_tables_that_came_from_a_backup_are_read_without_a_restart(own: Shown) -> None:
    async with Reader(own.conninfo, await make_role(own.conninfo), connections=1) as reader:
        before = await reader.rows("SELECT count(*) FROM photo")
        for table in READ:  # a backup holds no rights
            execute(own.conninfo, f"REVOKE ALL ON {table} FROM {ROLE}")
        assert await reader.rows("SELECT count(*) FROM photo") == before
        await reader.rows("SELECT set_config('default_transaction_read_only', 'off', false)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.rows("DELETE FROM photo RETURNING 1")


async def test_a_statement_that_takes_too_long_is_given_up(own: Shown) -> None:
    with psycopg.connect(own.conninfo) as other:
        other.execute("LOCK TABLE photo IN ACCESS EXCLUSIVE MODE")
        async with Reader(own.conninfo, connections=1) as reader, asyncio.timeout(10):
            with pytest.raises(TryLater, match="took too long"):
                await reader.rows("SELECT count(*) FROM photo")
        other.rollback()
