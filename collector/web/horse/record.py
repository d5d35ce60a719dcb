"""A horse's starts on an axis of distance, year by year. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.web.horse.facts import Row

STEP = 200  # m: the axis begins and ends at a whole one
LEFT, RIGHT = 14, 96  # per cent of the width, between which dots stand: years are written before
LANE, DOT = 26.0, 13.0  # px: the height of a year, and of a row of dots within it
PLACES = 3  # that are marked


@dataclass(frozen=True, slots=True)
class Start:
    """A start as a dot."""

    entry: Row
    x: float  # per cent of the width
    y: float  # px from the top
    placed: int | None  # 1 to 3; None: behind, or without a place


@dataclass(frozen=True, slots=True)
class Record:
    """All of them."""

    starts: list[Start]
    years: list[tuple[int, float]]  # each with the middle of its row, px
    ticks: list[tuple[int, float]]  # metres, each with its place in per cent
    height: float  # px


def record(entries: Sequence[Row]) -> Record | None:
    """The picture of a horse's starts; None where the distance of none is known. The newest year is at the top."""
    known = [entry for entry in entries if entry["distance"]]
    if not known:
        return None
    low = min(entry["distance"] for entry in known) // STEP * STEP
    high = max(-(-max(entry["distance"] for entry in known) // STEP) * STEP, low + STEP)

    def across(metres: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (metres - low) / (high - low), 2)

    starts: list[Start] = []
    years: list[tuple[int, float]] = []
    top = 0.0
    for year in sorted({entry["race_date"].year for entry in known}, reverse=True):
        rows: dict[int, int] = {}  # how many dots stand at a distance
        for entry in (entry for entry in known if entry["race_date"].year == year):
            row = rows[entry["distance"]] = rows.get(entry["distance"], 0) + 1
            place = entry["finish_position"]
            starts.append(
                Start(entry, across(entry["distance"]), top + DOT * row, place if place and place <= PLACES else None)
            )
        height = max(LANE, DOT * (max(rows.values()) + 1))
        years.append((year, top + height / 2))
        top += height
    wide = STEP * -(-(high - low) // (STEP * 6))  # at most seven ticks
    return Record(starts, years, [(metres, across(metres)) for metres in range(low, high + 1, wide)], top)
