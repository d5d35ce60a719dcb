"""The racecourses of the look-alike world, and the distances over which they hold races: those of JRA's courses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from collector.demo.world.nature import ENTRY_NOISE, MEAN_DISTANCE, SPREAD_OF_DISTANCE, TRAINERS_ERROR

RACECOURSES = ("札幌", "函館", "福島", "新潟", "東京", "中山", "中京", "京都", "阪神", "小倉")
LEFT_HANDED = ("新潟", "東京", "中京")
TURF, DIRT, JUMPS = "芝", "ダ", "障"
DIRT_RACES = 1 / 3  # the share of flat races on dirt
WITHOUT_JUMPS = ("札幌", "函館")
JUMP_RACES = 0.2  # the share of the lesser races elsewhere
JUMP_DISTANCES = (2860, 3110)
DISTANCES: dict[str, dict[str, Sequence[int]]] = {  # m
    "札幌": {TURF: (1200, 1500, 1800, 2000, 2600), DIRT: (1000, 1700, 2400)},
    "函館": {TURF: (1000, 1200, 1800, 2000, 2600), DIRT: (1000, 1700, 2400)},
    "福島": {TURF: (1200, 1800, 2000, 2600), DIRT: (1150, 1700, 2400)},
    "新潟": {TURF: (1000, 1400, 1600, 1800, 2000, 2200, 2400), DIRT: (1200, 1800, 2500)},
    "東京": {TURF: (1400, 1600, 1800, 2000, 2400, 2500, 3400), DIRT: (1300, 1400, 1600, 2100)},
    "中山": {TURF: (1200, 1600, 1800, 2000, 2200, 2500, 3600), DIRT: (1200, 1800, 2400)},
    "中京": {TURF: (1200, 1400, 1600, 2000, 2200, 3000), DIRT: (1200, 1400, 1800, 1900)},
    "京都": {TURF: (1200, 1400, 1600, 1800, 2000, 2200, 2400, 3000, 3200), DIRT: (1200, 1400, 1800, 1900)},
    "阪神": {TURF: (1200, 1400, 1600, 1800, 2000, 2200, 2400, 3000), DIRT: (1200, 1400, 1800, 2000)},
    "小倉": {TURF: (1200, 1800, 2000, 2600), DIRT: (1000, 1700, 2400)},
}
OUTER = {  # m: distances on the outer course
    "新潟": (1600, 1800),
    "中山": (1200, 1600, 2200),
    "京都": (1800, 2200, 2400, 3000, 3200),
    "阪神": (1600, 1800),
}
SPREAD_OF_ENTRIES = math.hypot(SPREAD_OF_DISTANCE, TRAINERS_ERROR, ENTRY_NOISE)  # log m
STRAIGHT = {"新潟": (1000,)}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a race is run."""

    surface: str  # 芝, ダ or 障
    direction: str  # 右, 左, 直線 or nothing
    course: str  # 外 or nothing
    distance: int  # m

    @property
    def flat(self) -> bool:
        return self.surface != JUMPS

    @property
    def log_distance(self) -> float:
        return math.log(self.distance)


def choose_ground(random: Random, track: int, *, jumps: bool = False) -> Ground:
    """The ground of a race at a racecourse, numbered from 1.

    Races are held where there are entries: at the distance next to one that is drawn as entries are spread. So a horse
    of any distance finds as many races as another.
    """
    racecourse = RACECOURSES[track - 1]
    if jumps and racecourse not in WITHOUT_JUMPS and random.random() < JUMP_RACES:
        return Ground(JUMPS, "", random.choice(("", "", "外")), random.choice(JUMP_DISTANCES))
    surface = DIRT if random.random() < DIRT_RACES else TURF
    wanted = random.gauss(MEAN_DISTANCE, SPREAD_OF_ENTRIES)
    distance = min(DISTANCES[racecourse][surface], key=lambda held: abs(math.log(held) - wanted))
    if surface == TURF and distance in STRAIGHT.get(racecourse, ()):
        return Ground(surface, "直線", "", distance)
    outer = surface == TURF and distance in OUTER.get(racecourse, ())
    return Ground(surface, "左" if racecourse in LEFT_HANDED else "右", "外" if outer else "", distance)
