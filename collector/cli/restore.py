"""`collector db restore`: a backup of any revision put back, all of it or nothing, and brought up to date."""

import contextlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from subprocess import PIPE
from typing import IO

import psycopg
import typer
from psycopg.sql import SQL, Identifier
from sqlmodel import SQLModel

import collector.storage.models  # noqa: F401  (fills the metadata)
from collector.cli.clients import check_end, handed_on, opened, program
from collector.console.visible import on_one_line
from collector.errors import UsageError
from collector.storage import database
from collector.storage.upkeep import SETTLE

RESTORE = ("--no-owner", "--no-comments", "--file=-")
# Where there is such a setting (Postgres 17), a long restore must not be broken off by it.
NO_LIMIT = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout';"
# In one statement a kind, so that what depends on one another goes together; what depends on it elsewhere stops it.
# Functions return rows of tables, so they go before these; those that a table calls go after it.
CLEAR = """
SET client_min_messages = error;
SET lock_timeout = '10s';
DROP SCHEMA IF EXISTS procrastinate, training CASCADE;
DO $$ DECLARE statements text; BEGIN
    SELECT string_agg('DROP ' || kind || ' ' || names, '; ' ORDER BY place) INTO statements FROM (
        SELECT place, kind, string_agg(name, ', ') AS names FROM (
            SELECT format('public.%I', relname) AS name, oid, 'pg_class'::regclass AS class,
                array_position(ARRAY['m', 'v', '', 'r'], relkind::text) AS place,
                CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('m', 'v', 'r')
            UNION ALL
            SELECT oid::regprocedure::text, oid, 'pg_proc'::regclass,
                CASE prorettype WHEN 'trigger'::regtype THEN 5 ELSE 3 END, 'ROUTINE'
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        ) AS held
        WHERE NOT EXISTS (SELECT FROM pg_depend WHERE (classid, objid, deptype) = (class, held.oid, 'e'))
        GROUP BY place, kind
    ) AS kinds;
    IF statements IS NOT NULL THEN EXECUTE statements; END IF;
END $$;
"""
# What others keep beside our tables, extensions aside.
STRANGERS = """
SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname <> ALL (%s)
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
"""
# Of our own tables, those in which somebody's work can be; a worker alone writes its ticks.
FILLABLE = """
SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname IN ('public', 'training') AND relkind = 'r' AND relname NOT IN ('alembic_version', 'tick')
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
"""
OURS = ("alembic_version", "photo_search", "horse_search")  # beside the models' tables
FAILED = "The backup cannot be restored"


def restore(file: Path, *, yes: bool) -> None:
    """`collector db restore`: in one transaction, so that it is all there or nothing has changed; then brought up to
    date.
    """
    if not file.is_file():
        raise UsageError(f"{file} is not a file; make one with `collector db dump {file}`.")
    database.check_known(_revision_of(file), f"The backup {file}")
    with opened(check_revision=False) as conninfo:
        _check_target(conninfo, file, yes=yes)
        _replace(conninfo, file)
        database.upgrade(conninfo)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(SETTLE)
    typer.echo(on_one_line(f"{file} restored"))


def _read(file: Path, *words: str) -> str:
    """What pg_restore says about a backup."""
    result = subprocess.run([program("pg_restore"), *words, str(file)], check=False, capture_output=True)
    check_end(result.returncode, result.stderr.decode(errors="replace"), FAILED, file)
    return result.stdout.decode(errors="replace")


def _revision_of(file: Path) -> str:
    script = _read(file, "--data-only", "--schema=public", "--table=alembic_version", "--file=-")
    found = re.search(r"^COPY public\.alembic_version .*;\n(\S+)$", script, re.MULTILINE)
    if not found:
        raise UsageError(f"{file} is not a backup of Paddock: it has no revision.")
    return found[1]


def _check_target(conninfo: str, file: Path, *, yes: bool) -> None:
    """Refuse to replace what nobody has said is to be replaced."""
    listed = re.findall(r"; \d+ \d+ (?:TABLE|VIEW|MATERIALIZED VIEW) public (\S+) ", _read(file, "--list"))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        database.check_encoding(connection)
        row = connection.execute(STRANGERS, ([*OURS, *SQLModel.metadata.tables, *listed],)).fetchone()
        if row and row[0]:
            raise UsageError(
                f"The database also holds what is not Paddock's ({', '.join(row[0][:5])}), and a restore replaces all "
                "of it: restore into a database of its own."
            )
        if not yes and _holds_something(connection):
            raise UsageError("The database holds something already; add --yes to replace it by the backup.")


def _holds_something(connection: psycopg.Connection) -> bool:
    """Whether any of our tables has a row."""
    tables = connection.execute(FILLABLE).fetchall()
    looked = (SQL("EXISTS (SELECT FROM {})").format(Identifier(*names)) for names in tables)
    row = connection.execute(SQL("SELECT {}").format(SQL(" OR ").join(looked))).fetchone() if tables else None
    return bool(row and row[0])


def _replace(conninfo: str, file: Path) -> None:
    """Empty the database and fill it from the backup, in one transaction that is committed when all of it was read.

    pg_restore alone would leave what later versions have added, and what is older could not be brought up to date then.
    """
    address, environment = handed_on(conninfo)
    psql = [program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose", address]
    pg_restore = [program("pg_restore"), *RESTORE, str(file)]
    with (
        tempfile.TemporaryFile() as said,
        tempfile.TemporaryFile() as said_of_file,
        subprocess.Popen(pg_restore, stdout=PIPE, stderr=said_of_file) as reading,
        subprocess.Popen(psql, stdin=PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environment) as writing,
    ):
        assert reading.stdout
        assert writing.stdin
        with contextlib.suppress(BrokenPipeError):  # psql has ended, and says why
            writing.stdin.write(f"{NO_LIMIT}\nBEGIN;\n{CLEAR}".encode())
            _pass_on(reading.stdout, writing.stdin)
            if reading.wait() == 0:  # else psql comes to the end of what it is to do without having committed
                writing.stdin.write(b"COMMIT;\n")
            writing.stdin.close()
        reading.stdout.close()
        for process, its in ((writing, said), (reading, said_of_file)):
            process.wait()
            its.seek(0)
            check_end(process.returncode, its.read().decode(errors="replace"), FAILED, file)


def _pass_on(script: IO[bytes], to: IO[bytes]) -> None:
    """What pg_restore makes of a backup, but for the one line that an older Postgres does not understand."""
    for line in script:
        if not line.startswith(b"SET transaction_timeout"):
            to.write(line)
        if line.startswith(b"CREATE"):
            break
    shutil.copyfileobj(script, to, 1 << 20)
