"""From the unit of a label definition to a label of 0..1, and what the ends are called. Pure, and quick to import."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from collector.storage.racing import Axis


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


# The five axes of a horse's page.
ENDS: dict[str, Scale] = {
    Axis.SURFACE: Scale("turf", "dirt"), Axis.DISTANCE: Scale("short", "long"),
    Axis.RUNNING_STYLE: Scale("from the front", "from behind"), Axis.MATURITY: Scale("early", "late"),
    Axis.WET_GOING: Scale("better when wet", "worse when wet"),
}  # fmt: skip
