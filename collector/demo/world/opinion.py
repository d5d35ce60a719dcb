"""The reviewers' opinion of a horse in the look-alike world, and its changes from month to month. Pure.

Each review is one person's opinion. It is near to what the public believes, and the public believes what is true with
an error of its own; of the distance, it believes half of what is true and half of what the trainer makes of the horse.
The bars show the mean of the reviews, on a scale on which opinions are spread as the real ones are. Horses get reviews
while they race, and rarely afterwards.
"""

import hashlib
import math
from bisect import bisect_right
from datetime import date
from random import Random
from statistics import NormalDist

from collector.demo.world.horses import NEUTRAL, Horse
from collector.demo.world.nature import LEANING_TO_TURF, SPREAD_OF_DISTANCE, TRAINERS_ERROR, standardised

Bars = tuple[int, int]  # px of the left and the right bar
Graph = tuple[Bars, Bars, Bars, Bars, Bars]  # surface, distance, running style, maturity, wet going

BARS = 116  # px of both bars together; one pixel more where one side is empty
FINE_BARS = 194  # px of both bars of the table among the reviews
FIRST_AGE, LAST_AGE = 2, 8  # years in which it races
WHILE_RACING, RETIRED = 0.1, 0.01  # chance of a review in a month, for a horse of mean ability
FAME = 0.7  # the logarithm of the factor by which one standard deviation of ability makes reviews more frequent
LATE_FAME = 12  # years: the age at which one in eight horses without reviews gets its first review

SEES_CAMPAIGN = 0.5  # how much of a campaign that is not at the best distance the public takes for the best distance
PUBLIC_ERROR = 0.33  # the standard deviation of what the public believes from what is true, however many reviews
REVIEW_NOISE = 1.1  # the standard deviation of one review from what the public believes
UNDISPUTED = 2.0  # standard deviations beyond which all reviewers choose the same extreme, on other axes than distance
EVENNESS = 0.8  # of the other axes' scale; below 1, opinions in the middle are more frequent

# Shares of the reviewed horses, and the parts of the scale of distance in which opinions on them are.
GROUPS = ((0.275, 0.0, 0.2), (0.23, 0.2, 0.4), (0.35, 0.4, 0.6), (0.145, 0.6, 1.0))
ALL_SPRINT = 0.18  # the share of the first group on which all reviewers agree
NORMAL = NormalDist()


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
    nature = horse.nature
    surface, style, maturity, wet = (
        _drawn(round(BARS * _on_scale(_mean_review(horse, axis, trait, 1.0, count))), BARS)
        for axis, trait in (
            ("surface", nature.surface + LEANING_TO_TURF),
            ("style", nature.style),
            ("maturity", nature.maturity),
            ("wet", -nature.wet),  # its right side is for those that do not like it
        )
    )
    return (surface, _distance(horse, count), style, maturity, wet)


def public_scale(standardised: float) -> float:
    """The value on the scale of distance, 0 sprinter .. 1 stayer, for a standardised opinion."""
    share = NORMAL.cdf(standardised)
    group = min(bisect_right(BOUNDS, share), len(GROUPS) - 1)
    part, low, high = GROUPS[group]
    inside = min(1.0, (share - (BOUNDS[group - 1] if group else 0.0)) / part)
    if group == 0:
        inside = max(0.0, (inside - ALL_SPRINT) / (1 - ALL_SPRINT))
    return low + inside * (high - low)


BOUNDS = [sum(share for share, _, _ in GROUPS[: index + 1]) for index in range(len(GROUPS))]


def fine_bars(bars: Bars) -> Bars:
    """The same opinion in the finer table among the reviews."""
    return _drawn(round(_whole(*bars) * FINE_BARS / BARS), FINE_BARS)


def _months(day: date) -> int:
    return 12 * day.year + day.month - 1


def _chance(horse: Horse, words: object) -> float:
    """A pseudorandom number in [0, 1) for a horse; much cheaper than a generator."""
    digest = hashlib.blake2b(f"{_salt(horse)}:{words}".encode(), digest_size=8)
    return int.from_bytes(digest.digest()) / 2**64


def _salt(horse: Horse) -> str:
    """What differs from horse to horse and from world to world."""
    return f"{horse.number}:{horse.nature.distance}"


def _is_reviewed(horse: Horse, month: int, months_old: int) -> bool:
    often = WHILE_RACING if months_old < 12 * (LAST_AGE + 1) else RETIRED
    return _chance(horse, month) < often * math.exp(FAME * horse.nature.ability)


def _distance(horse: Horse, count: int) -> Bars:
    best, campaign = standardised(horse.nature.distance), standardised(horse.nature.campaign)
    believed = best + SEES_CAMPAIGN * (campaign - best)
    spread = math.hypot(1.0, SEES_CAMPAIGN * TRAINERS_ERROR / SPREAD_OF_DISTANCE)
    return _drawn(round(BARS * public_scale(_mean_review(horse, "distance", believed, spread, count))), BARS)


def _mean_review(horse: Horse, axis: str, trait: float, spread: float, count: int) -> float:
    """The mean of the first `count` reviews, standardised: with few reviews, it is as widely spread among horses."""
    random = Random(f"{_salt(horse)}:{axis}")
    believed = trait + random.gauss(0, PUBLIC_ERROR)
    mean = believed + sum(random.gauss(0, REVIEW_NOISE) for _ in range(count)) / count
    return mean / math.hypot(spread, PUBLIC_ERROR, REVIEW_NOISE / math.sqrt(count))


def _on_scale(standardised: float) -> float:
    if abs(standardised) > UNDISPUTED:
        return float(standardised > 0)
    return NORMAL.cdf(EVENNESS * standardised)


def _whole(left: int, right: int) -> int:
    return 0 if left == BARS else BARS if right == BARS else right


def _drawn(right: int, total: int) -> Bars:
    """An empty side is drawn one pixel wide, and the other in full."""
    return max(1, total - right), max(1, right)
