"""What a label definition is, and what it finds. Pure.

A definition looks at subjects, which are photos or horses, and says for each what it observed: a value in the
definition's own unit, and how sure it is. A scale turns that unit into a label of 0..1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol

import psycopg

from trainer.labels.label import WhyNone
from trainer.labels.scales import Scale

Connection = psycopg.Connection[dict[str, Any]]


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
    pair: tuple[float, float] | None = None  # what two judges said of the same: their agreement is the human ceiling


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
