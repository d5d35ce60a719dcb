"""A cache on disk for computed rows of numbers, such as pixels and features, by the digest of their input.

A store is a folder for one way of computing. It has a file of rows, which only grows, and a file of digests in the same
order. A digest is written after its row is safe on the disk. So a process that reads the digests first finds complete
rows, even if another process is adding rows or was killed. Only one process adds rows at a time. To drop rows, the
others are copied to new files with the next number.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Protocol

import numpy as np

from trainer.locks import try_lock

DIGEST = 32  # bytes of SHA-256
PIECE = 32_000_000  # bytes of rows between two fsyncs, roughly
UNUSED = 30 * 86400.0  # seconds; a store that was not used for so long is dropped when a new one is created
LOCK = "lock"
LOG_AFTER, LOG_EVERY = 2.0, 30.0  # seconds of waiting
POLL_EVERY = 0.1  # seconds

logger = logging.getLogger(__name__)


class Indexed(Protocol):
    """An array, or an object that is indexed like one along its first axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, as of an array."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...


class Rows:
    """Some rows of a store, in a given order; a row is read from the disk only when it is indexed."""

    def __init__(self, held: np.ndarray, positions: np.ndarray) -> None:
        self._held = held
        self._positions = positions
        self.shape = (len(positions), *held.shape[1:])
        self.flags = held.flags  # not writeable

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, key: Any) -> np.ndarray:
        """The same as of an array, for a number, a slice, or an array of numbers."""
        return self._held[self._positions[key]]

    def part(self, chosen: np.ndarray) -> "Rows":
        """Some of these rows, in this order; none is read."""
        return Rows(self._held, self._positions[chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows, in memory."""
        return np.asarray(self[:], dtype)


@dataclass(frozen=True, slots=True)
class Store:
    """The cached rows of one shape that were computed in one way."""

    folder: Path
    shape: tuple[int, ...]  # of a row
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, cache: Path, kind: str, how: dict[str, Any], shape: tuple[int, ...], dtype: Any) -> "Store":
        """The store of one way of computing; `how` is all that decides a row besides its input."""
        key = hashlib.sha256(json.dumps(how, sort_keys=True, default=str).encode()).hexdigest()[:20]
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return cls(cache / f"{kind}-{key}-{size}", shape, np.dtype(dtype))

    @property
    def size(self) -> int:
        """Bytes of a row."""
        return _size(self.folder)

    def rows(self, digests: Sequence[bytes], compute: Callable[[list[int]], Iterable[np.ndarray]]) -> Rows:
        """The rows of the inputs with these digests.

        `compute` gets the indices in `digests` of the missing rows, one for each digest, and yields these rows in
        order.

        Raises:
            OSError: the disk is full; the rows written so far are kept.
        """
        held = self._read()
        if held is None or any(digest not in held[0] for digest in digests):
            self._add(digests, compute)
            held = self._read()
        assert held is not None
        index, array = held
        with suppress(OSError):  # of a read-only disk
            os.utime(self.folder)
        return Rows(array, np.array([index[digest] for digest in digests], np.int64))

    def _add(self, digests: Sequence[bytes], compute: Callable[[list[int]], Iterable[np.ndarray]]) -> None:
        if not self.folder.exists():
            _drop_unused(self.folder.parent)
        with _locked(self.folder):
            held = self._read()
            index = held[0] if held else {}
            missing = dict[bytes, int]()
            for position, digest in enumerate(digests):
                if digest not in index:
                    missing.setdefault(digest, position)
            number = _number(self.folder)
            with self._appending(number, len(index)) as append:
                for digest, row in zip(missing, compute(list(missing.values())), strict=True):
                    append(digest, row)

    @contextmanager
    def _appending(self, number: int, count: int) -> Iterator[Callable[[bytes, np.ndarray], None]]:
        """Append rows after the first `count`, then their digests; after an error, the rows so far are kept."""
        rows, ids = self._paths(number)
        digests: list[bytes] = []
        safe = 0  # digests that are written
        for path in (rows, ids):
            path.touch()
        with rows.open("r+b") as row_file, ids.open("r+b") as id_file:
            row_file.truncate(count * self.size)  # drops rows without digests, which a killed process left
            row_file.seek(0, os.SEEK_END)

            def flush() -> None:
                nonlocal safe
                _sync(row_file)
                whole = len(digests)
                id_file.seek((count + safe) * DIGEST)  # if interrupted, the next call writes the same again
                id_file.truncate()
                id_file.write(b"".join(digests[safe:whole]))
                _sync(id_file)
                safe = whole

            def append(digest: bytes, row: np.ndarray) -> None:
                assert row.shape == self.shape, (row.shape, self.shape)
                row_file.write(np.ascontiguousarray(row, self.dtype).tobytes())
                digests.append(digest)
                if (len(digests) - safe) * self.size >= PIECE:
                    flush()

            try:
                yield append
            finally:
                flush()

    def _read(self) -> tuple[dict[bytes, int], np.ndarray] | None:
        """The index of each digest's row, and the rows; None if the store has no files yet."""
        before = -1
        while (number := _number(self.folder)) > before:
            before = number
            rows, ids = self._paths(number)
            try:
                digests = _digests(ids)[: rows.stat().st_size // self.size]
                array = np.zeros((0, *self.shape), self.dtype)
                if digests:
                    array = np.memmap(rows, self.dtype, "r", shape=(len(digests), *self.shape))
            except FileNotFoundError:
                continue  # another process has just replaced the files
            return {digest: position for position, digest in enumerate(digests)}, array
        return None

    def _paths(self, number: int) -> tuple[Path, Path]:
        return self.folder / f"{max(number, 0)}.rows", self.folder / f"{max(number, 0)}.ids"


def keep_only(cache: Path, needed: set[bytes]) -> int:
    """Drop all rows but those of these digests, in each store that is not locked; returns the bytes freed."""
    return sum(_keep_only(lock.parent, needed) for lock in cache.glob(f"*/{LOCK}"))


def _keep_only(folder: Path, needed: set[bytes]) -> int:
    descriptor = try_lock(folder / LOCK)
    if descriptor is None:
        return 0
    try:
        number = _number(folder)
        old = [folder / f"{number}.rows", folder / f"{number}.ids"]
        digests = _digests(old[1]) if number >= 0 else []
        kept = [position for position, digest in enumerate(digests) if digest in needed]
        if len(kept) == len(digests):
            return 0
        before = sum(path.stat().st_size for path in old)
        new = [folder / f"{number + 1}.rows", folder / f"{number + 1}.ids"]
        _copy(old[0], new[0], _size(folder), kept)
        part = new[1].with_suffix(".part")
        part.write_bytes(b"".join(digests[position] for position in kept))
        part.replace(new[1])  # from now on readers use the new files
        for path in old:
            path.unlink()
        return before - sum(path.stat().st_size for path in new)
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path, size: int, positions: list[int]) -> None:
    """Copy some rows of a file to another file, with fsync."""
    with source.open("rb") as old, target.open("wb") as new:
        for position in positions:
            old.seek(position * size)
            new.write(old.read(size))
        _sync(new)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _size(folder: Path) -> int:
    """Bytes of a row, which are the end of the folder's name."""
    return int(folder.name.rpartition("-")[2])


def _number(folder: Path) -> int:
    """The newest number of the store's files; -1 without files."""
    return max((int(path.stem) for path in folder.glob("*.ids")), default=-1)


def _digests(path: Path) -> list[bytes]:
    """The digests in a file, without a partly written one."""
    written = path.read_bytes()
    return [written[at : at + DIGEST] for at in range(0, len(written) - DIGEST + 1, DIGEST)]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a store, which is created if it does not exist; waits for a process that is adding rows."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(descriptor, folder)
            if (folder / LOCK).exists() and os.fstat(descriptor).st_ino == (folder / LOCK).stat().st_ino:
                yield
                return
        finally:  # without a return, the store was dropped while this process waited
            os.close(descriptor)


def _wait_for(descriptor: int, folder: Path) -> None:
    """Wait until no other process is adding rows to a store; logs its progress if that takes long."""
    log_at = time.monotonic() + LOG_AFTER
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > log_at:
                log_at += LOG_EVERY
                kind, count = folder.name.partition("-")[0], _count(folder)
                logger.warning("waiting for another process that computes %s, %s so far", kind, f"{count:,}")
            time.sleep(POLL_EVERY)
        else:
            return


def _count(folder: Path) -> int:
    """The number of rows, while another process may be adding rows."""
    with suppress(FileNotFoundError):
        return (folder / f"{_number(folder)}.ids").stat().st_size // DIGEST
    return 0


def _drop_unused(cache: Path) -> None:
    """Remove stores that were not used for long, such as those of older libraries, other sizes or dropped networks."""
    for lock in cache.glob(f"*/{LOCK}"):
        if time.time() - lock.parent.stat().st_mtime < UNUSED or (descriptor := try_lock(lock)) is None:
            continue
        try:
            shutil.rmtree(lock.parent)
        finally:
            os.close(descriptor)


def digest_of_code(*modules: ModuleType) -> str:
    """A digest of the source code of modules, so that rows are computed again after an edit."""
    whole = hashlib.sha256()
    for module in modules:
        assert module.__file__ is not None
        whole.update(Path(module.__file__).read_bytes())
    return whole.hexdigest()
