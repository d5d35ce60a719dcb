"""Archives in Postgres, in parts, under their SHA-256: the code, data sets and outputs of jobs.

Every machine that reaches the database can read them, and nothing is sent twice.
"""

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg

from collector.errors import UsageError

PART = 4 << 20  # bytes
Connection = psycopg.Connection[Any]


def is_held(connection: Connection, digest: str) -> bool:
    """Whether a bundle is in the database; it is complete then, as all parts are committed together."""
    return connection.execute("SELECT FROM bundle WHERE digest = %s", (digest,)).fetchone() is not None


def keep(connection: Connection, kind: str, file: IO[bytes]) -> tuple[str, int]:
    """Keep a file's content; its digest, and the number of bytes sent (0 if it was there already).

    In a transaction of the caller it is safe from `drop_unused` until that ends; by then a job has to name it.
    """
    digest, size = _measure(file)
    with connection.transaction():
        hold(connection)
        made = connection.execute(
            "INSERT INTO bundle (digest, kind, size) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING digest",
            (digest, kind, size),
        ).fetchone()
        for number, part in enumerate(iter(lambda: file.read(PART), b"")) if made else ():
            connection.execute("INSERT INTO bundle_part VALUES (%s, %s, %b)", (digest, number, part))
    return digest, size if made else 0


def _measure(file: IO[bytes]) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return digest, size


def parts(connection: Connection, digest: str) -> Iterator[bytes]:
    """A bundle's content, one part at a time."""
    number = 0
    while row := connection.execute(
        "SELECT content FROM bundle_part WHERE digest = %s AND number = %s", (digest, number), binary=True
    ).fetchone():
        yield row[0]
        number += 1


def read(connection: Connection, digest: str) -> bytes:
    """The whole content of a small bundle."""
    return b"".join(parts(connection, digest))


@contextmanager
def packed(folder: Path) -> Iterator[IO[bytes]]:
    """A folder as a tar file; the same files give the same bytes."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(folder, ".", filter=_plain)
        yield file


def keep_folder(connection: Connection, kind: str, folder: Path) -> tuple[str, int]:
    """Keep a folder; its digest, and the number of bytes sent."""
    with packed(folder) as file:
        return keep(connection, kind, file)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The entry without its owner; None for what is not kept: devices, and `.part` files that are being written."""
    if not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()) or entry.name.endswith(".part"):
        return None
    entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, "", ""
    if entry.isdir():
        entry.mtime = 0
    return entry


def restore(connection: Connection, digest: str, folder: Path, check: Callable[[], None] = lambda: None) -> None:
    """Unpack a folder that was kept: whole, or not at all. `check` is called before each part, and may raise to end it.

    Raises:
        UsageError: it is not in the database any more.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        inner = Path(scratch) / "folder"
        inner.mkdir()
        with tempfile.TemporaryFile(dir=scratch) as file:
            with connection.transaction():
                hold(connection)
                if not is_held(connection, digest):
                    raise UsageError(f"{digest[:12]} is not in the database any more; a newer one is in its place.")
                for part in parts(connection, digest):
                    check()
                    file.write(part)
            file.seek(0)
            with tarfile.open(fileobj=file) as tar:
                tar.extractall(inner, filter="data")
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        inner.rename(folder)


def list_files(connection: Connection, digest: str) -> list[tuple[str, int]]:
    """The files of a folder that was kept: path and bytes."""
    reader = io.BufferedReader(_Parts(parts(connection, digest)))
    with tarfile.open(fileobj=reader, mode="r|") as tar:
        return [(entry.name.removeprefix("./"), entry.size) for entry in tar if entry.isreg()]


def read_file(connection: Connection, digest: str, path: str) -> bytes | None:
    """One file of a folder that was kept; None if it has no file at that path."""
    reader = io.BufferedReader(_Parts(parts(connection, digest)))
    with tarfile.open(fileobj=reader, mode="r|") as tar:
        for entry in tar:
            if entry.isreg() and entry.name.removeprefix("./") == path and (content := tar.extractfile(entry)):
                return content.read()
    return None


class _Parts(io.RawIOBase):
    """Parts as a file that can be read once, in order."""

    def __init__(self, its: Iterator[bytes]) -> None:
        self._its, self._left = its, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            part = next(self._its, None)
            if part is None:
                return 0
            self._left = part
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


UNUSED = """
DELETE FROM bundle WHERE NOT EXISTS (
    SELECT FROM training_job WHERE code = digest OR output = digest OR 'data ' || data = kind
) RETURNING size
"""


SHIPPING = 7_306_652_131_000_002  # any constant; held while a bundle is in use that no job names yet
NOT_IDLE = "SET LOCAL idle_in_transaction_session_timeout = '10s'"


def hold(connection: Connection) -> None:
    """Keep others from dropping bundles until this transaction ends.

    A bundle that is kept but not yet named in a job, or that is being read, looks unused to them.
    """
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (SHIPPING,))


def drop_unused(connection: Connection) -> int:
    """Remove the bundles that no job needs any more; the number of bytes freed.

    While another session holds bundles nothing is removed; the next call does it.
    """
    with connection.transaction():
        free = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (SHIPPING,)).fetchone()
        return sum(size for (size,) in connection.execute(UNUSED)) if free and free[0] else 0


def find_data(connection: Connection, version: str) -> str | None:
    """The digest of a data set version; None if it is not in the database."""
    row = connection.execute("SELECT digest FROM bundle WHERE kind = %s", (f"data {version}",)).fetchone()
    return row[0] if row else None
