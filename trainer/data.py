"""A data set version as a trainer wants it: a table of what is known, and pixels that are unpacked once and kept."""

import glob
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from collector.errors import UsageError
from trainer.dataset.formats import Format, batched, read_shard
from trainer.dataset.manifest import Version
from trainer.examples import Side
from trainer.pixels import BrokenPicture, Preparation, prepare

AHEAD = 64  # photos that are unpacked at once


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


def load_pixels(version: Version, how: Preparation, cache: Path) -> np.ndarray:
    """uint8 (n, height, width, 3) of a version's photos, in the table's order; unpacked once, then mapped from a file.

    Raises:
        UsageError: a photo is broken; says which.
    """
    count = sum(shard.photos for shard in version.manifest.shards)
    path = cache / f"pixels-{version.manifest.version}-{how.height}x{how.width}-{how.fit}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.stem}.{os.getpid()}.part.npy")
        try:
            _unpack(version, how, part, count)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return np.load(path, mmap_mode="r")


def _unpack(version: Version, how: Preparation, path: Path, count: int) -> None:
    # Written, not mapped: a full disk is an error to be told then, and not a killed process.
    with path.open("wb") as file, ThreadPoolExecutor() as pool:
        head = {"descr": "|u1", "fortran_order": False, "shape": (count, how.height, how.width, 3)}
        np.lib.format.write_array_header_1_0(file, head)
        for batch in batched(_bodies(version), AHEAD):
            for pixels in pool.map(lambda item: _prepare(item[0]["photo"], item[1], how), batch):
                file.write(pixels.tobytes())


def _bodies(version: Version) -> Iterator[tuple[dict[str, Any], bytes]]:
    for shard in version.manifest.shards:
        yield from read_shard(Format(version.manifest.format), version.folder / shard.path)


def _prepare(photo: str, body: bytes, how: Preparation) -> np.ndarray:
    try:
        return prepare(body, how)
    except BrokenPicture as error:
        raise UsageError(
            f"Photo {photo} of the data set cannot be read: {error}. `trainer dataset verify` says whether the file "
            "has changed; otherwise `collector forget` its page and export again."
        ) from error


def forget_cached(cache: Path, version: str) -> int:
    """Remove the pixels and features of a version, which only it needs; the bytes that were freed."""
    held = [path for kind in ("pixels", "features") for path in cache.glob(f"{kind}-{glob.escape(version)}-*")]
    freed = sum(path.stat().st_size for path in held)
    for path in held:
        path.unlink()
    return freed


def features_path(cache: Path, version: str, words: str) -> Path:
    """Where features are kept that a frozen backbone has seen once."""
    return cache / f"features-{version}-{hashlib.sha256(words.encode()).hexdigest()[:12]}.npy"
