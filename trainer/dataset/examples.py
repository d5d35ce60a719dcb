"""An example: one photo with its label and the provenance of both."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from collector.storage.racing import Axis, Kind, kind_of

LICENCE = "Belongs to its photographer; collected for private study, not to be published or passed on."


class Side(StrEnum):
    """A part of a data set."""

    TRAIN = "train"
    TRAIN_DEV = "train_dev"  # horses of the training years that are not used for training
    VALIDATION = "validation"
    TEST = "test"


class Skip(StrEnum):
    """Why a photo is left out of a data set; the manifest counts photos by these codes."""

    NO_PICTURE = "no_picture"
    NO_HORSE = "no_horse"
    NOT_ASKED = "not_asked"
    NO_REVIEWS = "no_reviews"
    FEW_REVIEWS = "few_reviews"
    DAMAGED = "damaged"
    KEPT_OUT = "kept_out"
    RULES_UNKNOWN = "rules_unknown"
    NO_SIDE = "no_side"


WHY_SKIPPED = {
    Skip.NO_PICTURE: "no picture is held",
    Skip.NO_HORSE: "its horse is not known",
    Skip.NOT_ASKED: "its horse's label has not been asked for",
    Skip.NO_REVIEWS: "nobody has reviewed its horse",
    Skip.FEW_REVIEWS: "fewer reviews than wanted",
    Skip.DAMAGED: "its bytes are damaged",
    Skip.KEPT_OUT: "its site's robots.txt disallows training on it",
    Skip.RULES_UNKNOWN: "the copy of its site's robots.txt is damaged, so whether training is allowed is not known",
    Skip.NO_SIDE: "the split names no side for it",
}
# Older manifests have the words in place of the codes, so the words must not change.
BY_WORDS = {words: skip.value for skip, words in WHY_SKIPPED.items()}


def why_skipped(code: str) -> str:
    """The words for a code; the code itself if it is not known."""
    return WHY_SKIPPED[Skip(code)] if code in set(Skip) else code


@dataclass(frozen=True, slots=True)
class Example:
    """A photo with its label. The fields are the columns of every data set format, in this order."""

    photo: str  # its id, source:issue/number
    source: str  # site
    issue_date: date
    horse_id: str
    horse_name: str
    sire: str | None
    sex: str | None
    age: int | None  # years, in the year of the issue
    coat: str | None
    race_id: str | None  # the race before which the photo was taken
    race_name: str | None
    race_date: date | None
    racecourse: str | None
    surface: str | None
    distance: int | None  # m
    axis: str
    label: float  # 0..1
    left_px: int  # width of the bar towards 0
    right_px: int  # width of the bar towards 1
    reviews: int | None  # number of reviews behind the label; None if the page did not state it
    label_observed_at: datetime
    label_url: str
    page_url: str
    image_url: str
    origin: str | None  # who took it, or where it was published; None: the source publishes it
    fetched_at: datetime
    digest: str  # SHA-256 of the picture as fetched
    media_type: str
    width: int  # px, as fetched
    height: int
    near_duplicate_of: str | None  # the earlier photo of which it is a re-encoded copy
    licence: str

    def plain(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(Example))
NOTHING_KNOWN = 0.5  # the label that the bars of a horse without reviews show


@dataclass(frozen=True, slots=True)
class Selection:
    """Which photos a data set takes."""

    axis: Axis = Axis.DISTANCE
    min_reviews: int = 1
    keep_unreviewed: bool = False  # as in the first attempt; their label is NOTHING_KNOWN

    def why_not(self, row: dict[str, Any]) -> Skip | None:
        """Why the photo of a row of the export is left out; None if it is taken."""
        if row["digest"] is None:
            return Skip.NO_PICTURE
        if row["horse_id"] is None:
            return Skip.NO_HORSE
        if row["left_px"] is None:
            return Skip.NOT_ASKED
        if row["label"] is None:
            return None if self.keep_unreviewed else Skip.NO_REVIEWS
        if row["reviews"] is not None and row["reviews"] < self.min_reviews:
            return Skip.FEW_REVIEWS
        return None


def as_example(row: dict[str, Any]) -> Example:
    """The example of a row of the export for which `Selection.why_not` is None."""
    label = NOTHING_KNOWN if row["label"] is None else row["label"]
    given = {name: row[name] for name in COLUMNS if name not in ("label", "licence")}
    return Example(**given, label=label, licence=row["rights"] or LICENCE)


def count_kinds(labels: Sequence[float]) -> dict[str, int]:
    """How many labels of each type there are."""
    found = [kind_of(label) for label in labels]
    return {kind.value: found.count(kind) for kind in Kind}
