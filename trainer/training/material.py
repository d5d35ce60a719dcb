"""What a run learns from: a data set with the pixels, labels and weights that its configuration asks for."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from collector.console.wording import counted
from collector.errors import UsageError
from trainer.dataset.data import Progress, Table, labelled, load_pixels, no_progress, read_tables
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.dataset.rows import Indexed
from trainer.runs.config import RunConfig
from trainer.training.batches import Photos


@dataclass(slots=True)
class Material:
    """A data set, with the pixels and weights that a run uses."""

    version: Version
    tables: list[Table]  # the same examples with each label that the run learns; the run's own label comes first
    pixels: Indexed  # uint8 (n, height, width, 3)
    weight: np.ndarray  # float32 (n, labels); 0 where an example has no such label
    cache: Path

    @property
    def table(self) -> Table:
        """The examples with the run's own label."""
        return self.tables[0]

    @property
    def label(self) -> np.ndarray:
        """The labels, float32 (n, labels); 0 where an example has none."""
        return np.nan_to_num(np.stack([table.label for table in self.tables], 1))

    def led_by(self, place: int) -> "Material":
        """The same with another of its labels as the first."""
        order = [place, *(other for other in range(len(self.tables)) if other != place)]
        return replace(self, tables=[self.tables[its] for its in order], weight=self.weight[:, order])

    def on(self, side: Side) -> np.ndarray:
        """Indices of the examples of a side that have one of the labels."""
        return labelled(self.tables, side)

    def photos(self, indices: np.ndarray) -> Photos:
        """The examples of these indices; their pixels are not copied."""
        return Photos(self.pixels, self.label[indices], self.weight[indices], indices)


def gather(version: Version, config: RunConfig, cache: Path, progress: Progress = no_progress) -> Material:
    """The data set of a run; `progress` gets the number of photos decoded so far, and of all that have to be.

    Raises:
        UsageError: there is nothing to train on, or a photo is broken.
    """
    tables = read_tables(version, config.labels)
    for table in tables:
        if (horses := len(np.unique(table.horse[table.on(Side.TRAIN)]))) < 2:
            raise UsageError(
                f"{version.name} has photos of {counted(horses, 'horse')} with the label {table.key} to train on; at "
                "least two are needed. Collect more, or choose another split."
            )
    pixels = load_pixels(version, config.preparation, cache, progress)
    weights = [np.where(np.isnan(table.label), 0, table.weights(config.review_prior)) for table in tables]
    return Material(version, tables, pixels, np.stack(weights, 1).astype(np.float32), cache)
