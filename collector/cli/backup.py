"""`collector db dump`: everything in one file, which is there whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import typer

from collector.cli.clients import check_end, handed_on, opened, program
from collector.console.measures import size_in_words
from collector.console.steps import Steps
from collector.console.terminal import stderr
from collector.console.visible import visible
from collector.errors import UsageError
from collector.storage import database

STDOUT = Path("-")
# Photos made small are made again when someone looks at them. Most bytes are packed already: the default level of gzip
# takes three times as long for a fourteenth less.
DUMP = ("--format=custom", "--compress=1", "--no-privileges", "--exclude-table-data=thumbnail")
LOOK_EVERY = 0.5  # seconds between two looks at how much is written
KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}


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
    _check_place(file, force=force)
    with opened(check_revision=False) as conninfo, _beside(file) as part:
        _dump(conninfo, part, file)
        _check_place(file, force=force)  # it may have come meanwhile
    typer.echo(visible(f"{file}: {file.stat().st_size:,} bytes"))


def _check_place(file: Path, *, force: bool) -> None:
    """Refuse to put a backup in the place of anything but a file that may be replaced."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        if not file.parent.is_dir():
            raise UsageError(f"{file.parent} is not a folder; make it first.") from None
        return
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "a device")
        raise UsageError(f"{file} is {kind}, which no backup replaces: name a file, or - for stdout.")
    if not force:
        raise UsageError(f"{file} is there already; --force replaces it.")


@contextmanager
def _beside(file: Path) -> Iterator[IO[bytes]]:
    """A new file, for this user alone, that takes the place of `file` once all is on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name[:40]}.", suffix=".part", dir=file.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as written, ended_by_sigterm():
            yield written
            if file.exists():
                os.fchmod(descriptor, stat.S_IMODE(file.stat().st_mode) & 0o600)  # never looser than it was
            os.fsync(descriptor)
            part.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end what is done as Ctrl-C does, so that what is half-written goes."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
