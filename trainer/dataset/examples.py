"""An example: one photo with its labels and the provenance of both."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from collector.storage.racing import Kind, kind_of
from trainer.labels.label import WORDS as WHY_NO_LABEL
from trainer.labels.label import Label

LICENCE = "Belongs to its photographer; collected for private study, not to be published or passed on."


class Side(StrEnum):
    """A part of a data set."""

    TRAIN = "train"
    TRAIN_DEV = "train_dev"  # horses of the training years that are not used for training
    VALIDATION = "validation"
    TEST = "test"


class Skip(StrEnum):
    """Why a photo is left out of a data set, beside the codes of `WhyNone`; the manifest counts photos by these."""

    NO_PICTURE = "no_picture"
    NO_HORSE = "no_horse"
    DAMAGED = "damaged"
    KEPT_OUT = "kept_out"
    RULES_UNKNOWN = "rules_unknown"
    HEAD_TURNED = "head_turned"
    SAME_BURST = "same_burst"
    OTHERS_TOO = "others_too"
    OTHER_LICENCE = "other_licence"
    NO_SIDE = "no_side"


WHY_SKIPPED: dict[str, str] = {
    Skip.NO_PICTURE: "no picture is held",
    Skip.NO_HORSE: "its horse is not known",
    Skip.DAMAGED: "its bytes are damaged",
    Skip.KEPT_OUT: "its site's robots.txt disallows training on it",
    Skip.RULES_UNKNOWN: "the copy of its site's robots.txt is damaged, so whether training is allowed is not known",
    Skip.HEAD_TURNED: "a person says that its horse turns its head",
    Skip.SAME_BURST: "it is of a burst of which another photo is taken",
    Skip.OTHERS_TOO: "another source has the same photo, and does not say that the same person took it",
    Skip.OTHER_LICENCE: "it has other rights than the licence of the data set",
    Skip.NO_SIDE: "the split names no side for it",
} | {why.value: words for why, words in WHY_NO_LABEL.items()}
# Older manifests have the words in place of the codes, so the words must not change.
BY_WORDS = {words: code for code, words in WHY_SKIPPED.items()}


def why_skipped(code: str) -> str:
    """The words for a code; the code itself if it is not known."""
    return WHY_SKIPPED.get(code, code)


@dataclass(frozen=True, slots=True)
class Example:
    """A photo with its labels. The fields are the columns of every data set format, in this order; `columns` says what
    they mean."""

    photo: str
    source: str
    issue_date: date
    horse_id: str
    horse_name: str
    sire: str | None
    dam: str | None
    damsire: str | None
    sex: str | None
    age: int | None
    coat: str | None
    trainer: str | None
    remark: str | None
    distance_said: str | None
    claims: str | None
    build_tags: str | None
    race_id: str | None
    race_name: str | None
    race_class: str | None
    grade: str | None
    race_date: date | None
    racecourse: str | None
    course: str | None
    surface: str | None
    distance: int | None
    going: str | None
    weather: str | None
    jockey: str | None
    carried_weight: float | None
    horse_weight: int | None
    horse_weight_change: int | None
    odds: float | None
    favorite_rank: int | None
    finish_position: int | None
    finish_time: float | None
    match_rule: str
    certainty: float | None
    taken_at: datetime | None
    camera: str | None
    burst: str | None
    head_turned: bool
    labels: Mapping[str, Label | None]  # by definition/axis; None where the photo has no such label
    page_url: str
    image_url: str
    origin: str | None
    fetched_at: datetime
    digest: str
    media_type: str
    width: int
    height: int
    near_duplicate_of: str | None
    group: str | None  # None in data sets of former releases
    licence: str

    def plain(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(Example))
FACTS = tuple(name for name in COLUMNS if name != "labels")  # the columns of one value
# What other people know of the horse and its race; a data set of one's own photos does not pass it on.
OF_OTHERS = frozenset({
    "sire", "dam", "damsire", "sex", "age", "coat", "trainer", "race_class", "grade", "course", "surface", "distance",
    "going", "weather", "jockey", "carried_weight", "horse_weight", "horse_weight_change", "odds", "favorite_rank",
    "finish_position", "finish_time",
})  # fmt: skip
OWN_FACTS = tuple(name for name in FACTS if name not in OF_OTHERS)


def why_not(row: Mapping[str, Any]) -> Skip | None:
    """Why the photo of a row of the export cannot be an example, whatever its labels; None if it can."""
    if row["digest"] is None:
        return Skip.NO_PICTURE
    return Skip.NO_HORSE if row["horse_id"] is None else None


def as_example(
    row: Mapping[str, Any],
    labels: Mapping[str, Label | None],
    group: str | None = None,
    burst: str | None = None,
) -> Example:
    """The example of a row of the export for which `why_not` is None."""
    given = {name: row[name] for name in FACTS if name not in ("licence", "group", "burst")}
    return Example(**given, labels=labels, group=group, burst=burst, licence=row["rights"] or LICENCE)


def count_kinds(labels: Sequence[float]) -> dict[str, int]:
    """How many labels of each type there are."""
    found = [kind_of(label) for label in labels]
    return {kind.value: found.count(kind) for kind in Kind}
