"""The schema: every way up and down, and that it is what the models say."""

import psycopg
import pytest
from alembic.script import ScriptDirectory

from collector import database

REVISIONS = [script.revision for script in reversed(list(ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()))]


def test_an_empty_database_comes_up_to_date_and_agrees_with_the_models(empty_conninfo: str) -> None:
    assert database.current_revision(empty_conninfo) is None
    database.upgrade(empty_conninfo)
    assert database.current_revision(empty_conninfo) == database.head_revision()
    database.check(empty_conninfo)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_earlier_revision_comes_up_to_date(empty_conninfo: str, revision: str) -> None:
    database.upgrade(empty_conninfo, revision)
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)


def test_down_to_nothing_and_up_again(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo)
    database.downgrade(empty_conninfo, "base")
    with psycopg.connect(empty_conninfo) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'procrastinate')"
            " AND tablename <> 'alembic_version'"
        ).fetchone()
    assert row == (0,)
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)


def test_a_downgrade_that_would_lose_what_was_collected_refuses(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome)"
            " VALUES (1, 'h', 'u', now(), 1, 1, 'new')"
        )
    with pytest.raises(RuntimeError, match="lose everything"):
        database.downgrade(conninfo, "base")
    assert database.current_revision(conninfo) == database.head_revision()


def test_photos_are_stored_without_a_vain_try_to_compress_them(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT attstorage FROM pg_attribute WHERE attrelid = 'blob'::regclass AND attname = 'content'"
        ).fetchone()
    assert row == (b"e",) or row == ("e",)


def test_jobs_that_were_queued_or_running_are_still_there_after_both_ways(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0007")
    rows = "SELECT name, state, attempts, output IS NOT NULL FROM training.training_job ORDER BY id"
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute("INSERT INTO training.bundle (digest, kind, size) VALUES ('d', 'output', 1)")
        connection.execute(
            "INSERT INTO training.training_job (name, task, place, queue, gpus, state, attempts, output) VALUES"
            " ('a', '{}', 'local', 'x:cpu', 0, 'queued', 0, NULL),"
            " ('b', '{}', 'far', 'fleet:cpu', 0, 'running', 2, 'd')"
        )
        database.upgrade(empty_conninfo)
        assert connection.execute(rows).fetchall() == [("a", "queued", 0, False), ("b", "running", 2, True)]
        newest = connection.execute("SELECT output_attempt FROM training.training_job ORDER BY id").fetchall()
        assert newest == [(0,), (2,)]
        left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'training'::regnamespace AND relname LIKE 'proc%'"
        assert connection.execute(left).fetchone() == (0,)
        database.downgrade(empty_conninfo, "0007")
        assert connection.execute(rows).fetchall() == [("a", "queued", 0, False), ("b", "queued", 2, True)]
        handed = connection.execute(
            "SELECT job.name, engine.queue_name, engine.status::text FROM training.procrastinate_jobs AS engine"
            " JOIN training.training_job AS job ON job.engine_job = engine.id ORDER BY job.id"
        ).fetchall()
    assert handed == [("a", "x:cpu", "todo"), ("b", "fleet:cpu", "todo")]
