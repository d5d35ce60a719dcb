"""The schema: upgrades and downgrades from every revision, and that it equals the models."""

from datetime import date
from typing import Any, LiteralString

import psycopg
import pytest
from alembic.script import ScriptDirectory

from collector.sources.text_tools.text import horse_key
from collector.storage import database

REVISIONS = [script.revision for script in reversed(list(ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()))]


def test_the_revisions_that_are_read_are_those_of_alembic() -> None:
    assert database.known_revisions() == set(REVISIONS)
    assert database.head_revision() == REVISIONS[-1]


def test_an_empty_database_comes_up_to_date_and_agrees_with_the_models(empty_conninfo: str) -> None:
    assert database.current_revision(empty_conninfo) is None
    database.upgrade(empty_conninfo)
    assert database.current_revision(empty_conninfo) == database.head_revision()
    database.check(empty_conninfo)


def test_every_earlier_revision_comes_to_the_next_and_so_up_to_date(empty_conninfo: str) -> None:
    for revision in REVISIONS:
        database.upgrade(empty_conninfo, revision)
        assert database.current_revision(empty_conninfo) == revision
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


def test_lanes_that_waited_in_the_engines_queues_become_crawl_jobs(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0007")
    arguments = '{"since": "2016-01-01", "until": "9999-12-31", "limit": null, "all_races": true, "site": "http://h"}'
    labels = '{"since": "1970-01-01", "until": "1970-01-01", "limit": 10, "all_races": false, "pages_left": 4}'
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute("SET search_path TO procrastinate, public")
        for queue, lock, args, status in (
            ("2016-01-01..9999-12-31+races", "lane:h", arguments, "todo"),
            ("2016-01-01..9999-12-31+races", "lane:g", arguments, "doing"),
            ("2016-01-01..9999-12-31+races", "lane:e", arguments, "succeeded"),
            ("1970-01-01..1970-01-01#10", "lane:g", labels, "todo"),
        ):
            connection.execute(
                "INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, lock, args, status)"
                " VALUES (%s, 'lane', %s, %s, %s::procrastinate.procrastinate_job_status)",
                (queue, lock, args, status),
            )
        database.upgrade(empty_conninfo)
        query = 'SELECT since, until, "limit", all_races, hosts, pages_left, attended_until FROM crawl_job ORDER BY 1'
        undated = date(1970, 1, 1)
        assert connection.execute(query).fetchall() == [
            (undated, undated, 10, False, ["g"], 4, None),
            (date(2016, 1, 1), date.max, None, True, ["g", "h"], None, None),
        ]


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


def test_pauses_from_before_count_as_kept_where_that_is_certain(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0016")
    with psycopg.connect(empty_conninfo) as connection:
        connection.execute(
            "INSERT INTO host (name, delay, smallest_gap) VALUES ('a', 5, 5.5), ('b', 5, 1), ('c', 5, NULL)"
        )
    database.upgrade(empty_conninfo)
    with psycopg.connect(empty_conninfo) as connection:
        slack = connection.execute("SELECT least_slack FROM host ORDER BY name").fetchall()
    assert slack == [(0.5,), (None,), (None,)]


def test_photos_are_stored_without_compression(conninfo: str) -> None:
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
        assert connection.execute("SELECT count(DISTINCT uid) FROM training.training_job").fetchone() == (2,)
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


def test_an_entry_whose_id_was_not_a_horses_gets_its_number_as_key(empty_conninfo: str) -> None:
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
    database.upgrade(empty_conninfo, "0012")
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
    database.downgrade(empty_conninfo, "0012")
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)


def test_failures_of_pages_that_are_read_well_or_kept_out_go(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0019")
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute("""
            INSERT INTO host (name) VALUES ('h');
            INSERT INTO blob VALUES ('x', 'text/html', 1, '', 'x');
            INSERT INTO page (url, host, source, kind, role, dated, state, digest)
            SELECT role || ' ' || state, 'h', 's', 'k', role, '2016-01-01', state, 'x'
            FROM unnest(ARRAY['photo_page', 'result']) AS role,
                 unnest(ARRAY['fetched', 'excluded', 'quarantined', 'due']) AS state;
            INSERT INTO parse_failure (page_id, digest, field, reason, observed_at)
            SELECT id, 'x', 'field', 'reason', now() FROM page""")
        database.upgrade(empty_conninfo, "0020")
        left = connection.execute(
            "SELECT url FROM parse_failure JOIN page ON page.id = page_id ORDER BY url"
        ).fetchall()
    assert [url for (url,) in left] == [
        "photo_page due", "photo_page quarantined", "result due", "result fetched", "result quarantined",
    ]  # fmt: skip


def test_imports_keep_the_schema_from_going_back_to_where_they_are_requests(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo)
    insert = "INSERT INTO fetch_log (page_id, host, url, at, took, outcome) VALUES (1, 'h', 'u', now(), 0, %s)"
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute(insert.replace("took,", "took, size,").replace("0,", "0, 0,"), ("imported",))
        with pytest.raises(RuntimeError, match="Pages were imported"):
            database.downgrade(empty_conninfo, "0021")
        connection.execute("UPDATE fetch_log SET outcome = 'new'")
        database.downgrade(empty_conninfo, "0021")
    database.upgrade(empty_conninfo)
