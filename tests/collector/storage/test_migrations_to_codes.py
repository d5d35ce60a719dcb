"""Sentences of earlier revisions become codes, and say the same."""

from enum import StrEnum
from typing import Any, LiteralString

import psycopg

from collector.codes import Block, Delay, Failure, MatchRule
from collector.frontier import status
from collector.storage import database
from trainer.jobs import job_store

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
