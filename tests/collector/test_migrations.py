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


PAGE = """
INSERT INTO page (url, host, source, kind, dated, state, due_at, etag, digest)
VALUES (%s, 'h', 'keibado', 'photo_page', '2016-02-08', %s, NULL, 'x', %s)
"""


def test_pages_fetched_without_bytes_are_due_again_and_no_more_can_be(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0007")
    with psycopg.connect(empty_conninfo) as connection:
        connection.execute("INSERT INTO host (name) VALUES ('h')")
        connection.execute("INSERT INTO blob VALUES ('held', 'text/html', 1, '', 'x')")
        for url, state, digest in (("a", "fetched", None), ("b", "fetched", "held"), ("c", "gone", None)):
            connection.execute(PAGE, (url, state, digest))
        for digest in ("held", "gone", None):
            connection.execute(
                "INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, digest)"
                " VALUES (1, 'h', 'u', now(), 1, 1, 'new', %s)",
                (digest,),
            )
    database.upgrade(empty_conninfo)
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        pages = connection.execute("SELECT url, state, due_at <= now(), etag FROM page ORDER BY url").fetchall()
        assert pages == [("a", "due", True, None), ("b", "fetched", None, "x"), ("c", "gone", None, "x")]
        log = connection.execute("SELECT digest FROM fetch_log ORDER BY id").fetchall()
        assert log == [("held",), (None,), (None,)]
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE page SET state = 'fetched' WHERE url = 'a'")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE page SET digest = NULL WHERE url = 'b'")
        connection.execute("UPDATE page SET digest = NULL, state = 'due'")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("DELETE FROM blob")
    database.downgrade(empty_conninfo, "0007")
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)
