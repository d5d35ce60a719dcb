"""The schema: upgrades and downgrades from every revision, and that it equals the models."""

from datetime import date
from enum import StrEnum
from typing import Any, LiteralString

import psycopg
import pytest
from alembic.script import ScriptDirectory

from collector.codes import Block, Delay, Failure, MatchRule
from collector.frontier import status
from collector.sources.text_tools.text import horse_key
from collector.storage import database
from trainer.jobs import job_store

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


REASONS = """
INSERT INTO host (name, delay, delay_reason, reason, blocked_until)
VALUES ('a', 5, 'our own crawl delay', '5 pages in a row failed, the last with: no connection: (x)', now() + '1 h'),
       ('b', 9, 'Crawl-delay of robots.txt', 'robots.txt is out of reach (a (b)), so everything is disallowed', now()),
       ('c', 0, 'a site on this machine', 'the site answered 429', now()), ('d', 1, 'by luck', NULL, NULL),
       ('e', 9, 'Request-rate of robots.txt', 'the site refuses this page (403)', now()),
       ('f', 9, 'five times the last answer''s duration', 'forgotten on request', 'infinity');
INSERT INTO photo_match (source, issue_code, number, rule, decided_at)
SELECT 'keibado', '160104', number, rule, now() FROM unnest(ARRAY[
    'name', 'name and race', 'misprint and race and age and sex', 'name, in no race of those days', 'by hand',
    'open: its races have not been read', 'open: its name has not been looked up', 'open: its horse has no id',
    'open: no horse of that name', 'open: several horses of that name, none ran on those days',
    'open: several horses fit by misprint', 'open: several horses fit by name and age', 'by luck'])
    WITH ORDINALITY AS old (rule, number);
INSERT INTO blob VALUES ('held', 'text/html', 1, '', 'x');
INSERT INTO page (url, host, source, kind, dated, state, error, last_status, digest)
SELECT url, 'a', 'keibado', 'image', '2016-02-08', state, error, status, CASE WHEN state = 'fetched' THEN 'held' END
FROM (VALUES
    ('01', 'failed', 'robots.txt disallows it (Disallow: /(x))', NULL),
    ('02', 'failed', 'robots.txt disallows training on it (Content-Signal: ai-train=no)', NULL),
    ('03', 'excluded', 'its headers keep it out: noai', 200),
    ('04', 'excluded', 'the page''s robots meta keeps its photo out', 200),
    ('05', 'excluded', 'forgotten on request', NULL),
    ('06', 'quarantined',
     'the layout of these pages has changed; archived, to be read by `reparse` after a fix', 200),
    ('07', 'failed', 'a block page with status 200: captcha', 200), ('08', 'due', 'the site answered 503', 503),
    ('09', 'failed', 'the site refuses this page (403)', 403), ('10', 'failed', 'no connection: refused', NULL),
    ('11', 'failed', 'http://x/ is on none of the sites', NULL), ('12', 'failed', 'seen in the log', 200),
    ('13', 'quarantined', 'horse_name: missing', 200), ('14', 'quarantined', 'picture: not an image', 200),
    ('15', 'quarantined', 'storage: not storable: x', 200),
    ('16', 'quarantined', 'parser: an error of our own: x', 200), ('17', 'gone', 'race: there is none', 200),
    ('18', 'fetched', NULL, 200)) AS old (url, state, error, status);
INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, error)
SELECT id, 'a', url, now(), 1, 1, outcome, said FROM (VALUES
    ('12', 'unsafe', 'seen in the log'), ('10', 'try_later', 'no connection: refused'), ('08', 'redirect', 'to x'),
    ('08', 'try_later', 'the site answered 503'), ('03', 'refused', 'its headers keep it out: noai'),
    ('18', 'new', NULL), ('13', 'new', 'horse_name: missing'), ('09', 'error', 'ValueError()')
) AS old (number, outcome, said) JOIN page ON url = number ORDER BY number, outcome, said;
"""
SAID: tuple[LiteralString, ...] = (
    "SELECT name, delay_reason, reason FROM host ORDER BY 1",
    "SELECT number, rule FROM photo_match ORDER BY 1",
    "SELECT url, error FROM page ORDER BY 1",
    "SELECT url, outcome, error FROM fetch_log ORDER BY id",
)


