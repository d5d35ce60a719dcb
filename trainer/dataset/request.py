"""What an export is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.dataset.examples import FACTS, OWN_FACTS
from trainer.dataset.formats import Format
from trainer.labels.definition import Wanted
from trainer.labels.poll import Poll

POLL = Wanted(Poll(), "distance")


@dataclass(frozen=True, slots=True)
class Request:
    """The settings of an export."""

    labels: Sequence[Wanted] = (POLL,)
    split: str = "horse"  # or issues-2016, or the path of a CSV
    format: Format = Format.PARQUET
    size: int | None = None  # px of the longest edge, at most; None: the photos as fetched
    name: str = "paddock"
    own: bool = False  # only photos that their user took, under one licence; no label is needed
    licence: str | None = None  # of `own`: the licence of the photos that are taken, where they state several
    every_photo: bool = False  # also the other photos of a burst, and those whose horse turns its head

    @property
    def facts(self) -> Sequence[str]:
        """The columns of one value that are written."""
        return OWN_FACTS if self.own else FACTS

    @property
    def query(self) -> dict[str, Any]:
        """The settings that decide which photos and labels there are."""
        given = {"rights": "own" if self.own else None, "every_photo": self.every_photo or None}
        labels = {one.key: dict(one.definition.settings) for one in self.labels}
        return {"labels": labels, "size": self.size} | {name: value for name, value in given.items() if value}
