"""The label of the expert: the distance that the remark beside a photo names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, groupby
from math import log
from typing import Any, LiteralString

from collector.codes import ClaimKind
from collector.storage.racing import Axis
from trainer.labels.definition import Absent, Connection, Observed, Subjects
from trainer.labels.label import WhyNone
from trainer.labels.results import DISTANCE
from trainer.labels.scales import Scale

SHORTEST, LONGEST = 1000, 3600  # m: of the flat races that there are
NEAR = 1.1  # "best at 1,600 m" stands for 1,455 to 1,760 m: the distances beside it
FINE = 1.25  # "can do 1,600 m" for 1,280 to 2,000 m
MIDDLE = 1650  # m: "longer" and "shorter" do not say than what, so than most horses run
PAIR = timedelta(days=30)  # within which two remarks are on the same horse, as it stood there
FETCHED = 2_000  # rows a round trip
# What a class of distance stands for, in metres.
CLASSES: dict[str, tuple[int, int]] = {
    ClaimKind.SPRINT: (SHORTEST, 1400),
    ClaimKind.MILE: (1400, 1800),
    ClaimKind.MIDDLE: (1800, 2400),
    ClaimKind.LONG: (2400, LONGEST),
    ClaimKind.MILE_OR_SHORTER: (SHORTEST, 1800),
    ClaimKind.MIDDLE_OR_SHORTER: (SHORTEST, 2400),
    ClaimKind.MILE_TO_MIDDLE: (1400, 2400),
    ClaimKind.MILE_OR_LONGER: (1400, LONGEST),
    ClaimKind.MIDDLE_OR_LONGER: (1800, LONGEST),
    ClaimKind.LONGER: (MIDDLE, LONGEST),
    ClaimKind.SHORTER: (SHORTEST, MIDDLE),
}
BEST = (ClaimKind.BEST_RANGE, ClaimKind.BEST_AROUND)
# A remark that was printed twice, beside a photo and its copy, is one remark.
REMARKS: LiteralString = """
WITH subject AS ({subjects}), remark AS (
    SELECT DISTINCT ON (met.horse_id, photo.comment) met.horse_id, photo.photo_id, issue.issue_date, photo.claims
    FROM photo JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
    JOIN photo_match met ON (met.source, met.issue_code, met.number)
        = (photo.source, photo.issue_code, photo.number)
    WHERE photo.distance_said = 'said' AND met.horse_id IS NOT NULL
    ORDER BY met.horse_id, photo.comment, issue.issue_date, photo.photo_id)
SELECT subject.key, subject.horse_id, subject.dated, beside.comment, beside.distance_said, beside.claims AS own,
    remark.photo_id, remark.issue_date, remark.claims
FROM subject LEFT JOIN photo beside ON beside.photo_id = subject.key LEFT JOIN remark USING (horse_id)
ORDER BY subject.key, remark.issue_date, remark.photo_id
"""
Claims = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Meant:
    """The distances that a remark means, in logarithms of metres."""

    low: float
    high: float
    kinds: tuple[str, ...]

    @property
    def value(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    @property
    def variance(self) -> float:
        """Of the truth, which may be anywhere between."""
        return (self.high - self.low) ** 2 / 12


def meant_by(claims: Claims) -> Meant | None:
    """What the claims of one remark mean together; None where they name no distance.

    Claims of the best distance count alone. Otherwise the distance is where all claims leave it, and where they
    contradict each other, where the narrowest one has it.
    """
    found = [its for claim in claims if (its := _interval(claim))]
    if best := [its for its in found if its.kinds[0] in BEST]:
        found = [_mean(best)]
    if not found:
        return None
    kinds = tuple(kind for its in found for kind in its.kinds)
    low, high = max(its.low for its in found), min(its.high for its in found)
    if low < high:
        return Meant(low, high, kinds)
    narrowest = min(found, key=lambda its: its.high - its.low)
    return Meant(narrowest.low, narrowest.high, kinds)


def _interval(claim: Mapping[str, Any]) -> Meant | None:
    kind, low, high = claim["kind"], claim["low_m"], claim["high_m"]
    match kind:
        case ClaimKind.BEST_AROUND:
            metres = (low / NEAR, low * NEAR)
        case ClaimKind.BEST_RANGE:
            metres = (low, high)
        case ClaimKind.FINE_AT if low:
            metres = (low, high) if high else (low / FINE, low * FINE)
        case ClaimKind.UPPER:
            metres = (min(SHORTEST, high / NEAR), high)
        case ClaimKind.LOWER:
            metres = (low, max(LONGEST, low * NEAR))
        case _:
            metres = CLASSES.get(kind)
    return Meant(log(metres[0]), log(metres[1]), (kind,)) if metres else None


def _mean(found: Sequence[Meant]) -> Meant:
    """Several best distances, as on turf and on dirt: their mean."""
    low, high = (sum(getattr(its, end) for its in found) / len(found) for end in ("low", "high"))
    return Meant(low, high, tuple(kind for its in found for kind in its.kinds))


@dataclass(frozen=True, slots=True)
class Comment:
    """What the remark beside a photo says; of a horse, the mean of its remarks."""

    name: str = "comment"
    words: str = "The distance that the expert's remark beside the photo names; of a horse, the mean of its remarks."
    unit: str = "logarithm of metres, as an expert sees it"
    shrunk: bool = True

    @property
    def scales(self) -> Mapping[str, Scale]:
        """Distance alone."""
        return {Axis.DISTANCE: DISTANCE}

    @property
    def settings(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def observe(self, connection: Connection, axis: str, subjects: Subjects) -> Iterator[Observed | Absent]:
        """What remarks say of each subject, in the order of the keys."""
        assert axis == Axis.DISTANCE
        with connection.cursor("remarks") as cursor:
            cursor.itersize = FETCHED
            rows = cursor.execute(REMARKS.format(subjects=subjects.query))
            for _, its in groupby(rows, key=lambda row: row["key"]):
                yield self.judge(list(its))

    def judge(self, rows: Sequence[Mapping[str, Any]]) -> Observed | Absent:
        """What remarks say of one subject. Pure."""
        first = rows[0]
        remarks = [(row["issue_date"], its, row["photo_id"]) for row in rows if (its := meant_by(row["claims"] or ()))]
        if first["dated"] is None:
            chosen = [(its, photo) for _, its, photo in remarks]
        else:  # a photo has the remark that was written beside it, and no other
            own = meant_by(first["own"] or ())
            chosen = [(own, first["key"])] if own else []
        if not chosen:
            return Absent(first["key"], _why_none(first, of_photo=first["dated"] is not None))
        count = len(chosen)
        return Observed(
            key=first["key"],
            horse_id=first["horse_id"],
            value=sum(its.value for its, _ in chosen) / count,
            n=count,
            evidence={
                "kinds": sorted({kind for its, _ in chosen for kind in its.kinds}),
                "photos": [p for _, p in chosen],
            },
            variance=sum(its.variance for its, _ in chosen) / count**2,
            pair=_pair([(dated, its) for dated, its, _ in remarks]),
        )


def _why_none(row: Mapping[str, Any], *, of_photo: bool) -> WhyNone:
    if of_photo and row["comment"] is None:
        return WhyNone.NO_REMARK
    return WhyNone.NOT_READ if of_photo and row["distance_said"] is None else WhyNone.NOTHING_SAID


def _pair(remarks: Sequence[tuple[date, Meant]]) -> tuple[float, float] | None:
    """The values of the first two remarks that are near in time."""
    for (before, one), (after, other) in combinations(remarks, 2):
        if after - before <= PAIR:
            return one.value, other.value
    return None