def test_sentences_become_codes_and_are_the_same_sentences_afterwards(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0017")
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:

        def rows(query: LiteralString) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        connection.execute(REASONS)
        before = [rows(query) for query in SAID]
        database.upgrade(empty_conninfo, "0018")
        assert rows("SELECT delay_reason, block_code, reason FROM host ORDER BY name") == [
            ("own", "failing", "no connection: (x)"), ("crawl_delay", "no_robots", "a (b)"),
            ("loopback", "busy", "the site answered 429"), ("by luck", None, None),
            ("request_rate", "refused", "the site refuses this page (403)"), ("slow_answer", "forgotten", None),
        ]  # fmt: skip
        assert [rule for (rule,) in rows("SELECT rule FROM photo_match ORDER BY number")] == [
            "name", "name_and_race", "misprint_and_race_and_age_and_sex", "no_entry", "by_hand", "not_read",
            "not_looked_up", "no_horse_id", "unknown_name", "namesakes", "several_by_misprint",
            "several_by_name_and_age", "by luck",
        ]  # fmt: skip
        found = {url: (code, detail) for url, code, detail in rows("SELECT url, error_code, error FROM page")}
        assert [found[url] for url in ("01", "02", "03", "04", "05", "06")] == [
            ("robots", "Disallow: /(x)"), ("training", "Content-Signal: ai-train=no"), ("headers", "noai"),
            ("meta", None), ("forgotten", None), ("layout_changed", None),
        ]  # fmt: skip
        assert [code for _, (code, _) in sorted(found.items())][6:] == [
            "block_page", "busy", "refused", "try_later", "unsafe", "unsafe", "unreadable", "no_picture",
            "not_storable", "own_error", "gone", None,
        ]  # fmt: skip
        assert rows("SELECT url, outcome, error_code FROM fetch_log ORDER BY id") == [
            ("03", "refused", "headers"), ("08", "redirect", None), ("08", "try_later", "busy"),
            ("09", "error", "own_error"), ("10", "try_later", "try_later"), ("12", "unsafe", "unsafe"),
            ("13", "new", "unreadable"), ("18", "new", None),
        ]  # fmt: skip
        asked: tuple[tuple[type[StrEnum], LiteralString], ...] = (
            (MatchRule, "SELECT rule FROM photo_match WHERE rule <> 'by luck'"),
            (Delay, "SELECT delay_reason FROM host WHERE name <> 'd'"),
            (Block, "SELECT block_code FROM host WHERE name <> 'd'"),
            (Failure, "SELECT error_code FROM page WHERE error_code IS NOT NULL"),
        )
        for kind, query in asked:
            assert {code for (code,) in rows(query)} <= set(kind)
        database.downgrade(empty_conninfo, "0017")
        assert [rows(query) for query in SAID] == before
    database.upgrade(empty_conninfo)
    database.check(empty_conninfo)


async def test_a_database_with_sentences_says_the_same_once_they_are_codes(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0017")
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute(REASONS)
        failed = "SELECT url, error FROM page WHERE state IN ('failed', 'quarantined')"
        errors = dict(connection.execute(failed).fetchall())
        delays = dict(connection.execute("SELECT name, delay_reason FROM host").fetchall())
        ((closed,),) = connection.execute("SELECT reason FROM host WHERE name = 'a'").fetchall()
    database.upgrade(empty_conninfo)
    async with await psycopg.AsyncConnection.connect(empty_conninfo, autocommit=True) as connection:
        said = await status.report(connection)
    assert {failure["samples"][0]: failure["reason"] for failure in said["failures"]} == errors
    assert {host["host"]: host["delay_reason"] for host in said["hosts"]} == delays
    ((code, reason),) = [
        (host["blocked_code"], host["blocked_reason"]) for host in said["hosts"] if host["host"] == "a"
    ]
    assert (code, reason) == ("failing", closed)


WAITS = (
    "the next request, 5 s after the last (Crawl-delay of robots.txt)", "the next request, 0.5 s after the last (luck)",
    "the end of an earlier lane's request, which may still be open", "the answer to http://h/a?b=(c)",
    "the answer to a look at robots.txt", "another try of http://h/", "as the redirect to http://h/ asks",
    "outside the opening hours", "a request of an earlier lane may still be open", "its lane broke off (no (room))",
    "the site answered 503", "5 pages in a row failed, the last with: {x}",
)  # fmt: skip
REASONS_OF_JOBS = (
    "its engine was gone; it continues from its last checkpoint", "its engine was gone", "its engine was stopped",
    "its engine was out of touch; it continues from its last checkpoint",
    "its process was killed; it continues from its last checkpoint",
    "its process was killed 3 times; is the memory enough?",
    "its driver was killed; the next one finds the rented machine by name",
    "its driver was killed; should it still run and cost: sky jobs cancel -n paddock-1", "stopped by hand",
    "stopped before it began", "its limit of 1 h 30 min is reached", "its limit of 5 USD is reached",
    "it ended with exit code 1",
    "it ended with exit code 127, as if a program was not found; its log says which",
    "The job could not continue (No space left on device).",
    "what it made or printed could not be kept (full (x)); it is in /x/y, and `trainer job resume j16` tries it again",
    "it could not be run or kept: no (luck) (the engine's log has more)",
    "its run is in its output only: another run has that name",
    "NOT_THERE is not set. Should an earlier attempt still run and cost: sky jobs cancel -n p", "by {luck}", "",
)  # fmt: skip


async def test_waits_and_ends_of_jobs_say_the_same_once_they_are_codes(empty_conninfo: str) -> None:
    database.upgrade(empty_conninfo, "0020")
    jobs = "SELECT name, reason FROM training.training_job ORDER BY id"
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO host (name, waiting, waiting_until) SELECT 'h' || n, said, now() + '1 h'"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS old (said, n)",
            (list(WAITS),),
        )
        connection.execute(
            "INSERT INTO training.training_job (name, task, place, queue, gpus, state, reason) SELECT 'j' || n,"
            """ '{"command": [], "settings": []}', 'local', 'x:cpu', 0, 'failed', said"""
            " FROM unnest(%s::text[]) WITH ORDINALITY AS old (said, n) ORDER BY n",
            (list(REASONS_OF_JOBS),),
        )
        before = connection.execute(jobs).fetchall()
        database.upgrade(empty_conninfo)
        with job_store.opened(empty_conninfo) as opened:
            held = job_store.list_jobs(opened)
    async with await psycopg.AsyncConnection.connect(empty_conninfo, autocommit=True) as connection:
        hosts = {host["host"]: host for host in (await status.report(connection))["hosts"]}
    assert {host["waiting_for"] for host in hosts.values()} == set(WAITS)
    codes = [hosts[f"h{number}"]["waiting_code"] for number in range(1, len(WAITS) + 1)]
    assert codes == [
        "next_request", "next_request", "earlier_request", "answer", "robots", "next_try", "redirect", "opening",
        "open_request", "breakdown", "other", "other",
    ]  # fmt: skip
    assert [job.why for job in held] == list(REASONS_OF_JOBS)
    assert [job.reason for job in held] == [
        "engine_gone", "engine_gone_stopping", "engine_stopped", "out_of_touch", "killed", "killed_too_often",
        "driver_killed", "driver_lost", "stopped", "stopped_early", "limit", "limit", "exit_code", "no_program",
        "not_continued", "not_kept", "not_run", "run_exists", "other", "other", "",
    ]  # fmt: skip
    database.downgrade(empty_conninfo, "0020")
    with psycopg.connect(empty_conninfo, autocommit=True) as connection:
        assert connection.execute(jobs).fetchall() == before
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
