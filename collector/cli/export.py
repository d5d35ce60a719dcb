"""The command that takes tables out: export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from collector.cli.base import group, read_settings
from collector.console.common import common
from collector.console.wording import counted, things
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from datetime import date

    from collector.exports.export import Exported, Request

commands = group()

REVEALED = "The files of your own camera are as they came: they say where, with what and by whom they were taken."
WHY = {"kept_out": "kept out by their site's robots.txt", "damaged": "damaged"}  # photos without a file


To = Annotated[
    Path | None,
    typer.Option(metavar="PLACE", help="A folder, FILE.duckdb or FILE.sqlite; paddock-export unless given."),
]
Files = Annotated[
    Literal["parquet", "csv"] | None,
    typer.Option("--format", metavar="FORMAT", help="Of the files in a folder: parquet, unless given, or csv."),
]
Tables = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Only these tables, with commas: race,entry. All unless given.")
]
FromDay = Annotated[
    str | None, typer.Option(metavar="YEAR|DATE", help="Only what is of that day or later: 2016 or 2016-05-23.")
]
Photos = Annotated[
    bool, typer.Option("--photos", help="Also the photos themselves, with their rights; needs a folder.")
]
Originals = Annotated[
    bool, typer.Option("--originals", help="Of your own camera the files as they came: they say where, and by whom.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a file that is not an export.")]


@commands.add("export")
def export_tables(
    to: To = None,
    file_format: Files = None,
    tables: Tables = None,
    since: FromDay = None,
    photos: Photos = False,
    originals: Originals = False,
    replace: Replace = False,
) -> ExitCode:
    """Write the tables to files: DuckDB, SQLite, Parquet or CSV.

    Tables: issue, photo, race_day, race, entry, horse and aptitude. A README beside them says what each column means
    and its unit. The same database gives the same files.

    Example: collector export --to paddock.duckdb
    """
    from collector.console.terminal import stderr
    from collector.exports.export import Request
    from collector.exports.formats import Format
    from collector.exports.tables import tables_named
    from collector.exports.target import read_target

    target = read_target(to, Format(file_format) if file_format else None)
    if photos and not target.format.in_folder:
        raise UsageError(f"--photos writes a file for each photo, and {to} is one file: name a folder.")
    if originals and not photos:
        raise UsageError("--originals is about the photos: add --photos.")
    wanted, first_day = tables_named(tables), _read_day(since)
    target.check(replace=replace)
    exported = _export(Request(target, wanted, first_day, photos, originals))
    _print(exported)
    if originals:
        stderr().print(REVEALED, soft_wrap=True)
    return ExitCode.SOME_FAILED if exported.left_out["damaged"] else ExitCode.DONE


def _export(request: "Request") -> "Exported":
    """Write an export, and show how far it is."""
    from collector.cli.session import opened_database
    from collector.cli.whole_file import ended_by_sigterm
    from collector.console.steps import Steps
    from collector.console.terminal import stderr

    console = stderr()
    with opened_database(read_settings(), console) as conninfo, ended_by_sigterm():
        from collector.exports.export import export

        def show(table: str, done: int, rows: int | None) -> None:
            of_all = f"{done:,} of " if rows is not None else ""
            steps.say(f"{table}: {of_all}{counted(done if rows is None else rows, 'row')}")

        try:
            with Steps(console) as steps:
                return export(conninfo, request, show)
        except KeyboardInterrupt:
            console.print(f"Interrupted; nothing was written to {request.target.path}.", soft_wrap=True)
            raise


def _read_day(since: str | None) -> "date | None":
    from collector.frontier.scope import read_scope

    return None if since is None else read_scope(since, None, None).since


def _print(exported: "Exported") -> None:
    from collector.console.as_json import print_json
    from collector.console.measures import size_in_words
    from collector.console.terminal import stdout

    if common().json:
        print_json(exported.as_json())
        return
    console = stdout()
    for table, rows in exported.rows.items():
        console.print(f"{table:<12}{rows:>12,} {things(rows, 'row')}")
    for reason, count in exported.left_out.items():
        console.print(f"left out    {count:>12,} {things(count, 'photo')}: {WHY[reason]}")
    console.print(f"{exported.to}: {size_in_words(exported.size)}", soft_wrap=True)
