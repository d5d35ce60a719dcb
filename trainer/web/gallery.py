"""The photos of the run's data set that answers are compared with: their features, pixels and thumbnails."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.dataset.data import load_pixels
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.dataset.pixels import Preparation
from trainer.dataset.rows import Indexed
from trainer.inference.neighbours import Index
from trainer.web import pictures
from trainer.web.answer import Known

SAMPLES = 4
LEAST_WIDTH = 96  # px of prepared pixels that are enough for a thumbnail
THUMBNAILS = Preparation(192, 256)  # if the run's own pixels are smaller


@dataclass(frozen=True, slots=True)
class Gallery:
    """A data set version with its index, pixels and thumbnails."""

    version: Version
    index: Index
    pixels: Indexed  # uint8 (n, height, width, 3), as the network needs them
    thumbnails: Indexed  # the same pixels, or larger ones
    how: Preparation  # of the thumbnails

    @classmethod
    def of(cls, version: Version, index: Index, how: Preparation, cache: Path) -> "Gallery":
        """The gallery of a version; `how` is the preparation of the run.

        Raises:
            UsageError: a photo is broken; the message names it.
        """
        good = how if how.fit == "pad" and how.width >= LEAST_WIDTH else THUMBNAILS
        return cls(version, index, load_pixels(version, how, cache), load_pixels(version, good, cache), good)

    def __len__(self) -> int:
        return len(self.index.table)

    def samples(self) -> list[int]:
        """Rows of sample photos, not from training if possible, from the lowest to the highest label."""
        table = self.index.table
        sides = (table.on(side) for side in (Side.TEST, Side.VALIDATION, Side.TRAIN))
        rows = next(side for side in sides if len(side))
        order = rows[np.argsort(table.label[rows], kind="stable")]
        chosen = order[np.linspace(0, len(order) - 1, SAMPLES + 2).round().astype(int)[1:-1]]
        return list(dict.fromkeys(int(row) for row in chosen))

    def picture(self, row: int) -> bytes:
        """A thumbnail of a photo of the data set, as a JPEG."""
        facts = self.index.table.rows[row]
        photo = pictures.cut_out(self.thumbnails[row], facts["width"], facts["height"], self.how)
        return pictures.as_jpeg(Image.fromarray(np.array(photo)), pictures.THUMBNAIL)

    def known(self, row: int, distance: float | None = None) -> Known:
        """The horse and the label of a photo of the data set."""
        facts = self.index.table.rows[row]
        names = ("horse_id", "horse_name", "photo", "label", "n", "side", "page_url", "width", "height")
        return Known(row, *(facts[name] for name in names), distance=distance, origin=facts.get("origin"))
