"""How well the horses of the look-alike world run, and what bettors expect of them. Pure.

A performance is a sum, in standard deviations of the luck of a race day: ability, the fit to distance, surface and
going, the age, and luck. The order of performances is the order at the finish line. Bettors see all of it but the
luck, half of the liking of wet going, and with an error.
"""

import math
from collections.abc import Sequence
from random import Random

from collector.demo.world.courses import DIRT, Ground
from collector.demo.world.nature import Nature

LUCK = 1.0  # the standard deviation of a race day, which is the unit
ABILITY = 0.8  # what one standard deviation of ability adds
LOSS_AT_20_PERCENT = 0.8  # what a race that is 20 % too long or too short costs; twice as far off, four times as much
SURFACE_GAIN = 0.35  # what one standard deviation of preference adds on the surface preferred, and costs on the other
WET_GAIN = {"良": 0.0, "稍重": 0.2, "重": 0.5, "不良": 0.5}  # what one standard deviation of liking wet going adds
MATURITY_GAIN = 0.15  # what one standard deviation adds in each year after the age of PEAK, and costs before
PEAK = 4  # years
BETTORS_KNOW_WET = 0.5  # the part of the liking of wet going that is in the odds
BETTORS_ERROR = 0.4  # the standard deviation of what bettors expect from what is to be expected
TAKE = 0.2  # the share of the bets that is not paid out
SHARPNESS = 1.28  # from a performance to the logarithm of a chance to win: the spread of a Gumbel distribution
LOWEST_ODDS, HIGHEST_ODDS = 1.1, 999.9


def expected(nature: Nature, ground: Ground, age: int) -> float:
    """The performance to be expected on firm going."""
    value = ABILITY * nature.ability + MATURITY_GAIN * nature.maturity * (age - PEAK)
    if not ground.flat:
        return value
    away = (ground.log_distance - nature.distance) / math.log(1.2)
    preferred = nature.surface if ground.surface == DIRT else -nature.surface
    return value - LOSS_AT_20_PERCENT * away * away + SURFACE_GAIN * preferred


def performance(random: Random, nature: Nature, ground: Ground, going: str, age: int) -> float:
    """The performance on a race day."""
    return expected(nature, ground, age) + WET_GAIN[going] * nature.wet + random.gauss(0, LUCK)


def odds(random: Random, natures: Sequence[Nature], ground: Ground, going: str, ages: Sequence[int]) -> list[float]:
    """What a bet on each horse would pay if it won."""
    wet = BETTORS_KNOW_WET * WET_GAIN[going]
    chances = [
        math.exp(SHARPNESS * (expected(nature, ground, age) + wet * nature.wet + random.gauss(0, BETTORS_ERROR)))
        for nature, age in zip(natures, ages, strict=True)
    ]
    pool = (1 - TAKE) * sum(chances)
    return [round(min(HIGHEST_ODDS, max(LOWEST_ODDS, pool / chance)), 1) for chance in chances]
