"""What a horse of the look-alike world truly is, which no page prints. Everything else follows from it with noise.

The order of causes; the noises are the constants below and in the modules named:

    sire, dam -> best distance -> build -> photo (drawing.py, figure.py), and weakly the body weight
                                  build -> what experts write beside the photo (remarks.py)
                 best distance -> campaign -> races (entering.py) -> finish and odds, with the fit (form.py)
                 best distance, campaign -> the reviewers' opinion (opinion.py)
    surface, wet going, style, maturity -> races or finish or bends, and the reviewers' opinion

Nothing leads from the build to races or opinion: a photo shows of them what it shows of the best distance. Units: log
metres for distances; the other traits are standardised, so that one is a standard deviation among horses.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from collector.demo.world.sires import HERITABILITY, sires_of

MEAN_DISTANCE = math.log(1650)  # log m: the mean of horses' best distances
SPREAD_OF_DISTANCE = 0.23  # log m: their standard deviation; 1,040 m and 2,610 m are two of them away
TRAINERS_ERROR = 0.07  # log m: the standard deviation of a campaign from the best distance, for a whole career
ENTRY_NOISE = 0.12  # log m: the standard deviation of the races of one horse from its campaign; 12 % of the distance
BUILD_OF_DISTANCE = 0.95  # the correlation of body length for height with the best distance
MEAN_BARREL, SPREAD_OF_BARREL = 0.4, 0.25  # of the scale from the shortest to the longest body
LEANING_TO_TURF = 0.43  # the mean preference, so that a third of the horses prefers dirt, as a third of races is on it
MEAN_WEIGHT, SPREAD_OF_WEIGHT = 474.0, 24.0  # kg
WEIGHT_OF_BUILD = 4.0  # kg: what one standard deviation of build adds; so weight hardly shows the distance
LIGHTER_MARES = 18.0  # kg
LEAST_SOUND = 0.4  # how often the least sound horse can be entered, beside the soundest


@dataclass(frozen=True, slots=True)
class Nature:
    """The true traits of a horse."""

    distance: float  # log m: the distance at which it runs best
    campaign: float  # log m: the distance around which its trainer enters it
    build: float  # body length for height; above 0 is longer than the mean
    surface: float  # above 0 prefers dirt, below 0 turf
    wet: float  # above 0 likes wet going
    style: float  # below 0 runs in front, above 0 comes from behind
    maturity: float  # above 0 is better late, below 0 early
    ability: float
    soundness: float  # LEAST_SOUND .. 1
    weight: float  # kg

    @property
    def barrel(self) -> float:
        """The build on the scale of drawings: 0 short body .. 1 long body."""
        return min(1.0, max(0.0, MEAN_BARREL + SPREAD_OF_BARREL * self.build))


def standardised(distance: float) -> float:
    """A distance in log metres, in standard deviations from the mean of horses."""
    return (distance - MEAN_DISTANCE) / SPREAD_OF_DISTANCE


def make_nature(random_seed: int, number: int, sex: str, sire: str, dam: str, damsire: str) -> Nature:
    """The nature of a horse; the same arguments give the same nature."""
    random = Random(f"{random_seed}:nature:{number}")
    inherited = 0.5 * sires_of(random_seed).values[sire] + 0.5 * _of_dam(random_seed, dam, damsire)
    best = inherited + random.gauss(0, math.sqrt(1 - HERITABILITY / 2))
    build = _following(random, best, BUILD_OF_DISTANCE)
    distance = MEAN_DISTANCE + SPREAD_OF_DISTANCE * best
    return Nature(
        distance=distance,
        campaign=distance + random.gauss(0, TRAINERS_ERROR),
        build=build,
        surface=random.gauss(-LEANING_TO_TURF, 1),
        wet=random.gauss(0, 1),
        style=random.gauss(0, 1),
        maturity=random.gauss(0, 1),
        ability=random.gauss(0, 1),
        soundness=random.uniform(LEAST_SOUND, 1),
        weight=random.gauss(MEAN_WEIGHT + WEIGHT_OF_BUILD * build, SPREAD_OF_WEIGHT) - LIGHTER_MARES * (sex == "牝"),
    )


@lru_cache(maxsize=4096)
def _of_dam(random_seed: int, dam: str, damsire: str) -> float:
    """A dam's breeding value: half of her sire's, and what she has from elsewhere."""
    other = Random(f"{random_seed}:breeding:{dam}").gauss(0, math.sqrt(HERITABILITY * 3 / 4))
    return 0.5 * sires_of(random_seed).values[damsire] + other


def _following(random: Random, trait: float, correlation: float) -> float:
    """A standardised trait that follows another one."""
    return correlation * trait + random.gauss(0, math.sqrt(1 - correlation**2))
