"""Databases that are not as they should be: one sentence, an exit code, nothing changed, for every command."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner, Result

from collector.cli.app import app as collector_app
from collector.console.trouble import trouble_of
from collector.errors import ExitCode, UsageError
from collector.settings import Settings
from collector.storage import database
from tests.collector.cli.test_cli import COMMAND, environment
from tests.databases import filled_once
from tests.filled import execute, fill
from trainer.cli.app import app as trainer_app
from trainer.inference.collection import conninfo_if_any

NO_SITE = "http://127.0.0.1:9"  # a site that is not there: nothing is to be asked for anyway
PAGE = "http://old.keibado.ne.jp/keibabook/150105/photo01.html"
READING = [["status"], ["schedule"], ["match", "--review"], ["db", "upgrade"]]
WRITING = [
    ["crawl", "--since", "2016"], ["refresh-labels"], ["worker"], ["reparse"], ["match"], ["serve", "--port", "0"],
    ["forget", PAGE, "--yes"], ["robots", f"{NO_SITE}/x"],
]  # fmt: skip
TRAINING = [["job", "list"], ["job", "run", "--", "true"], ["job", "prune"], ["worker", "--until-idle"]]


@pytest.fixture
def template(request: pytest.FixtureRequest, template: str, cluster: str) -> str:
    """A world, for the tests that ask for one."""
    return filled_once(cluster, "template_filled", fill) if "filled" in request.fixturenames else template


@pytest.fixture
def filled(conninfo: str) -> str:
    return conninfo


@pytest.fixture
def role(conninfo: str) -> Iterator[str]:
    """A role of this test's own, without any right."""
    name = f"role_of_{conninfo_to_dict(conninfo)['dbname']}"
    execute(conninfo, f"CREATE ROLE {name} LOGIN")
    yield name
    execute(conninfo, f"DROP OWNED BY {name}")
    execute(conninfo, f"DROP ROLE {name}")


def as_role(conninfo: str, role: str) -> str:
    return make_conninfo(conninfo, user=role)


def execute_alone(conninfo: str, statement: str) -> None:
    """What no transaction may hold."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.encode())


def with_sites(conninfo: str, home: Path) -> dict[str, str]:
    return environment(conninfo, NO_SITE, PADDOCK_NETKEIBA_URL="http://localhost:9", PADDOCK_HOME=str(home))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Commands are given in this process, which is many times as fast; what they set stays otherwise."""
    names = ("collector", "psycopg", "trainer")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def collector(*words: str, env: dict[str, str]) -> Result:
    return CliRunner(env=env).invoke(collector_app, words)


def trainer(*words: str, env: dict[str, str]) -> Result:
    return CliRunner(env=env).invoke(trainer_app, words)


def check_sentence(done: Result, code: int, *said: str) -> None:
    assert done.exit_code == code, (done.stderr, done.exception)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    for words in said:
        assert words in line


def test_a_read_only_database_is_read_and_never_half_written(filled: str, role: str, tmp_path: Path) -> None:
    execute(filled, f"ALTER ROLE {role} SUPERUSER")
    execute(filled, f"ALTER ROLE {role} SET default_transaction_read_only = on")
    env = with_sites(as_role(filled, role), tmp_path)
    for words in READING:
        assert collector(*words, env=env).exit_code == 0
    for words in WRITING:
        check_sentence(collector(*words, env=env), 2, "read-only", "Nothing was changed")
    assert trainer("job", "list", env=env).exit_code == 0


@pytest.mark.parametrize(("main", "words"), [("collector", ["worker"]), ("trainer", ["worker", "--until-idle"])])
def test_a_worker_of_which_several_parts_fail_for_one_reason_says_it_once(
    filled: str, role: str, tmp_path: Path, main: str, words: list[str]
) -> None:
    execute(filled, f"ALTER ROLE {role} SUPERUSER")
    execute(filled, f"ALTER ROLE {role} SET default_transaction_read_only = on")
    command = [sys.executable, "-c", f"from {main}.cli.app import main; main()", *words]
    env = with_sites(as_role(filled, role), tmp_path)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    said = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert done.returncode == 2
    assert len(said) == 1, done.stderr
    assert "read-only" in said[0]


