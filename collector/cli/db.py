"""`collector db`: the database's schema, its address, a shell, a backup."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.base import group, read_settings
from collector.console.command_line import Yes
from collector.console.common import common
from collector.console.visible import on_one_line

commands = group("The database: its schema, its address, a shell, a backup.")


@commands.add("upgrade", json=False)
def upgrade_schema() -> None:
    """Bring the schema up to date.

    The embedded database does it by itself.

    Example: collector db upgrade
    """
    from collector.cli.clients import opened
    from collector.storage import database

    with opened(check_revision=False) as conninfo:
        before = database.current_revision(conninfo)
        database.upgrade(conninfo)
        after = database.current_revision(conninfo)
    words = f"already at revision {after}" if before == after else f"revision {before or 'none'} -> {after}"
    typer.echo(on_one_line(words))


@commands.add("url", json=False)
def print_url() -> None:
    """Print the database's address, for other programs.

    The embedded database is up only while a command works on it: `collector db psql` is its shell.

    Example: collector db url
    """
    from psycopg.conninfo import conninfo_to_dict

    from collector.cli.clients import opened
    from collector.console.wording import as_typed

    settings = read_settings()
    with opened(check_revision=False) as conninfo:
        if settings.database_url and not common().demo:
            typer.echo(settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1))
            return
        typer.echo(_as_url(conninfo_to_dict(conninfo)))
    words = (
        "This is the embedded database, which runs only while a collector command does: `collector db psql` opens a "
        "shell on it; for other programs keep `collector serve` or `collector worker` running."
    )
    typer.echo(as_typed(words), err=True)


def _as_url(facts: Mapping[str, object]) -> str:
    return f"postgresql://{facts['user']}@/{facts['dbname']}?host={facts['host']}"


@commands.add("psql", json=False, context={"allow_extra_args": True, "ignore_unknown_options": True})
def open_shell(context: typer.Context) -> int:
    """Open a shell on the database; further words go to psql.

    Example: collector db psql -c "SELECT count(*) FROM photo"
    """
    from collector.cli.clients import run_psql

    return run_psql(context.args)


@commands.add("dump", json=False)
def write_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes; - is stdout.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a full backup: bytes and facts in one file.

    Only you may read it, and it is there whole or not at all.

    Example: collector db dump paddock.dump

    Handed on: collector db dump - | ssh elsewhere 'cat > paddock.dump'
    """
    from collector.cli.backup import dump

    dump(file, force=force)


@commands.add("restore", json=False)
def put_back(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup made by `collector db dump`.")],
    yes: Yes = False,
) -> None:
    """Put a backup back, all of it or nothing.

    It is brought up to date. A database that holds something is replaced only with --yes.

    Example: collector db restore paddock.dump
    """
    from collector.cli.restore import restore

    restore(file, yes=yes)
