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


def test_a_redirect_that_was_logged_twice_is_one_request_afterwards(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0007")
    rows = [
        ("new", None, None, "2026-11-01 00:00:00"),
        ("redirect", "to http://elsewhere/", 5.0, "2026-11-01 00:00:05"),
        ("unsafe", "redirected to http://elsewhere/", 0.0, "2026-11-01 00:00:05"),
        ("new", None, 5.5, "2026-11-01 00:00:10.5"),
    ]
    insert = """INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, error, gap)
                VALUES (1, 'h', 'u', %(at)s, 1, 1, %(outcome)s, %(error)s, %(gap)s)"""
    with psycopg.connect(empty_conninfo) as connection:
        connection.execute("INSERT INTO host (name, smallest_gap) VALUES ('h', 0), ('other', 0.2)")
        for outcome, error, gap, at in rows:
            connection.execute(insert, {"outcome": outcome, "error": error, "gap": gap, "at": at})
    database.upgrade(empty_conninfo)
    with psycopg.connect(empty_conninfo) as connection:
        log = connection.execute("SELECT outcome, error, gap FROM fetch_log ORDER BY id").fetchall()
        gaps = connection.execute("SELECT name, smallest_gap FROM host ORDER BY name").fetchall()
    assert log == [("new", None, None), ("unsafe", "redirected to http://elsewhere/", 5.0), ("new", None, 5.5)]
    assert gaps == [("h", 5.0), ("other", 0.2)]
    database.downgrade(empty_conninfo, "0007")


def test_photos_are_stored_without_a_vain_try_to_compress_them(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT attstorage FROM pg_attribute WHERE attrelid = 'blob'::regclass AND attname = 'content'"
        ).fetchone()
    assert row == (b"e",) or row == ("e",)
