"""What the look-alike's expert writes of distance: from the build that the photo shows, with an error of its own.

Every photo has its own stream of chance, so that these words change nothing else in the world.
"""

import math
from random import Random

from collector.demo.world import vocabulary
from collector.demo.world.nature import BUILD_OF_DISTANCE, MEAN_DISTANCE, SPREAD_OF_DISTANCE, Nature

EXPERTS_ERROR = 0.5  # of the spread among horses: how far one remark is off what the build shows
STEP = 200  # m: experts name even distances
# How often a remark says what of distance; the rest says nothing.
SHARES = {"around": 0.25, "range": 0.2, "class": 0.15, "leaning": 0.1, "upper": 0.05, "unsure": 0.05}
FULL_WIDTH = str.maketrans("0123456789m", "０１２３４５６７８９ｍ")


def words_of_distance(random_seed: int, photo: str, nature: Nature) -> str:
    """What the remark beside a photo, `160104-01`, says of distance; empty where it says nothing."""
    random = Random(f"{random_seed}:remark:{photo}")
    believed = MEAN_DISTANCE + SPREAD_OF_DISTANCE * (BUILD_OF_DISTANCE * nature.build + random.gauss(0, EXPERTS_ERROR))
    (sort,) = random.choices([*SHARES, ""], [*SHARES.values(), 1 - sum(SHARES.values())])
    if not sort:
        return ""
    metres = min(3200, max(1000, round(math.exp(believed) / STEP) * STEP))
    phrase = random.choice(_phrases(sort, believed))
    said = phrase.format(metres=metres, low=metres - STEP, high=metres + STEP)
    return said.translate(FULL_WIDTH) if random.random() < 0.3 else said


def _phrases(sort: str, believed: float) -> tuple[str, ...]:
    if sort == "class":
        return next(words for most, words in vocabulary.CLASSES if believed <= math.log(most))
    if sort == "leaning":
        return vocabulary.LONGER if believed > MEAN_DISTANCE else vocabulary.SHORTER
    return vocabulary.DISTANCES[sort]
