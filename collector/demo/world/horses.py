"""The horses of the look-alike world: names, parents, and the nature that they have partly from them."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from collector.demo.world import vocabulary
from collector.demo.world.nature import Nature, make_nature
from collector.demo.world.sires import FOREIGN_SIRES, LONGEST_NAME, sires_of, stallion

NEUTRAL = 58  # px of either bar of a horse without reviews
UNREVIEWED = 0.108  # share of horses without reviews
NAMESAKE_YEARS = 9  # years until a name is used again; by then the first horse has retired
FOREIGN_MARES = 0.1  # the share of mares from abroad


@dataclass(frozen=True, slots=True)
class Horse:
    """A horse as its papers describe it, and its nature, which they do not."""

    number: int  # unique in its world
    name: str
    born: int  # year
    sex: str  # 牡, 牝 or セ
    coat: str
    trainer: str
    pedigree: tuple[str, ...]  # 14 ancestors in printed order: sire, his sire, his sire's sire, ...
    nature: Nature
    reviewed: bool  # whether it gets reviews while it races

    @property
    def barrel(self) -> float:
        """The length of its body for its height, 0 (short body) .. 1 (long body)."""
        return self.nature.barrel


def all_names(random_seed: int) -> list[str]:
    """All names, each once, in the order in which a world uses them."""
    names = [crown + word for crown in vocabulary.CROWNS for word in vocabulary.WORDS]
    names = [name for name in names if len(name) <= LONGEST_NAME]
    random = Random(f"{random_seed}:names")
    random.shuffle(names)
    for number, name in enumerate(vocabulary.SHORT_NAMES):
        names.insert(number * 40 + 3, name)
    return names


def make_horse(random_seed: int, number: int, name: str, born: int) -> Horse:
    """The horse of this number; the same arguments give the same horse."""
    random = Random(f"{random_seed}:horse:{number}")
    sex = random.choices(("牡", "牝", "セ"), (60, 34, 6))[0]
    sire, dam = sires_of(random_seed).choose(random), _mare(random)
    pedigree = _ancestors(random_seed, sire) + _ancestors(random_seed, dam)
    return Horse(
        number=number,
        name=name,
        born=born,
        sex=sex,
        coat=random.choices(vocabulary.COATS, vocabulary.COAT_WEIGHTS)[0],
        trainer=random.choice(vocabulary.TRAINERS),
        pedigree=pedigree,
        nature=make_nature(random_seed, number, sex, sire, dam, damsire=pedigree[8]),
        reviewed=random.random() >= UNREVIEWED,
    )


@lru_cache(maxsize=4096)
def _ancestors(random_seed: int, parent: str) -> tuple[str, ...]:
    """A parent, and its own ancestors in printed order; the same for all its foals."""
    random = Random(f"{random_seed}:ancestors:{parent}")
    grandsire = sires_of(random_seed).choose(random)
    while grandsire == parent:
        grandsire = sires_of(random_seed).choose(random)
    return (parent, grandsire, stallion(random), _mare(random), _mare(random), stallion(random), _mare(random))


def _mare(random: Random) -> str:
    if random.random() < FOREIGN_MARES:
        return random.choice(vocabulary.FOREIGN_ANCESTORS[FOREIGN_SIRES:])
    return (random.choice(vocabulary.CROWNS) + random.choice(vocabulary.DAMS))[:LONGEST_NAME]
