"""`collector db dump`: everything in one file, which is there whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import typer

from collector.cli.clients import check_end, handed_on, opened, program
from collector.cli.whole_file import beside, check_place
from collector.console.measures import size_in_words
from collector.console.steps import Steps
from collector.console.terminal import stderr
from collector.console.visible import on_one_line
from collector.console.wording import counted
from collector.errors import UsageError
from collector.storage import database

STDOUT = Path("-")
BACKUP = "no backup replaces: name a file, or - for stdout"
# Photos made small are made again when someone looks at them. Most bytes are packed already: the default level of gzip
# takes three times as long for a fourteenth less.
DUMP = (
    "--format=custom",
    "--compress=1",
    "--no-privileges",
    "--exclude-table-data=thumbnail",
    "--exclude-table-data=photo_vector",
)
LOOK_EVERY = 0.5  # seconds between two looks at how much is written


def dump(file: Path, *, force: bool) -> None:
    """`collector db dump`: beside its place, under a name of its own, until it is whole; `-` is stdout.

    Of any revision: a backup is what one wants before an upgrade.
    """
    if file == STDOUT:
        if sys.stdout.isatty():
            raise UsageError("A backup is not text for a terminal: write `collector db dump - > FILE`, or name a file.")
        with opened(check_revision=False) as conninfo:
            _dump(conninfo, None, file)
        return
    check_place(file, BACKUP, force=force)
    with opened(check_revision=False) as conninfo, beside(file) as part:
        _dump(conninfo, part, file)
        check_place(file, BACKUP, force=force)  # it may have come meanwhile
    typer.echo(on_one_line(f"{file}: {counted(file.stat().st_size, 'byte')}"))


def _dump(conninfo: str, to: IO[bytes] | None, file: Path) -> None:
    if database.current_revision(conninfo) is None:
        raise UsageError("There is nothing to back up: the database has no tables of Paddock.")
    address, environment = handed_on(conninfo)
    # To stdout pg_dump only ever appends; so named, it writes a table of contents with places in the file.
    target = [f"--file=/dev/fd/{to.fileno()}"] if to else []
    process = subprocess.Popen(
        [program("pg_dump"), *DUMP, *target, address],
        stderr=subprocess.PIPE, text=True, env=environment, pass_fds=[to.fileno()] if to else [],
    )  # fmt: skip
    with process:
        try:
            said = _said_at_its_end(process, to)
        except BaseException:
            process.kill()
            raise
    if process.returncode == -signal.SIGPIPE:
        raise BrokenPipeError
    check_end(process.returncode, said, "The backup failed", file)


def _said_at_its_end(process: "subprocess.Popen[str]", to: IO[bytes] | None) -> str:
    """What it says of errors; until it has ended, how much it has written is shown."""
    steps = Steps(stderr())
    while True:
        try:
            return process.communicate(timeout=LOOK_EVERY if to else None)[1]
        except subprocess.TimeoutExpired:
            if to:
                steps.say(f"{size_in_words(os.fstat(to.fileno()).st_size)} written")
