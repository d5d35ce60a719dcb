"""Where things lie in a picture: plain numbers for the templates, which draw them as SVG. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.web.horse.facts import Opinion

WIDTH, HEIGHT, EDGE = 320, 72, 6  # of a history, in units of its picture


@dataclass(frozen=True, slots=True)
class Dot:
    """A time at which opinion changed."""

    x: float
    y: float
    value: float
    reviews: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """How opinion of a horse moved on one axis: it holds until the next change, hence steps."""

    now: Opinion
    dots: list[Dot]
    paths: list[str]  # SVG path data, one for each stretch without a gap
    first: datetime
    last: datetime  # until when it is known to hold


def history(opinions: Sequence[Opinion], until: datetime) -> History:
    """The picture of one axis, from the first opinion on until a moment that is not before the last one.

    The value 0 lies at the bottom, 1 at the top. While nobody had reviewed the horse there is a gap.
    """
    first = opinions[0].at
    span = max((until - first).total_seconds(), 1.0)

    def across(at: datetime) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (at - first).total_seconds() / span, 1)

    dots: list[Dot] = []
    paths: list[str] = []
    open_path = ""
    for opinion, end in zip(opinions, [*(one.at for one in opinions[1:]), until], strict=True):
        if opinion.value is None:
            open_path = ""
            continue
        x, y = across(opinion.at), up(opinion.value)
        dots.append(Dot(x, y, opinion.value, opinion.reviews, opinion.at))
        step = f"{'L' if open_path else 'M'}{x:g} {y:g}H{across(end):g}"
        if open_path:
            paths[-1] += step
        else:
            paths.append(step)
        open_path = paths[-1]
    return History(opinions[-1], dots, paths, first, until)


def up(value: float) -> float:
    """How far down a value lies, from 0 at the bottom to 1 at the top."""
    return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * value, 1)
