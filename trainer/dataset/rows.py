"""Rows of numbers that cost something to compute, kept by what each was computed of.

A store is a folder for one way of computing: a file of rows, which only grows, and beside it a file of the digests of
what they are of, in the same order. A digest is written when its row is safe on the disk, so whoever reads the digests
first finds whole rows, also while another process adds some, and after one was killed. One process adds at a time.
Rows that nobody needs any more go when the others are written anew, under the next number.
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
PIECE = 32_000_000  # bytes of rows, or thereabouts, that are made safe at once
UNUSED = 30 * 86400.0  # seconds without use, after which a store is dropped when another one is begun
LOCK = "lock"
SAY_AFTER, AGAIN_AFTER = 2.0, 30.0  # seconds
LOOK_EVERY = 0.1

logger = logging.getLogger(__name__)


class Indexed(Protocol):
    """An array, or what is indexed like one along its first axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array has it."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...


class Rows:
    """Rows of a store in an order of their own; only those that are asked for are read from the disk."""

    def __init__(self, held: np.ndarray, places: np.ndarray) -> None:
        self._held = held
        self._places = places
        self.shape = (len(places), *held.shape[1:])
        self.flags = held.flags  # which say that nobody writes

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, key: Any) -> np.ndarray:
        """What an array would give for a number, a slice, or an array of numbers."""
        return self._held[self._places[key]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them, in memory."""
        return np.asarray(self[:], dtype)


@dataclass(frozen=True, slots=True)
class Store:
    """Where rows of one shape, computed in one way, are kept."""

    folder: Path
    shape: tuple[int, ...]  # of a row
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, cache: Path, kind: str, how: dict[str, Any], shape: tuple[int, ...], dtype: Any) -> "Store":
        """The store of a way of computing; `how` is everything that decides a row beside what it is computed of."""
        key = hashlib.sha256(json.dumps(how, sort_keys=True, default=str).encode()).hexdigest()[:20]
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return cls(cache / f"{kind}-{key}-{size}", shape, np.dtype(dtype))

    @property
    def size(self) -> int:
        """Bytes of a row."""
        return _size(self.folder)

    def rows(self, digests: Sequence[bytes], compute: Callable[[list[int]], Iterable[np.ndarray]]) -> Rows:
        """The rows of what has these digests; `compute` is given the places of those that are missing, each digest
        once, and yields their rows in that order.

        Raises:
            OSError: the disk is full; what is written is kept.
        """
        held = self._read()
        if held is None or any(digest not in held[0] for digest in digests):
            self._add(digests, compute)
            held = self._read()
        assert held is not None
        index, array = held
        with suppress(OSError):  # of a disk from which one may only read
            os.utime(self.folder)
        return Rows(array, np.array([index[digest] for digest in digests], np.int64))

    def _add(self, digests: Sequence[bytes], compute: Callable[[list[int]], Iterable[np.ndarray]]) -> None:
        if not self.folder.exists():
            _drop_unused(self.folder.parent)
        with _locked(self.folder):
            held = self._read()
            index = held[0] if held else {}
            missing = dict[bytes, int]()
            for place, digest in enumerate(digests):
                if digest not in index:
                    missing.setdefault(digest, place)
            number = _number(self.folder)
            with self._appending(number, len(index)) as append:
                for digest, row in zip(missing, compute(list(missing.values())), strict=True):
                    append(digest, row)

    @contextmanager
    def _appending(self, number: int, count: int) -> Iterator[Callable[[bytes, np.ndarray], None]]:
        """Write rows behind the first `count`, and their digests when they are safe; also what came before an error."""
        rows, ids = self._paths(number)
        digests: list[bytes] = []
        safe = 0  # of them
        for path in (rows, ids):
            path.touch()
        with rows.open("r+b") as row_file, ids.open("r+b") as id_file:
            row_file.truncate(count * self.size)  # what a killed process has left behind belongs to nobody
            row_file.seek(0, os.SEEK_END)

            def settle() -> None:
                nonlocal safe
                _sync(row_file)
                whole = len(digests)
                id_file.seek((count + safe) * DIGEST)  # a second time after an interruption, it writes the same
                id_file.truncate()
                id_file.write(b"".join(digests[safe:whole]))
                _sync(id_file)
                safe = whole

            def append(digest: bytes, row: np.ndarray) -> None:
                assert row.shape == self.shape, (row.shape, self.shape)
                row_file.write(np.ascontiguousarray(row, self.dtype).tobytes())
                digests.append(digest)
                if (len(digests) - safe) * self.size >= PIECE:
                    settle()

            try:
                yield append
            finally:
                settle()

    def _read(self) -> tuple[dict[bytes, int], np.ndarray] | None:
        """Where each digest's row is, and the rows; None where there is none yet."""
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
                continue  # they were written anew just now
            return {digest: place for place, digest in enumerate(digests)}, array
        return None

    def _paths(self, number: int) -> tuple[Path, Path]:
        return self.folder / f"{max(number, 0)}.rows", self.folder / f"{max(number, 0)}.ids"


def keep_only(cache: Path, needed: set[bytes]) -> int:
    """Drop the rows of everything else, in each store that nobody is adding to; the bytes that were freed."""
    return sum(_keep_only(lock.parent, needed) for lock in cache.glob(f"*/{LOCK}"))


def _keep_only(folder: Path, needed: set[bytes]) -> int:
    descriptor = try_lock(folder / LOCK)
    if descriptor is None:
        return 0
    try:
        number = _number(folder)
        old = [folder / f"{number}.rows", folder / f"{number}.ids"]
        digests = _digests(old[1]) if number >= 0 else []
        kept = [place for place, digest in enumerate(digests) if digest in needed]
        if len(kept) == len(digests):
            return 0
        before = sum(path.stat().st_size for path in old)
        new = [folder / f"{number + 1}.rows", folder / f"{number + 1}.ids"]
        _copy(old[0], new[0], _size(folder), kept)
        part = new[1].with_suffix(".part")
        part.write_bytes(b"".join(digests[place] for place in kept))
        part.replace(new[1])  # from now on it is the one that is read
        for path in old:
            path.unlink()
        return before - sum(path.stat().st_size for path in new)
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path, size: int, places: list[int]) -> None:
    """Some rows of a file as another file, safe on the disk."""
    with source.open("rb") as old, target.open("wb") as new:
        for place in places:
            old.seek(place * size)
            new.write(old.read(size))
        _sync(new)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _size(folder: Path) -> int:
    """Bytes of a row, which the folder's name ends with."""
    return int(folder.name.rpartition("-")[2])


