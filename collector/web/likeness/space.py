"""Photos in a model's feature space, held in memory and compared with each other. Pure, but for numpy."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.storage.vectors import STORED


@dataclass(frozen=True, slots=True)
class Space:
    """Photos with their vectors. 100,000 of them take 55 MB, and one comparison some 10 ms."""

    photos: list[str]  # ids, one for each picture
    horses: np.ndarray  # int (n,): which photos show the same horse; one whose horse is open is a horse of its own
    vectors: np.ndarray  # float32 (n, k)
    squares: np.ndarray  # float32 (n,): squared lengths
    places: dict[str, int]  # digest -> row

    def nearest(self, digest: str, count: int) -> list[str]:
        """The photos that look most like a picture, the nearest first, one of each other horse; none where it has no
        vector."""
        row = self.places.get(digest)
        if row is None:
            return []
        return self.near(self.vectors[row], count, digest)

    def near(self, vector: np.ndarray, count: int, digest: str) -> list[str]:
        """The photos nearest to a vector (k,), which is that of a picture: one of each other horse."""
        if not self.photos:
            return []
        away = self.squares - 2 * (self.vectors @ vector)
        if (row := self.places.get(digest)) is not None:
            away[self.horses == self.horses[row]] = np.inf
        # Most often the nearest few have enough horses among them; else all are put in order.
        return self._first(away, min(8 * count, len(away)), count) or self._first(away, len(away), count)

    def _first(self, away: np.ndarray, reach: int, count: int) -> list[str]:
        """The nearest photo of each of the nearest horses; empty where too few are within reach and there are more."""
        nearest = np.argpartition(away, reach - 1)[:reach]
        found: dict[int, str] = {}
        for other in nearest[np.argsort(away[nearest], kind="stable")]:
            if np.isfinite(away[other]) and len(found) < count:
                found.setdefault(int(self.horses[other]), self.photos[other])
        return list(found.values()) if len(found) == count or reach == len(away) else []


def space_of(given: Sequence[tuple[str, bytes, str, str]]) -> Space:
    """The space of rows: digest, vector, the id of a photo that shows the picture, and whom it shows.

    A vector that has not the length of most, or is cut off within a number, has no place among the others.
    """
    lengths = Counter(len(vector) for _, vector, _, _ in given if vector and not len(vector) % STORED.itemsize)
    usual = max(lengths, key=lambda length: lengths[length], default=0)
    rows = [row for row in given if usual and len(row[1]) == usual]
    if not rows:
        return Space([], np.zeros(0, int), np.zeros((0, 0), np.float32), np.zeros(0, np.float32), {})
    vectors = (
        np.frombuffer(b"".join(vector for _, vector, _, _ in rows), STORED).reshape(len(rows), -1).astype(np.float32)
    )
    horses = np.unique([shows for *_, shows in rows], return_inverse=True)[1]
    return Space(
        [photo for _, _, photo, _ in rows],
        horses,
        vectors,
        (vectors**2).sum(1),
        {row[0]: at for at, row in enumerate(rows)},
    )
