"""The stallions of the look-alike world: few, with many foals each, as in reality. Pure."""

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from statistics import NormalDist

from collector.demo.world import vocabulary

HERITABILITY = 0.61  # of the best distance (Velie 2015); of its variance, the sire alone explains a quarter of this
SIRES = 40  # stallions whose foals race
FOREIGN_SIRES = 10  # of them
RARER = 0.75  # the power by which a sire's share falls with its rank: the first has a tenth of the foals, the last 1 %
SHARES = [1 / (rank + 1) ** RARER for rank in range(SIRES)]
LONGEST_NAME = 9  # characters


@dataclass(frozen=True, slots=True)
class Sires:
    """The stallions of a world, the one with the most foals first, and what each passes on."""

    names: tuple[str, ...]
    values: dict[str, float]  # breeding values of the best distance, standardised; a foal gets a half

    def choose(self, random: Random) -> str:
        """A foal's sire."""
        return random.choices(self.names, SHARES)[0]


@lru_cache(maxsize=16)
def sires_of(random_seed: int) -> Sires:
    """The stallions of a world.

    Their values have the mean 0 and the variance of heritability over all foals, whatever the seed: with so few sires,
    chance would make worlds of sprinters.
    """
    random = Random(f"{random_seed}:sires")
    names = {*vocabulary.FOREIGN_ANCESTORS[:FOREIGN_SIRES]}
    while len(names) < SIRES:
        names.add(stallion(random))
    normal = NormalDist()
    drawn = [normal.inv_cdf((rank + 0.5) / SIRES) for rank in range(SIRES)]
    random.shuffle(drawn)
    total = sum(SHARES)
    mean = sum(share * value for share, value in zip(SHARES, drawn, strict=True)) / total
    variance = sum(share * (value - mean) ** 2 for share, value in zip(SHARES, drawn, strict=True)) / total
    scale = math.sqrt(HERITABILITY / variance)
    ordered = tuple(random.sample(sorted(names), SIRES))
    return Sires(ordered, {name: scale * (value - mean) for name, value in zip(ordered, drawn, strict=True)})


def stallion(random: Random) -> str:
    """An invented name."""
    return (random.choice(vocabulary.CROWNS) + random.choice(vocabulary.WORDS))[:LONGEST_NAME]
