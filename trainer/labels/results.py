"""Labels from a horse's own results: the distance that it runs, and the surface and the going that suit it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from collector.storage.racing import Axis, Going
from trainer.labels.definition import Absent, Connection, Observed, Spread, Subjects
from trainer.labels.label import WhyNone
from trainer.labels.scales import Scale
from trainer.labels.starts import Market, Raced, Start, read_market, read_starts

PLACED = 3  # the first three places
HARDLY = 0.5  # added to counts, so that the logarithm of odds is finite (Haldane 1956)
WET = {Going.YIELDING, Going.SOFT, Going.MUDDY, Going.SLOPPY}  # 重 and 不良
FIRM = {Going.FIRM, Going.STANDARD}  # 良
# So that 0.2, 0.4 and 0.6 mean the same as in the poll: of 1,320 horses of the JRA with both labels, as many are under
# 1,402, 1,675 and 2,039 m as are under these values in the poll.
METRES = ((1000, 0.0), (1400, 0.2), (1700, 0.4), (2000, 0.6), (3200, 1.0))
EDGE = log(99)  # log-odds that stand for the ends of the surface scale: 99 placings to one
DISTANCE = Scale("short", "long", tuple((log(metres), label) for metres, label in METRES), metres=True)
SURFACE = Scale("turf", "dirt", ((-EDGE, 0.0), (EDGE, 1.0)))
WET_GOING = Scale("better when wet", "worse when wet", ((-1.0, 0.0), (1.0, 1.0)))


@dataclass(frozen=True, slots=True)
class Seen:
    """What some starts say on one axis."""

    value: float
    n: int
    spread: Spread | None = None
    variance: float | None = None


def distance(starts: Sequence[Start], _market: Market) -> Seen | None:
    """The mean of the logarithms of the distances, in metres."""
    logs = [log(start.distance) for start in starts]
    if not logs:
        return None
    mean = sum(logs) / len(logs)
    squares = sum((each - mean) ** 2 for each in logs)
    return Seen(mean, len(logs), Spread(len(logs), squares, len(logs) - 1))


def surface(starts: Sequence[Start], _market: Market) -> Seen | None:
    """The log-odds that a place among the first three was on dirt rather than on turf.

    A difference of the rates of success on both would be nearer to the question, but it can hardly be measured: of
    7,281 horses with four starts on each, two halves of their starts agree by 0.09, and by 0.93 in where they placed.
    """
    placed = [start.surface for start in starts if _is_placed(start)]
    if not placed:
        return None
    dirt, turf = (placed.count(ground) + HARDLY for ground in ("dirt", "turf"))
    return Seen(log(dirt / turf), len(placed), variance=1 / dirt + 1 / turf)  # Woolf 1955


def wet_going(starts: Sequence[Start], market: Market) -> Seen | None:
    """How much worse it finishes on wet than on firm going, as a share of the field, beyond what the odds expect."""
    missed = [(start.going, market.residual(start)) for start in starts]
    wet = [residual for going, residual in missed if residual is not None and going in WET]
    firm = [residual for going, residual in missed if residual is not None and going in FIRM]
    if not wet or not firm:
        return None
    means = [sum(its) / len(its) for its in (wet, firm)]
    squares = sum((each - mean) ** 2 for its, mean in zip((wet, firm), means, strict=True) for each in its)
    pieces = 1 / (1 / len(wet) + 1 / len(firm))
    return Seen(means[0] - means[1], len(wet), Spread(pieces, squares, len(wet) + len(firm) - 2))


MEASURES: dict[str, Callable[[Sequence[Start], Market], Seen | None]] = {
    Axis.DISTANCE: distance, Axis.SURFACE: surface, Axis.WET_GOING: wet_going,
}  # fmt: skip
NEEDED: dict[str, WhyNone] = {
    Axis.SURFACE: WhyNone.NO_PLACE,
    Axis.WET_GOING: WhyNone.NO_CONTRAST,
}  # why starts alone give no label
ALL_AXES: Mapping[str, Scale] = {Axis.DISTANCE: DISTANCE, Axis.SURFACE: SURFACE, Axis.WET_GOING: WET_GOING}


@dataclass(frozen=True, slots=True)
class Results:
    """A label from a horse's flat starts. The race that the photo was taken for is always left out."""

    name: str
    words: str
    scales: Mapping[str, Scale]
    choose: Callable[[Raced], Sequence[Start]]
    why_none: WhyNone = WhyNone.NO_START
    unit: str = "logarithm of metres; log-odds; share of the field"
    shrunk: bool = True

    @property
    def settings(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def observe(self, connection: Connection, axis: str, subjects: Subjects) -> Iterator[Observed | Absent]:
        """What the results say of each subject, in the order of the keys."""
        market = read_market(connection) if axis == Axis.WET_GOING else Market(0.0, 0.5)
        for raced in read_starts(connection, subjects):
            yield self.judge(raced, axis, market)

    def judge(self, raced: Raced, axis: str, market: Market) -> Observed | Absent:
        """What the results say of one subject. Pure."""
        starts = self.choose(raced)
        seen = MEASURES[axis](starts, market)
        if seen is None:
            return Absent(raced.key, NEEDED[axis] if starts else self.why_none)
        halves = [MEASURES[axis](starts[first::2], market) for first in (0, 1)]
        return Observed(
            key=raced.key,
            horse_id=raced.horse_id,
            value=seen.value,
            n=seen.n,
            evidence=_evidence(raced, starts),
            variance=seen.variance,
            spread=seen.spread,
            halves=(halves[0].value, halves[1].value) if halves[0] and halves[1] else None,
        )


def _evidence(raced: Raced, starts: Sequence[Start]) -> dict[str, Any]:
    days = {"first": starts[0].race_date.isoformat(), "last": starts[-1].race_date.isoformat()}
    return {"starts": len(starts), **days, "without": raced.race_id}


def _all(raced: Raced) -> Sequence[Start]:
    return raced.starts


def _placed(raced: Raced) -> Sequence[Start]:
    return [start for start in raced.starts if _is_placed(start)]


def _is_placed(start: Start) -> bool:
    return start.position is not None and start.position <= PLACED


RESULTS = Results("results", "The distances and the places of all its starts on the flat.", ALL_AXES, _all)
RESULTS_PLACED = Results(
    "results-placed",
    "The distances of its first three places on the flat.",
    {Axis.DISTANCE: DISTANCE},
    _placed,
    WhyNone.NO_PLACE,
)
RESULTS_AFTER = Results(
    "results-after",
    "The same as results, from the races after the one that the photo was taken for: it differs from photo to photo.",
    ALL_AXES,
    Raced.later,
    WhyNone.NO_LATER_START,
)
