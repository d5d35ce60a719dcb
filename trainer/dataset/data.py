"""A data set version for training: the table of its examples, and their pixels, decoded once and cached."""

import glob
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from collector.errors import BrokenPicture, UsageError
from collector.sources.registry import is_personal
from collector.storage.decoders import Decoders
from trainer.dataset.examples import Side
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version, read_version
from trainer.dataset.pixels import PROCESSES, Preparation, describe, prepare
from trainer.dataset.rows import Rows, Store, keep_only

AHEAD = 64  # photos that are being decoded or wait for it
FEW = 50  # photos that are decoded in the time that another process takes to start

Progress = Callable[[int, int], None]  # gets how many are done, and of how many


def no_progress(_done: int, _of: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Table:
    """The examples of a version without their photos, in the order of its shards, with one of its labels."""

    version: str
    # The columns of the export, and `side`; of the table's label `label`, `n` and `reliability`, which are None where
    # the photo has no such label.
    rows: list[dict[str, Any]]
    key: str = "poll/distance"  # the label: definition/axis

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> np.ndarray:
        """A column as an array of objects."""
        return np.array([row[name] for row in self.rows], dtype=object)

    @cached_property
    def label(self) -> np.ndarray:
        """float32 (n,), 0..1; NaN where a photo has no such label."""
        return np.array([np.nan if row["label"] is None else row["label"] for row in self.rows], dtype=np.float32)

    @cached_property
    def horse(self) -> np.ndarray:
        """The horse of each example, as a number from 0 on."""
        return np.unique([row["horse_id"] for row in self.rows], return_inverse=True)[1]

    def on(self, side: Side) -> np.ndarray:
        """Indices of the labelled examples of a side."""
        its = [row["side"] == side and row["label"] is not None for row in self.rows]
        return np.flatnonzero(np.array(its, dtype=bool))

    def weights(self, prior: float) -> np.ndarray:
        """float32 (n,): the weight of each label, which is its reliability.

        Where the definition does not state it, a label of n reviews has n / (n + prior), and n is 1 where it is not
        known. With a prior of 0, all weights are 1.
        """
        if not prior:
            return np.ones(len(self.rows), np.float32)
        return np.array([_weight(row.get("n"), row.get("reliability"), prior) for row in self.rows], np.float32)


LEAST_PIECES = 0.25  # reviews that a label counts as at least, so that each has some weight
LEAST_WEIGHT = 0.02


def _weight(n: int | None, reliability: float | None, prior: float) -> float:
    if reliability is not None:
        return max(LEAST_WEIGHT, reliability)
    pieces = max(LEAST_PIECES, 1 if n is None else n)
    return pieces / (pieces + prior)


def read_table(version: Version, label: str = "") -> Table:
    """The table of a version with one of its labels; by default the first one.

    Raises:
        UsageError: it has no such label, or a shard is damaged.
    """
    return read_tables(version, [label])[0]


def read_tables(version: Version, labels: Sequence[str]) -> list[Table]:
    """The table of a version with each of these labels; an empty name is its first one.

    Raises:
        UsageError: it has no such label, or a shard is damaged.
    """
    keys = [version.manifest.label(label).key for label in labels]
    rows = _rows(version)
    return [Table(version.manifest.version, [with_label(row, key) for row in rows], key) for key in keys]


def _rows(version: Version) -> list[dict[str, Any]]:
    """The examples of a version, whatever its labels."""
    return [
        row | {"side": shard.side}
        for shard in version.manifest.shards
        for row, _ in read_shard(Format(version.manifest.format), version.folder / shard.path, pictures=False)
    ]


def labelled(tables: Sequence[Table], side: Side) -> np.ndarray:
    """Indices of the examples of a side that have one of the tables' labels."""
    return np.unique(np.concatenate([table.on(side) for table in tables]))


def with_label(row: dict[str, Any], key: str) -> dict[str, Any]:
    """A row with `label`, `n` and `reliability` of one of its labels; all None without that label."""
    its = row["labels"].get(key) or {}
    return row | {"label": its.get("value"), "n": its.get("n"), "reliability": its.get("reliability")}


def load_pixels(version: Version, how: Preparation, cache: Path, progress: Progress = no_progress) -> Rows:
    """The pixels of a version's photos, uint8 (n, height, width, 3), in the table's order.

    A photo is decoded once, even if several versions have it, and then mapped from a file. `progress` gets the number
    of photos decoded, and of all that have to be.

    Raises:
        UsageError: a photo is broken; the message names it.
    """

    def compute(positions: list[int]) -> Iterator[np.ndarray]:
        for done, row in enumerate(_unpack(version, how, positions), 1):
            yield row
            progress(done, len(positions))

    store = Store.of(cache, "pixels", describe(how), (how.height, how.width, 3), np.uint8)
    return store.rows(photo_digests(version), compute)


def photo_digests(version: Version) -> list[bytes]:
    """For each photo, in the table's order, the SHA-256 of what determines its bytes: the original photo and, if the
    export made it smaller or wrote a copy, the size and the code of the export."""
    return _digests(version.folder, version.manifest.version)


@lru_cache(8)
def _digests(folder: Path, _version: str) -> list[bytes]:
    version = read_version(folder)
    size, code = version.manifest.query.get("size"), json.dumps(version.manifest.code, sort_keys=True)
    found = []
    for row in _rows(version):
        words = row["digest"]
        if not _is_as_fetched(version, row):
            words = hashlib.sha256(f"{words} {size} {code}".encode()).hexdigest()
        found.append(bytes.fromhex(words))
    return found


def _unpack(version: Version, how: Preparation, positions: list[int]) -> Iterator[np.ndarray]:
    """The pixels of the photos in these rows of the table; `positions` is in the table's order."""
    with Decoders(max(1, min(PROCESSES, len(positions) // FEW))) as room:
        waiting: deque[tuple[str, Future[np.ndarray]]] = deque()
        for photo, body in _bodies(version, set(positions)):
            waiting.append((photo, room.submit(prepare, body, how)[1]))
            if len(waiting) > AHEAD:
                yield _taken(*waiting.popleft())
        while waiting:
            yield _taken(*waiting.popleft())


def _bodies(version: Version, positions: set[int]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the photos in these rows of the table; shards without any of them are not read."""
    first = 0
    for shard in version.manifest.shards:
        in_shard = positions.intersection(range(first, first + shard.photos))
        if in_shard:
            rows = read_shard(Format(version.manifest.format), version.folder / shard.path)
            for position, (row, body) in enumerate(rows, first):
                if position in in_shard:
                    _check(version, row, body)
                    yield row["photo"], body
        first += shard.photos


def _check(version: Version, row: dict[str, Any], body: bytes) -> None:
    """Check the digest of a photo. Its pixels are cached under that digest, and other versions use them too."""
    if _is_as_fetched(version, row) and hashlib.sha256(body).hexdigest() != row["digest"]:
        raise _unreadable(row["photo"], "its bytes are not those that were exported")


def _is_as_fetched(version: Version, row: dict[str, Any]) -> bool:
    """Whether the export wrote the bytes of a photo as they came; of a person's own camera it writes a copy."""
    return version.manifest.query.get("size") is None and not is_personal(row["source"])


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
    """Remove the cached pixels and features of photos that are in no other version; returns the bytes freed."""
    # The files cached for a version: its neighbour indices; older releases also cached pixels and features this way.
    held = [
        path for kind in ("pixels", "features", "neighbours") for path in cache.glob(f"{kind}-{glob.escape(version)}-*")
    ]
    freed = sum(path.stat().st_size for path in held)
    for path in held:
        path.unlink()
    return freed + keep_only(cache, {digest for other in others for digest in photo_digests(other)})