def test_a_role_that_may_only_read_sees_what_it_may_not_do(filled: str, role: str, tmp_path: Path) -> None:
    execute(filled, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    env = with_sites(as_role(filled, role), tmp_path)
    for words in READING:
        assert collector(*words, env=env).exit_code == 0
    for words in (words for words in WRITING if words[0] != "serve"):
        check_sentence(collector(*words, env=env), 2, "does not let this role")
    for words in TRAINING:
        check_sentence(trainer(*words, env=env), 2, "does not let this role", "schema training")


@pytest.mark.parametrize("taken", ["SELECT ON alembic_version", "USAGE ON SCHEMA public"])
def test_a_role_that_may_not_read_sees_one_sentence(filled: str, role: str, tmp_path: Path, taken: str) -> None:
    execute(filled, f"REVOKE {taken} FROM public")
    env = with_sites(as_role(filled, role), tmp_path)
    for words in [*READING, *WRITING, ["db", "dump", str(tmp_path / "x.dump")]]:
        check_sentence(collector(*words, env=env), 2, "permission denied")
    check_sentence(trainer("export", env=env), 2, "permission denied")
    assert not (tmp_path / "x.dump").exists()


def test_a_role_that_may_create_nothing_cannot_set_up_a_database(empty_conninfo: str, role: str) -> None:
    done = collector("db", "upgrade", env=environment(as_role(empty_conninfo, role)))
    check_sentence(done, 2, "permission denied for schema public")
    assert database.current_revision(empty_conninfo) is None


def test_a_database_of_a_later_revision_is_left_alone_by_every_command(filled: str, tmp_path: Path) -> None:
    execute(filled, "UPDATE alembic_version SET version_num = '0099'")
    env = with_sites(filled, tmp_path)
    for words in [*READING, *WRITING]:
        check_sentence(collector(*words, env=env), 2, "revision 0099", "a later version")
    for words in [["export"], *TRAINING]:
        check_sentence(trainer(*words, env=env), 2, "revision 0099", "a later version")
    assert execute(filled, "SELECT version_num FROM alembic_version") == [("0099",)]


def test_the_trainer_searches_a_collection_only_where_it_can_be_read(filled: str, empty_conninfo: str) -> None:
    with conninfo_if_any(Settings(database_url=filled)) as conninfo:
        assert conninfo == database.conninfo_for(filled)
    with conninfo_if_any(Settings(database_url=empty_conninfo)) as conninfo:
        assert conninfo is None
    away = "postgresql://nobody@127.0.0.1:1/away"
    with conninfo_if_any(Settings(database_url=away)) as conninfo:
        assert conninfo == database.conninfo_for(away)  # it may be back when it is asked
    for revision, said in (("0099", "a later version"), ("0004", "collector db upgrade")):
        execute(filled, "UPDATE alembic_version SET version_num = %s", revision)
        with pytest.raises(UsageError, match=said), conninfo_if_any(Settings(database_url=filled)):
            pass


def test_a_database_that_holds_something_else_is_not_set_up(empty_conninfo: str) -> None:
    execute(empty_conninfo, "CREATE TABLE photo AS SELECT 'mine' AS name")
    check_sentence(collector("db", "upgrade", env=environment(empty_conninfo)), 2, "a database of its own")
    assert execute(empty_conninfo, "SELECT * FROM photo") == [("mine",)]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_a_database_in_another_encoding_is_refused_with_the_way_out(conninfo: str, encoding: str) -> None:
    name = f"{encoding}_{conninfo_to_dict(conninfo)['dbname']}".lower()
    options = "LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    execute_alone(conninfo, f"CREATE DATABASE {name} ENCODING '{encoding}' {options}")
    try:
        other = make_conninfo(conninfo, dbname=name)
        for words in (["db", "upgrade"], ["status"], ["crawl", "--since", "2016"]):
            done = collector(*words, env=with_sites(other, Path("/nonexistent")))
            check_sentence(done, 2, encoding, f"CREATE DATABASE {name}_utf8")
        assert execute(other, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
        # What the sentence says to do can be done.
        execute_alone(conninfo, "CREATE " + done.stderr.rpartition(": CREATE ")[2].strip(" .\n"))
        made = make_conninfo(conninfo, dbname=f"{name}_utf8")
        assert collector("db", "upgrade", env=environment(made)).exit_code == 0
    finally:
        execute_alone(conninfo, f"DROP DATABASE {name} WITH (FORCE)")
        execute_alone(conninfo, f"DROP DATABASE IF EXISTS {name}_utf8 WITH (FORCE)")


def test_a_client_encoding_of_the_role_or_the_shell_changes_nothing(filled: str, role: str) -> None:
    execute(filled, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    execute(filled, f"ALTER ROLE {role} SET client_encoding = 'LATIN1'")
    ((horse_id, name),) = execute(filled, "SELECT horse_id, name FROM horse LIMIT 1")
    done = collector("horse", horse_id, env=environment(as_role(filled, role), PGCLIENTENCODING="SQL_ASCII"))
    assert (done.exit_code, name in done.stdout) == (0, True)


def test_a_statement_timeout_is_not_a_lost_connection(filled: str, role: str) -> None:
    execute(filled, f"ALTER ROLE {role} SUPERUSER")
    execute(filled, f"ALTER ROLE {role} SET statement_timeout = 500")
    with psycopg.connect(filled) as holder:
        holder.execute("LOCK TABLE page")
        done = collector("status", env=environment(as_role(filled, role)))
        check_sentence(done, 2, "broke off a statement", "statement timeout", "a longer one")
        execute(filled, f"ALTER ROLE {role} SET lock_timeout = 300")
        done = collector("status", env=environment(as_role(filled, role)))
        check_sentence(done, 2, "Something else holds what is needed", "lock timeout")


def test_too_few_connections_is_a_sentence(filled: str, role: str) -> None:
    execute(filled, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    execute(filled, f"ALTER ROLE {role} CONNECTION LIMIT 1")
    with psycopg.connect(as_role(filled, role)):
        done = collector("status", env=environment(as_role(filled, role)))
    check_sentence(done, 2, "cannot be reached", "too many connections")


def test_a_database_that_is_not_there_is_a_sentence(conninfo: str) -> None:
    done = collector("status", env=environment(make_conninfo(conninfo, dbname="nowhere")))
    check_sentence(done, 2, "cannot be reached", '"nowhere" does not exist')


@pytest.mark.parametrize(
    ("sqlstate", "code", "passes", "said"),
    [
        ("08006", 2, True, "went away"),
        ("25P03", 2, True, "went away"),
        ("57P01", 2, True, "went away"),
        ("57P02", 2, True, "went away"),
        ("57P05", 2, True, "went away"),
        ("57P03", 2, True, "cannot be reached"),
        ("28P01", 2, True, "cannot be reached"),
        ("57014", 2, True, "broke off a statement"),
        ("25P04", 2, True, "broke off a statement"),
        ("55P03", 2, True, "holds what is needed"),
        ("40P01", 2, True, "worked on the same rows"),
        ("40001", 2, True, "worked on the same rows"),
        ("53200", 2, True, "not enough room"),
        ("53300", 2, True, "not enough room"),
        ("53100", 7, True, "disk is full"),
        ("58030", 7, False, "its own files"),
        ("XX001", 7, False, "its own files"),
        ("25006", 2, False, "read-only"),
        ("42501", 2, False, "does not let this role"),
    ],
)
def test_a_command_reports_every_error_of_the_database(
    filled: str, sqlstate: str, code: int, passes: bool, said: str
) -> None:
    execute(
        filled,
        "CREATE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'as it comes' USING ERRCODE = '{sqlstate}'; END $$",
    )
    execute(filled, "CREATE TRIGGER trip BEFORE INSERT OR UPDATE OR DELETE ON photo_match EXECUTE FUNCTION trip()")
    check_sentence(collector("match", env=environment(filled)), code, said, "(as it comes)")
    with pytest.raises(psycopg.Error) as raised, psycopg.connect(filled) as connection:
        connection.execute("DELETE FROM photo_match")
    trouble = trouble_of(raised.value)
    assert trouble
    assert (trouble.exit_code, trouble.passes) == (ExitCode(code), passes)


def test_an_error_of_our_own_keeps_its_traceback(filled: str) -> None:
    execute(filled, "ALTER TABLE photo_match RENAME TO elsewhere")
    command = [*COMMAND, "match"]
    done = subprocess.run(command, env=environment(filled), capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "UndefinedTable" in done.stderr
