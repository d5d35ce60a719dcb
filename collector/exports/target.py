"""Where an export goes: what may be replaced there, and how it appears whole or not at all.

It is written to a folder beside its place, `.NAME.paddock-part`, which a lock keeps for one process. What a killed
process has left there goes when the next export to the same place begins.
"""

import errno
import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from collector.errors import Busy, UsageError
from collector.exports.formats import APPLICATION, MARK, Format
from collector.exports.readme import TITLE
from collector.exports.tables import TABLES

README = "README.md"
PHOTOS, PHOTO_FILE = "photos", "photo_file"  # a folder, and the table beside it
FILES = {".duckdb": Format.DUCKDB, ".sqlite": Format.SQLITE, ".sqlite3": Format.SQLITE}
NO_FOLDERS = (".parquet", ".csv", ".db", ".json", ".xlsx", ".zip", ".gz", ".txt", ".md")
OURS = {README, PHOTOS, *(f"{name}.{end}" for name in (*TABLES, PHOTO_FILE) for end in ("parquet", "csv"))}


@dataclass(frozen=True, slots=True)
class Target:
    """A file or a folder that an export makes."""

    path: Path  # absolute
    format: Format

    @property
    def readme(self) -> Path:
        """Where the README of columns goes."""
        return self.path / README if self.format.in_folder else self.path.with_name(f"{self.path.name}.{README}")

    def check(self, *, replace: bool) -> None:
        """Refuse to begin where this cannot be written, or would replace what is not an export of ours.

        Raises:
            UsageError: something else is there; says what to do.
            OSError: the folder around it cannot be written.
        """
        around = self.path.parent
        if not around.is_dir():
            raise UsageError(f"{around} is not a folder; make it first.")
        if not os.access(around, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(around))
        if self.format.in_folder:
            self._check_folder()
        else:
            self._check_file(self.path, replace=replace)
            self._check_file(self.readme, replace=replace)

    def _check_folder(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is a file: name a folder, or a file that ends in .duckdb or .sqlite.")
        held = {entry.name for entry in self.path.iterdir()}
        strange = sorted(held - OURS)
        if held and (strange or not _is_readme(self.path / README)):
            what = f"{self.path} holds what is not of an export ({(strange or sorted(held))[0]})"
            raise UsageError(f"{what}: name a new folder, or empty this one.")

    def _check_file(self, path: Path, *, replace: bool) -> None:
        if not path.exists():
            return
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is not a file, so no export replaces it: name another one.")
        known = {Format.SQLITE: _is_sqlite, Format.DUCKDB: _is_duckdb}[self.format]
        if not replace and not (_is_readme(path) if path == self.readme else known(path)):
            raise UsageError(f"{path} is there already and is not an export; --replace replaces it.")


def read_target(to: Path | None, file_format: Format | None) -> Target:
    """What a user means by --to and --format.

    Raises:
        UsageError: they do not fit together.
    """
    given = to or Path("paddock-export")
    end = given.suffix.lower()
    if end in FILES:
        if file_format not in (None, FILES[end]):
            raise UsageError(f"--format {file_format} writes a folder, and {given} is a file: name a folder.")
        return Target(given.resolve(), FILES[end])
    if end in NO_FOLDERS and not given.is_dir():
        raise UsageError(f"{given} is neither a folder nor a file that ends in .duckdb or .sqlite.")
    if file_format is not None and not file_format.in_folder:
        raise UsageError(f"--format {file_format} writes a file: name one that ends in .{file_format}.")
    return Target(given.resolve(), file_format or Format.PARQUET)


def _is_readme(path: Path) -> bool:
    with suppress(OSError, UnicodeDecodeError), path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n") == TITLE
    return False


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            return False
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    return False


def _is_duckdb(path: Path) -> bool:
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'columns'").fetchone()
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise Busy(f"{path} is open in another program: close it there, or name another file.") from error
        return False
    except duckdb.Error:
        return False
    return found == (MARK,)


# --- whole or not at all -------------------------------------------------------------------------------------------


@contextmanager
def written_beside(target: Target) -> Iterator[Path]:
    """A folder to write to; where the context ends well, what it holds takes the target's place.

    Of a folder's format, that is the folder itself; of a file's, a file and a README in it, with their last names.

    Raises:
        Busy: another export to the same place is at work.
        OSError: it cannot be written; nothing has changed.
    """
    part = target.path.with_name(f".{target.path.name}.paddock-part")
    part.mkdir(exist_ok=True)
    lock = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _take(lock, part, target)
        _empty(part)
        if _former(target).exists() and not target.path.exists():  # killed between the two renames
            _former(target).rename(target.path)
        try:
            yield part
            _sync(part)
            _put(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    finally:
        os.close(lock)
    _sync_one(target.path.parent)


def _former(target: Target) -> Path:
    """Where a folder is while another one takes its place."""
    return target.path.with_name(f".{target.path.name}.paddock-old")


def _take(lock: int, part: Path, target: Target) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if part.exists() and os.path.samestat(os.fstat(lock), part.stat()):
            return
    except BlockingIOError:
        pass
    raise Busy(f"Another export writes to {target.path}: wait until it has ended, or name another place.")


def _empty(folder: Path) -> None:
    for left_over in folder.iterdir():
        shutil.rmtree(left_over) if left_over.is_dir() and not left_over.is_symlink() else left_over.unlink()


def _put(part: Path, target: Target) -> None:
    """Let what was written take its place."""
    if not target.format.in_folder:
        (part / target.readme.name).replace(target.readme)
        (part / target.path.name).replace(target.path)
        return
    old = _former(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.path.exists():
        target.path.rename(old)
    try:
        part.rename(target.path)
    except OSError:
        old.rename(target.path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Have everything in a folder on the disk."""
    for path in sorted(folder.rglob("*")):
        _sync_one(path)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