def _number(folder: Path) -> int:
    """Under which number the rows are; -1 where there is none."""
    return max((int(path.stem) for path in folder.glob("*.ids")), default=-1)


def _digests(path: Path) -> list[bytes]:
    """The digests that are written in full."""
    written = path.read_bytes()
    return [written[at : at + DIGEST] for at in range(0, len(written) - DIGEST + 1, DIGEST)]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone with a store, which is made where it is not there; waits for whoever is adding to it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(descriptor, folder)
            if (folder / LOCK).exists() and os.fstat(descriptor).st_ino == (folder / LOCK).stat().st_ino:
                yield
                return
        finally:  # else the store was dropped while we waited
            os.close(descriptor)


def _wait_for(descriptor: int, folder: Path) -> None:
    """Wait until nobody else is adding to a store; where that lasts, whoever started this is told how far it is."""
    say_at = time.monotonic() + SAY_AFTER
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > say_at:
                say_at += AGAIN_AFTER
                kind, count = folder.name.partition("-")[0], _count(folder)
                logger.warning("waiting for another process that computes %s, %s of them so far", kind, f"{count:,}")
            time.sleep(LOOK_EVERY)
        else:
            return


def _count(folder: Path) -> int:
    """How many rows are there, while somebody may be adding some."""
    with suppress(FileNotFoundError):
        return (folder / f"{_number(folder)}.ids").stat().st_size // DIGEST
    return 0


def _drop_unused(cache: Path) -> None:
    """Remove the stores that nobody has used for long: of an earlier library, another size, a network given up."""
    for lock in cache.glob(f"*/{LOCK}"):
        if time.time() - lock.parent.stat().st_mtime < UNUSED or (descriptor := try_lock(lock)) is None:
            continue
        try:
            shutil.rmtree(lock.parent)
        finally:
            os.close(descriptor)


def digest_of_code(*modules: ModuleType) -> str:
    """A digest of the source of modules: an edit of what computes rows is another way of computing them."""
    whole = hashlib.sha256()
    for module in modules:
        assert module.__file__ is not None
        whole.update(Path(module.__file__).read_bytes())
    return whole.hexdigest()
