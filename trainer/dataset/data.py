"""A data set version as a trainer wants it: a table of what is known, and pixels that are unpacked once and kept."""

import glob
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from collector.errors import BrokenPicture, UsageError
from collector.storage.decoders import Decoders
from trainer.dataset.examples import Side
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version, read_version
from trainer.dataset.pixels import PROCESSES, Preparation, describe, prepare
from trainer.dataset.rows import Rows, Store, keep_only

AHEAD = 64  # photos that are unpacked or wait for it
FEW = 50  # photos that are unpacked sooner than another process has started


@dataclass(frozen=True)
class Table:
    """What is known of the examples of a version, in the order of its shards."""

    version: str
    rows: list[dict[str, Any]]  # the columns of the export, and `side`

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> np.ndarray:
        """A column as an array of objects."""
        return np.array([row[name] for row in self.rows], dtype=object)

    @cached_property
    def label(self) -> np.ndarray:
        """float32 (n,), 0..1."""
        return np.array([row["label"] for row in self.rows], dtype=np.float32)

    @cached_property
    def horse(self) -> np.ndarray:
        """Which horse each shows, as numbers from 0 on."""
        return np.unique([row["horse_id"] for row in self.rows], return_inverse=True)[1]

    def on(self, side: Side) -> np.ndarray:
        """Indices of the examples of a side."""
        return np.array([index for index, row in enumerate(self.rows) if row["side"] == side], dtype=np.int64)

    def weights(self, prior: float) -> np.ndarray:
        """float32 (n,): what a label of n reviews weighs, n / (n + prior); one review is taken where none is told."""
        reviews = np.array([1 if row["reviews"] is None else row["reviews"] for row in self.rows], dtype=np.float32)
        return np.ones_like(reviews) if not prior else np.maximum(reviews, 0.25) / (np.maximum(reviews, 0.25) + prior)


def read_table(version: Version) -> Table:
    """The table of a version."""
    rows = [
        row | {"side": shard.side}
        for shard in version.manifest.shards
        for row, _ in read_shard(Format(version.manifest.format), version.folder / shard.path, pictures=False)
    ]
    return Table(version.manifest.version, rows)


def load_pixels(
    version: Version, how: Preparation, cache: Path, tell: Callable[[int, int], None] = lambda _done, _of: None
) -> Rows:
    """uint8 (n, height, width, 3) of a version's photos, in the table's order. A photo is unpacked once, in whatever
    versions it is, and then mapped from a file. `tell` hears how many of how many were unpacked.

    Raises:
        UsageError: a photo is broken; says which.
    """

    def compute(places: list[int]) -> Iterator[np.ndarray]:
        for done, row in enumerate(_unpack(version, how, places), 1):
            yield row
            tell(done, len(places))

    store = Store.of(cache, "pixels", describe(how), (how.height, how.width, 3), np.uint8)
    return store.rows(photo_digests(version), compute)


def photo_digests(version: Version) -> list[bytes]:
    """SHA-256 of what each photo's bytes follow from, in the table's order: of the photo as it came and, where the
    export made it smaller, of how."""
    return _digests(version.folder, version.manifest.version)


@lru_cache(8)
def _digests(folder: Path, _version: str) -> list[bytes]:
    version = read_version(folder)
    size, code = version.manifest.query.get("size"), json.dumps(version.manifest.code, sort_keys=True)
    found = []
    for row in read_table(version).rows:
        words = row["digest"] if size is None else hashlib.sha256(f"{row['digest']} {size} {code}".encode()).hexdigest()
        found.append(bytes.fromhex(words))
    return found


def _unpack(version: Version, how: Preparation, places: list[int]) -> Iterator[np.ndarray]:
    """The pixels of the photos at some places, in that order, which is the table's."""
    with Decoders(max(1, min(PROCESSES, len(places) // FEW))) as room:
        waiting: deque[tuple[str, Future[np.ndarray]]] = deque()
        for photo, body in _bodies(version, set(places)):
            waiting.append((photo, room.submit(prepare, body, how)[1]))
            if len(waiting) > AHEAD:
                yield _taken(*waiting.popleft())
        while waiting:
            yield _taken(*waiting.popleft())


def _bodies(version: Version, places: set[int]) -> Iterator[tuple[str, bytes]]:
    """The photos at some places of the table, by name; shards that hold none of them are not read."""
    first = 0
    for shard in version.manifest.shards:
        wanted = places.intersection(range(first, first + shard.photos))
        if wanted:
            rows = read_shard(Format(version.manifest.format), version.folder / shard.path)
            for place, (row, body) in enumerate(rows, first):
                if place in wanted:
                    _check(version, row, body)
                    yield row["photo"], body
        first += shard.photos


def _check(version: Version, row: dict[str, Any], body: bytes) -> None:
    """Whatever is kept under a photo's digest is of that photo, also for other versions."""
    if version.manifest.query.get("size") is None and hashlib.sha256(body).hexdigest() != row["digest"]:
        raise _unreadable(row["photo"], "its bytes are not those that were exported")


def _taken(photo: str, future: Future[np.ndarray]) -> np.ndarray:
    try:
        return future.result()
    except BrokenPicture as error:
        raise _unreadable(photo, str(error)) from error


def _unreadable(photo: str, reason: str) -> UsageError:
    return UsageError(
        f"Photo {photo} of the data set cannot be read: {reason}. `trainer dataset verify` says whether the file has "
        "changed; otherwise `collector reparse` sets the photo aside, and the next export leaves it out."
    )


def forget_cached(cache: Path, version: str, others: Iterable[Version]) -> int:
    """Remove the pixels and features of photos that are in no other version; the bytes that were freed."""
    # What is kept by version: where its photos lie for a run, and once their pixels and features.
    held = [
        path for kind in ("pixels", "features", "neighbours") for path in cache.glob(f"{kind}-{glob.escape(version)}-*")
    ]
    freed = sum(path.stat().st_size for path in held)
    for path in held:
        path.unlink()
    return freed + keep_only(cache, {digest for other in others for digest in photo_digests(other)})
