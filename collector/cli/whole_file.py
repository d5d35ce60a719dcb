"""A file that a command writes: it is there whole or not at all, and only its owner may read it."""

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from collector.errors import UsageError

KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}


def check_place(file: Path, refusal: str, *, force: bool) -> None:
    """Refuse to put a file in the place of anything but a file that may be replaced.

    Raises:
        UsageError: what is there is not a file, or may not be replaced; `refusal` ends the sentence.
    """
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        if not file.parent.is_dir():
            raise UsageError(f"{file.parent} is not a folder; make it first.") from None
        return
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "a device")
        raise UsageError(f"{file} is {kind}, which {refusal}.")
    if not force:
        raise UsageError(f"{file} is there already; --force replaces it.")


@contextmanager
def beside(file: Path) -> Iterator[IO[bytes]]:
    """A new file, for this user alone, that takes the place of `file` once all is on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name[:40]}.", suffix=".part", dir=file.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as written, ended_by_sigterm():
            yield written
            written.flush()
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
