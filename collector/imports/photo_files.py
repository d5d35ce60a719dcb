"""The files of a person's photos: those that a table names, and those that it does not."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from collector.codes import Aside
from collector.console.code_words import describe
from collector.errors import UsageError
from collector.imports.captures import Capture, Failed, LeftOut
from collector.imports.files import below, opened
from collector.imports.manifest import Manifest
from collector.imports.streams import whole
from collector.sources.own.record import picture_url
from collector.storage.archive import digest_of

PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".heic", ".heif")


LARGEST_TABLE = 50 * 1024 * 1024  # bytes


def read_table(table: Path, folder: Path) -> bytes:
    """The bytes of a table, beside a folder that is there.

    Raises:
        UsageError: the table cannot be read, or the folder is none.
    """
    if not folder.is_dir():
        raise UsageError(f"--photos {folder} is not a folder.")
    try:
        with opened(table) as file:
            return whole(file, LARGEST_TABLE)
    except OSError as error:
        raise UsageError(f"--manifest {table} cannot be read: {error.strerror}.") from error
    except Failed as failed:
        raise UsageError(f"--manifest {table}: {describe(Aside, failed.code, failed.detail)}.") from failed


def check_files(manifest: Manifest, folder: Path) -> None:
    """Make sure that each file that a table names is there.

    Raises:
        UsageError: one is not; says in which lines.
    """
    for row in manifest.rows:
        if _path(folder, row.file) is None:
            manifest.refuse(row.line, "file", f"{row.file} is not in {folder}.")
    manifest.check()


def not_listed(manifest: Manifest, folder: Path) -> Iterator[LeftOut]:
    """The pictures of the folder that the table does not name, and the folders in it that cannot be read."""
    named = {path for row in manifest.rows if (path := _path(folder, row.file))}
    for path, name, size in below(folder, "."):
        if path.suffix.lower() in PICTURES and path not in named:
            yield LeftOut(name.removeprefix("./"), Aside.NOT_LISTED)
        elif size is Aside.CANNOT_READ and path.is_dir():
            yield LeftOut(name.removeprefix("./"), size)


def read_picture(folder: Path, name: str) -> Capture:
    """A picture as its file has it.

    Raises:
        Failed: it is not a file of the folder, it is empty, or it is too large.
        OSError: it cannot be read.
    """
    path = _path(folder, name)
    if path is None:
        raise Failed(Aside.CANNOT_READ, "it has gone")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Failed(Aside.LINK)
    with opened(path) as file:
        body = whole(file)
    if not body:
        raise Failed(Aside.EMPTY)
    digest = digest_of(body)
    return Capture(name, body, digest, digest, picture_url(digest))


def _path(folder: Path, name: str) -> Path | None:
    """A file by its name; one system writes が as one character, another as two."""
    for form in ("NFC", "NFD"):
        path = folder / unicodedata.normalize(form, name)
        if os.path.lexists(path):
            return path
    return None
