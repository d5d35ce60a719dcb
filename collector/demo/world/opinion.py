"""The reviewers' opinion of a horse in the look-alike world, and its changes from month to month. Pure.

Every review moves the bars a little, the first ones more than the later ones. Horses get reviews while they race, and
rarely afterwards. On distance, the opinion varies around the horse's true aptitude, which its body shows, too.
"""

import hashlib
from datetime import date
from random import Random

from collector.demo.world.horses import BARS, NEUTRAL, Horse

Bars = tuple[int, int]  # px of the left and the right bar
Graph = tuple[Bars, Bars, Bars, Bars, Bars]  # surface, distance, running style, maturity, wet going

FINE_BARS = 194  # px of both bars of the table among the reviews
FIRST_AGE, LAST_AGE = 2, 8  # years in which it races
WHILE_RACING, RETIRED = 0.12, 0.01  # chance of a review in a month
UNDISPUTED = 0.045  # the share of the other axes on which all reviewers choose the same extreme
STRAYING = 9  # px by which a first review differs
LATE_FAME = 12  # years: the age at which one in eight horses without reviews gets its first review


def is_retired(horse: Horse, month: date) -> bool:
    """Whether it no longer races."""
    return month.year - horse.born > LAST_AGE


def reviews(horse: Horse, month: date) -> int:
    """The number of reviews at the end of a month."""
    born = _months(date(horse.born, 1, 1))
    first = born + 12 * FIRST_AGE
    if not horse.reviewed:
        if _chance(horse, "late") >= 1 / 8:
            return 0
        first = born + 12 * LATE_FAME + int(12 * _chance(horse, "when"))
    last = _months(month)
    if last < first:
        return 0
    return 1 + sum(_is_reviewed(horse, number, number - born) for number in range(first + 1, last + 1))


def graph(horse: Horse, month: date) -> Graph:
    """The five pairs of bars as shown in a month; neutral on every axis before the first review."""
    count = reviews(horse, month)
    if count == 0:
        neutral = (NEUTRAL, NEUTRAL)
        return (neutral, neutral, neutral, neutral, neutral)
    distance = _true_distance(horse)
    others = (_true_other(horse, axis) for axis in ("surface", "style", "maturity", "wet"))
    surface, style, maturity, wet = (_shown(horse, axis, true, count) for axis, true in enumerate(others, 1))
    return (surface, _shown(horse, 0, distance, count), style, maturity, wet)


def fine_bars(bars: Bars) -> Bars:
    """The same opinion in the finer table among the reviews."""
    return _drawn(round(_whole(*bars) * FINE_BARS / BARS), FINE_BARS)


def _months(day: date) -> int:
    return 12 * day.year + day.month - 1


def _chance(horse: Horse, words: object) -> float:
    """A pseudorandom number in [0, 1) for a horse; much cheaper than a generator."""
    digest = hashlib.blake2b(f"{horse.number}:{horse.pedigree[0]}:{words}".encode(), digest_size=8)
    return int.from_bytes(digest.digest()) / 2**64


def _is_reviewed(horse: Horse, month: int, months_old: int) -> bool:
    return _chance(horse, month) < (WHILE_RACING if months_old < 12 * (LAST_AGE + 1) else RETIRED)


def _true_distance(horse: Horse) -> int:
    """Px of the bar for long distances; 0 or 116 where all reviewers agree."""
    if not horse.reviewed:
        return round(horse.barrel * BARS)
    return _whole(horse.short_width, horse.long_width)


def _whole(left: int, right: int) -> int:
    return 0 if left == BARS else BARS if right == BARS else right


def _true_other(horse: Horse, axis: str) -> int:
    random = Random(f"{horse.number}:{horse.pedigree[0]}:{axis}")
    if random.random() < UNDISPUTED:
        return random.choice((0, BARS))
    return round(BARS * random.betavariate(1.4, 1.4))


def _shown(horse: Horse, axis: int, true: int, count: int) -> Bars:
    if true in (0, BARS):
        return _drawn(true, BARS)
    straying = Random(f"{horse.number}:{horse.pedigree[0]}:{axis}:{count}").gauss(0, STRAYING / count)
    return _drawn(min(BARS - 1, max(1, true + round(straying))), BARS)


def _drawn(right: int, total: int) -> Bars:
    """An empty side is drawn one pixel wide, and the other in full."""
    return max(1, total - right), max(1, right)
