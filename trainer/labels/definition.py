"""What a label definition is, and what it finds. Pure.

A definition looks at subjects, which are photos or horses, and says for each what it observed: a value in the
definition's own unit, and how sure it is. A scale turns that unit into a label of 0..1.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, LiteralString, Protocol

import psycopg

Connection = psycopg.Connection[dict[str, Any]]


class WhyNone(StrEnum):
    """Why a definition has no label for a subject; data sets count photos by these codes."""

    NOT_ASKED = "not_asked"
    NO_REVIEWS = "no_reviews"
    FEW_REVIEWS = "few_reviews"
    NO_START = "no_start"
    NO_LATER_START = "no_later_start"
    NO_PLACE = "no_place"
    NO_CONTRAST = "no_contrast"
    NOT_IN_FILE = "not_in_file"
    SEVERAL_HORSES = "several_horses"
    NO_LABEL = "no_label"


WORDS = {
    WhyNone.NOT_ASKED: "its horse's label has not been asked for",
    WhyNone.NO_REVIEWS: "nobody has reviewed its horse",
    WhyNone.FEW_REVIEWS: "fewer reviews than wanted",
    WhyNone.NO_START: "its horse has no start beside the race of the photo",
    WhyNone.NO_LATER_START: "its horse has not run again after the race of the photo",
    WhyNone.NO_PLACE: "its horse has not been among the first three",
    WhyNone.NO_CONTRAST: "its horse has not run on both wet and firm going",
    WhyNone.NOT_IN_FILE: "the file of labels does not name it",
    WhyNone.SEVERAL_HORSES: "the file of labels gives a name that several horses have",
    WhyNone.NO_LABEL: "the definition has no label for it",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """From a definition's unit to a label of 0..1: straight lines between knots."""

    low: str  # the end at 0, such as "short"
    high: str  # the end at 1
    knots: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))  # value, label; both increase
    metres: bool = False  # whether values are natural logarithms of metres, which people read as metres

    def label(self, value: float) -> float:
        """The label of a value; outside the knots it is 0 or 1."""
        return _along(self.knots, value)

    def value(self, label: float) -> float:
        """The value of a label of 0..1."""
        return _along([(after, before) for before, after in self.knots], label)

    def slope(self, value: float) -> float:
        """The change of the label for a change of one unit at a value; 0 outside the knots."""
        for (one, low), (other, high) in pairwise(self.knots):
            if one <= value <= other:
                return (high - low) / (other - one)
        return 0.0


def _along(knots: Any, at: float) -> float:
    """The height of the line through knots at a point; beyond the last knot on a side it is level."""
    places = [place for place, _ in knots]
    index = bisect_left(places, at)
    if index == 0 or index == len(places):
        return float(knots[0 if index == 0 else -1][1])
    (one, low), (other, high) = knots[index - 1], knots[index]
    return float(low + (high - low) * (at - one) / (other - one))


@dataclass(frozen=True, slots=True)
class Observed:
    """What a definition observed for a subject."""

    key: str  # of the subject: a photo's id, or a horse's
    horse_id: str
    value: float  # in the unit of the definition
    n: int | None  # opinions or starts behind it
    evidence: Mapping[str, Any]  # where it comes from, for people and for checking
    # How far it may be from the truth by chance: the variance of the value itself, or else what `spread` says.
    variance: float | None = None
    spread: "Spread | None" = None
    halves: tuple[float, float] | None = None  # the values of two halves of the evidence; they show its reliability


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the pieces of evidence of one subject differ. Spreads of many subjects give the variance of one piece;
    divided by `pieces`, it is the variance of a value."""

    pieces: float  # of evidence behind the value; for a difference of two means 1 / (1/a + 1/b)
    squares: float  # sum of the squared distances of the pieces from their mean
    freedom: int  # degrees of freedom of that sum


@dataclass(frozen=True, slots=True)
class Absent:
    """A subject for which a definition has no label, and why."""

    key: str
    why: WhyNone


@dataclass(frozen=True, slots=True)
class Subjects:
    """The photos or horses that are looked at: a query of `key`, `horse_id`, `race_id` and `dated`.

    `race_id` is the race that a photo was taken for, and `dated` the day of its issue; both are NULL for a horse.
    """

    query: LiteralString
    about: str  # photos or horses


PHOTOS = Subjects(
    "SELECT photo.photo_id AS key, met.horse_id, met.race_id, issue.issue_date AS dated FROM photo"
    " JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code"
    " JOIN photo_match met ON (met.source, met.issue_code, met.number)"
    " = (photo.source, photo.issue_code, photo.number) WHERE met.horse_id IS NOT NULL",
    "photos",
)
HORSES = Subjects("SELECT horse_id AS key, horse_id, NULL::text AS race_id, NULL::date AS dated FROM horse", "horses")


class Definition(Protocol):
    """What a label means. Others register theirs with the entry point group `paddock.labels`."""

    @property
    def name(self) -> str:
        """Its name on the command line and in data sets."""
        ...

    @property
    def words(self) -> str:
        """What it says of a horse, in one sentence."""
        ...

    @property
    def unit(self) -> str:
        """The unit of the values."""
        ...

    @property
    def scales(self) -> Mapping[str, Scale]:
        """The scale of each of its axes."""
        ...

    @property
    def shrunk(self) -> bool:
        """Whether values of little evidence are drawn towards the mean."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its settings, by name; a data set notes them. Empty if it has none."""
        ...

    def observe(self, connection: Connection, axis: str, subjects: Subjects) -> Iterator[Observed | Absent]:
        """What it observed for the subjects; a subject that is left out counts as WhyNone.NO_LABEL.

        The same database gives the same values in the same order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A definition on one of its axes: one label of each example."""

    definition: Definition
    axis: str

    @property
    def key(self) -> str:
        """The name of the label in a data set: definition/axis."""
        return f"{self.definition.name}/{self.axis}"

    @property
    def scale(self) -> Scale:
        """The scale of its labels."""
        return self.definition.scales[self.axis]


@dataclass(frozen=True, slots=True)
class Label:
    """One label of one photo. The fields are those of `labels` in every data set format."""

    value: float  # 0..1
    variance: float | None  # of the value, around the truth; None: not known
    reliability: float | None  # 0..1: the share of the differences between horses that is not chance; None: not known
    n: int | None  # opinions or starts behind it
    evidence: str  # JSON
