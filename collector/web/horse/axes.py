"""What is thought of a horse, axis by axis: the poll and every other definition of a label beside each other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from collector.storage.racing import Axis
from collector.web.horse.facts import Opinion, Row
from collector.web.horse.plots import History, history

POLL = "poll"
SURE = 1.96  # standard deviations to either side: 95 of 100 values lie within, were they normal


@dataclass(frozen=True, slots=True)
class Mark:
    """What one definition says on one axis, from 0 at the left end to 1 at the right one."""

    definition: str
    value: float
    low: float | None  # of the interval that has the true value 95 times of 100; None: not known
    high: float | None
    n: int | None  # reviews, starts or remarks behind it
    metres: float | None
    reliability: float | None


@dataclass(frozen=True, slots=True)
class Opined:
    """An axis."""

    axis: str
    marks: list[Mark]
    history: History | None  # of the poll; None: it was observed less than twice


def opined(opinions: Mapping[Axis, Sequence[Opinion]], labels: Sequence[Row], now: datetime) -> list[Opined]:
    """Every axis of which something is known, those of the poll first."""
    marks: dict[str, list[Mark]] = {}
    by_name = {str(axis): known for axis, known in opinions.items()}
    for axis, known in by_name.items():
        latest = known[-1]
        marks[axis] = [_of_poll(latest)] if latest.value is not None else []
    for label in labels:
        marks.setdefault(label["axis"], []).append(_of_label(label))
    return [Opined(axis, found, _moved(by_name.get(axis, ()), now)) for axis, found in marks.items()]


def _of_poll(opinion: Opinion) -> Mark:
    assert opinion.value is not None
    return Mark(POLL, opinion.value, None, None, opinion.reviews, None, None)


def _of_label(label: Row) -> Mark:
    value, variance = label["value"], label["variance"]
    reach = SURE * sqrt(variance) if variance is not None else None
    low, high = (None, None) if reach is None else (max(0.0, value - reach), min(1.0, value + reach))
    return Mark(label["definition"], value, low, high, label["n"], label["metres"], label["reliability"])


def _moved(opinions: Sequence[Opinion], now: datetime) -> History | None:
    found = history(opinions, now) if opinions else None
    return found if found and len(found.dots) > 1 else None
