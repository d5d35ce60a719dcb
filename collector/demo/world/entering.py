"""Where the trainers of the look-alike world enter their horses: around each one's distance, on its surface. Pure."""

import math
from heapq import nlargest
from random import Random

from collector.demo.world.courses import DIRT, Ground
from collector.demo.world.horses import Horse
from collector.demo.world.nature import ENTRY_NOISE, Nature

SURFACE_PULL = 2.5  # the log-odds of being entered on the surface preferred by one standard deviation
JUMP_ENTRIES = 0.2  # the chance of a race over jumps, for which no trait matters


def chance(nature: Nature, ground: Ground) -> float:
    """The chance that a trainer enters a horse in a race that is held, 0 .. 1."""
    if not ground.flat:
        return nature.soundness * JUMP_ENTRIES
    away = (ground.log_distance - nature.campaign) / ENTRY_NOISE
    pull = SURFACE_PULL * (nature.surface if ground.surface == DIRT else -nature.surface)
    return nature.soundness * math.exp(-away * away / 2) / (1 + math.exp(-pull))


def enter(random: Random, ground: Ground, waiting: list[Horse], count: int, least: int) -> list[Horse]:
    """The next horses of those waiting that trainers enter, up to `count`; they no longer wait.

    Where trainers enter too few, the horses that are nearest to the distance fill the field to `least`.
    """
    entered: list[Horse] = []
    left: list[Horse] = []
    for index, horse in enumerate(waiting):
        if len(entered) >= count:
            left += waiting[index:]
            break
        (entered if random.random() < chance(horse.nature, ground) else left).append(horse)
    missing = max(0, min(least, count) - len(entered))
    nearest = nlargest(missing, left, key=lambda horse: chance(horse.nature, ground))
    waiting[:] = [horse for horse in left if horse not in nearest] if nearest else left
    return entered + nearest
