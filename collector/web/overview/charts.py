"""Where bars and lines lie in a chart: across in percent of its width, down in px, so text keeps its size. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

FULL = 100.0  # percent
HEADROOM = 4  # px above the topmost line
MOST_LINES = 4  # above the ground line
SHARE_OF_SLOT, WIDEST = 0.8, 9.0  # of a column: of its slot, and in percent of the picture
LEAST = 1.0  # percent that the smallest part is drawn with, so that it is seen
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, slots=True)
class Rect:
    """A piece of a chart."""

    x: float  # percent
    y: float  # px
    width: float  # percent
    height: float  # px

    @property
    def middle(self) -> float:
        """Its middle across, in percent."""
        return round(self.x + self.width / 2, 3)


@dataclass(frozen=True, slots=True)
class Line:
    """A line across a chart, and the number that it stands for."""

    y: float  # px
    value: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Upright columns, each of pieces that stand on each other, the first at the bottom."""

    height: int  # px
    lines: list[Line]
    stacks: list[list[Rect]]


def columns(counts: Sequence[Sequence[int]], height: int, *, gap: bool = True) -> Columns:
    """A column for each entry, of as many pieces as it has numbers; without a gap they touch, as a histogram's do."""
    marks = ticks(max(map(sum, counts), default=0))
    scale = (height - HEADROOM) / marks[-1]
    slot = FULL / max(len(counts), 1)
    width = min(slot * SHARE_OF_SLOT, WIDEST) if gap else slot
    stacks: list[list[Rect]] = []
    for index, pieces in enumerate(counts):
        stack: list[Rect] = []
        below = 0
        for number in pieces:
            top = height - scale * (below + number)
            x = index * slot + (slot - width) / 2
            stack.append(Rect(round(x, 3), round(top, 2), round(width, 3), round(scale * number, 2)))
            below += number
        stacks.append(stack)
    return Columns(height, [Line(round(height - scale * mark, 2), mark) for mark in marks], stacks)


def ticks(most: int) -> list[int]:
    """Round numbers from 0 on in equal steps, of which the last is not below the largest number."""
    step, factors = 1, (2, 2.5, 2)  # 1, 2, 5, 10, 20, ...
    index = 0
    while step * MOST_LINES < most:
        step = round(step * factors[index % len(factors)])
        index += 1
    return [step * count for count in range(max(1, -(-most // step)) + 1)]


def parts(counts: Mapping[Name, int]) -> dict[Name, Rect]:
    """A bar across the whole picture, cut by numbers; each that is not 0 is wide enough to be seen."""
    shown = {name: number for name, number in counts.items() if number > 0}
    total, spare = sum(shown.values()), FULL - LEAST * len(shown)
    found: dict[Name, Rect] = {}
    x = 0.0
    for name, number in shown.items():
        width = LEAST + spare * number / total
        found[name] = Rect(round(x, 3), 0, round(min(width, FULL - x), 3), 0)
        x += width
    return found
