"""The schema: every way up and down, and that it is what the models say."""

from typing import Any, LiteralString

import psycopg
import pytest
from alembic.script import ScriptDirectory

from collector import database
from collector.sources.text import horse_key

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


EARLIER = """
INSERT INTO race (race_id, race_date, racecourse, race_number, name, surface, distance, prizes, source_url, observed_at)
VALUES ('202165010301', '2021-01-03', '帯広(ば)', 1, 'a', NULL, 200, '{}', 'u', now()),
       ('201706050910', '2017-12-23', '中山', 10, 'b', 'jump', 4100, '{}', 'u', now()),
       ('201706050911', '2017-12-23', '中山', 11, 'c', 'turf', 2000, '{}', 'u', now());
INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at) VALUES ('0000000000', 'a', 'a', 'u', now());
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, positions_at_bends, last_3f, source_url,
                   observed_at)
VALUES ('202165010301', '0000000000', 'a', 'a', 5, '{}', NULL, 'u', now()),
       ('201706050910', '2011109001', 'b', 'b', 1, '{}', 13.5, 'u', now()),
       ('201706050911', '2011109002', 'c', 'c', 2, '{}', 34.5, 'u', now());
INSERT INTO host (name) VALUES ('h');
INSERT INTO page (url, host, source, kind, dated, due_at)
VALUES ('https://db.netkeiba.com/horse/0000000000/', 'h', 'netkeiba', 'horse', '1970-01-01', now());
INSERT INTO photo_match (source, issue_code, number, horse_id, rule, candidates, decided_at)
VALUES ('keibado', '160104', 1, '0000000000', 'name', '{}', now()),
       ('keibado', '160104', 2, NULL, 'open', '{0000000000,2011109001}', now());
"""


def test_what_was_kept_under_an_id_that_is_no_horses_goes_by_its_number(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0007")
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute(EARLIER)
        database.upgrade(empty_conninfo)

        def rows(query: LiteralString) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        assert rows("SELECT horse_id, runner, last_3f FROM entry ORDER BY horse_number") == [
            ("2011109001", "2011109001", None), ("2011109002", "2011109002", 34.5), (None, "5", None),
        ]  # fmt: skip
        assert rows("SELECT count(*) FROM horse") == [(0,)]
        assert rows("SELECT state, due_at FROM page") == [("gone", None)]
        assert rows("SELECT horse_id, candidates FROM photo_match ORDER BY number") == [
            (None, []), (None, ["2011109001"]),
        ]  # fmt: skip
        database.downgrade(empty_conninfo, "0007")
        assert rows("SELECT horse_id FROM entry ORDER BY 1") == [("2011109001",), ("2011109002",)]
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)


MISPRINTED = """
INSERT INTO race (race_id, race_date, racecourse, race_number, name, surface, distance, prizes, source_url, observed_at)
VALUES ('201706050911', '2017-12-23', '中山', 11, 'c', 'turf', 2000, '{}', 'u', now());
INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at)
VALUES ('2011109001', 'スピ－ド', 'スピ-ド', 'u', now()), ('2011109002', 'カゼ', 'カゼ', 'u', now()),
       ('000a0f9001', 'Étoile du Soir', 'ÉtoileduSoir', 'u', now());
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, positions_at_bends, source_url, observed_at)
VALUES ('201706050911', '2011109001', 'スピ－ド', 'スピ-ド', 1, '{}', 'u', now()),
       ('201706050911', '2011109002', 'カゼ', 'カゼ', 2, '{}', 'u', now());
INSERT INTO photo (source, issue_code, number, horse_name, horse_key, page_url, source_url, observed_at)
VALUES ('keibado', '160104', 1, 'スピ一ド', 'スピ一ド', 'p', 'u', now());
INSERT INTO latin_name VALUES ('スピ-ド', 'x'), ('カゼ', 'kaze');
"""


def test_names_that_are_kept_get_the_keys_they_have_now(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0008")
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute(MISPRINTED)
        database.upgrade(empty_conninfo)
        keys = [
            connection.execute(query).fetchall()
            for query in (
                "SELECT horse_key FROM horse ORDER BY horse_id", "SELECT horse_key FROM entry ORDER BY horse_number",
                "SELECT horse_key FROM photo", "SELECT horse_key FROM latin_name",
            )
        ]  # fmt: skip
        assert keys == [
            [("etoiledusoir",), ("スピード",), ("カゼ",)], [("スピード",), ("カゼ",)], [("スピード",)], [("カゼ",)],
        ]  # fmt: skip
        for table, name in (("horse", "name"), ("entry", "horse_name"), ("photo", "horse_name")):
            for printed, key in connection.execute(f"SELECT {name}, horse_key FROM {table}".encode()):
                assert key == horse_key(printed)
    database.downgrade(empty_conninfo, "0008")
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)
