"""The starts of horses on the flat, as results state them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from math import log
from typing import Any, LiteralString

from trainer.labels.definition import Connection, Subjects

FETCHED = 5_000  # rows a round trip
# An issue bears the date of the Monday, or Tuesday, after its races. Where the race of a photo is not known, it is left
# out with everything near it: from some days before that date to some days after it.
DAYS_BEFORE, DAYS_AFTER = timedelta(days=3), timedelta(days=10)

# A jump race says little of a horse on the flat, and a horse that did not leave the gate did not start.
FLAT_STARTS: LiteralString = """
SELECT entry.horse_id, entry.race_id, entry.runner, race.race_date, race.distance, race.surface, race.going,
    entry.finish_position AS position, entry.odds, field.starters
FROM entry JOIN race USING (race_id)
JOIN (SELECT race_id, count(*)::int AS starters FROM entry WHERE finish NOT IN ('scratched', 'excluded')
    GROUP BY race_id) field USING (race_id)
WHERE race.surface IN ('turf', 'dirt') AND entry.finish IN ('finished', 'demoted', 'disqualified', 'did_not_finish')
    AND entry.horse_id IS NOT NULL
"""
BY_SUBJECT: LiteralString = """
WITH subject AS ({subjects}), start AS ({starts})
SELECT subject.key, subject.horse_id, subject.race_id AS taken_for, subject.dated, start.race_id, start.race_date,
    start.distance, start.surface, start.going, start.position, start.odds, start.starters
FROM subject LEFT JOIN start USING (horse_id)
ORDER BY subject.key, start.race_date, start.race_id
"""
# The place that the market expects, as a share of the field, is a straight line over the logarithm of the odds.
MARKET: LiteralString = """
SELECT regr_slope(share, ln(odds) ORDER BY race_id, runner) AS slope,
    regr_intercept(share, ln(odds) ORDER BY race_id, runner) AS level
FROM (SELECT race_id, runner, odds, (position - 1)::float8 / (starters - 1) AS share FROM ({starts}) start
    WHERE starters > 1 AND position IS NOT NULL AND odds > 0) placed
"""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a horse on the flat."""

    race_id: str
    race_date: date
    distance: int  # m
    surface: str  # turf or dirt
    going: str | None  # Going
    position: int | None  # None: it did not finish
    starters: int
    odds: float | None


@dataclass(frozen=True, slots=True)
class Raced:
    """A photo or a horse with its starts in order of time; the race that the photo was taken for is left out."""

    key: str
    horse_id: str
    race_id: str | None  # that was left out
    after: date | None  # the starts that count as later are after this day; None: not a photo
    starts: tuple[Start, ...]

    def later(self) -> tuple[Start, ...]:
        """The starts after the race that the photo was taken for."""
        return () if self.after is None else tuple(start for start in self.starts if start.race_date > self.after)


@dataclass(frozen=True, slots=True)
class Market:
    """What odds say of the place: share of the field = level + slope x ln(odds)."""

    slope: float
    level: float

    def residual(self, start: Start) -> float | None:
        """How much worse than expected a horse finished, as a share of the field; None: not known."""
        if start.position is None or not start.odds or start.starters < 2:
            return None
        share = (start.position - 1) / (start.starters - 1)
        return share - self.level - self.slope * log(start.odds)


def read_market(connection: Connection) -> Market:
    """The market of all flat starts that are held."""
    row = connection.execute(MARKET.format(starts=FLAT_STARTS)).fetchone() or {}
    return Market(row.get("slope") or 0.0, row.get("level") or 0.5)


def read_starts(connection: Connection, subjects: Subjects) -> Iterator[Raced]:
    """Each subject with its starts, in the order of the keys."""
    query = BY_SUBJECT.format(subjects=subjects.query, starts=FLAT_STARTS)
    with connection.cursor("starts") as cursor:
        cursor.itersize = FETCHED
        for _, rows in groupby(cursor.execute(query), key=lambda row: row["key"]):
            yield gather(list(rows))


def gather(rows: Sequence[dict[str, Any]]) -> Raced:
    """The starts of one subject, without the race that its photo was taken for. Pure."""
    first = rows[0]
    after = first["dated"] + DAYS_AFTER if first["dated"] else None
    starts = [_start(row) for row in rows if row["race_id"] and not _taken_for(row, after)]
    return Raced(first["key"], first["horse_id"], first["taken_for"], after, tuple(starts))


def _taken_for(row: dict[str, Any], after: date | None) -> bool:
    """Whether a start is the one that a photo was taken for."""
    if row["taken_for"] is not None or after is None:
        return row["race_id"] == row["taken_for"]
    return row["dated"] - DAYS_BEFORE <= row["race_date"] <= after


def _start(row: dict[str, Any]) -> Start:
    return Start(**{name: row[name] for name in Start.__dataclass_fields__})
