"""The horses of the look-alike world. Their build follows their distance aptitude."""

from dataclasses import dataclass
from random import Random

from collector.demo.world import vocabulary

NEUTRAL = 58  # px of either bar of a horse without reviews
BARS = 116  # px of both bars together; one pixel more where one side is empty
UNREVIEWED = 0.108  # share of horses without reviews
BUILD_NOISE = 0.07  # the standard deviation of a barrel from the value for the aptitude
LONGEST_NAME = 9  # characters
NAMESAKE_YEARS = 9  # years until a name is used again; by then the first horse has retired

# Shares of the reviewed horses, and the parts of the scale in which their aptitudes are.
GROUPS = ((0.275, 0.0, 0.2), (0.23, 0.2, 0.4), (0.35, 0.4, 0.6), (0.145, 0.6, 1.0))


@dataclass(frozen=True, slots=True)
class Horse:
    """A horse, its public rating and the measure of its body that follows from it."""

    number: int  # unique in its world
    name: str
    born: int  # year
    sex: str  # 牡, 牝 or セ
    coat: str
    trainer: str
    pedigree: tuple[str, ...]  # 14 ancestors in printed order: sire, his sire, his sire's sire, ...
    short_width: int  # px of the bar towards short distances
    long_width: int  # px of the bar towards long distances
    barrel: float  # 0 (short body) .. 1 (long body)

    @property
    def aptitude(self) -> float:
        """The distance aptitude, 0 sprinter .. 1 stayer, from the widths of the bars."""
        return self.long_width / (self.short_width + self.long_width)

    @property
    def reviewed(self) -> bool:
        """Whether it has reviews; the aptitude of a horse without reviews means nothing."""
        return self.short_width != self.long_width


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
    short_width, long_width = _bars(random)
    # The body follows the true aptitude, which a horse without reviews has, too.
    true_aptitude = long_width / BARS if short_width != long_width else random.betavariate(2, 2.6)
    return Horse(
        number=number,
        name=name,
        born=born,
        sex=random.choices(("牡", "牝", "セ"), (60, 34, 6))[0],
        coat=random.choices(vocabulary.COATS, vocabulary.COAT_WEIGHTS)[0],
        trainer=random.choice(vocabulary.TRAINERS),
        pedigree=_pedigree(random),
        short_width=short_width,
        long_width=long_width,
        barrel=min(1.0, max(0.0, random.gauss(true_aptitude, BUILD_NOISE))),
    )


def _bars(random: Random) -> tuple[int, int]:
    if random.random() < UNREVIEWED:
        return NEUTRAL, NEUTRAL
    _, low, high = random.choices(GROUPS, [share for share, _, _ in GROUPS])[0]
    value = random.uniform(low, high)
    if low == 0.0 and random.random() < 0.18:
        value = 0.0
    long_width = round(value * BARS)
    if long_width == NEUTRAL:
        long_width += random.choice((-1, 1))
    return max(1, BARS - long_width), max(1, long_width)


def _pedigree(random: Random) -> tuple[str, ...]:
    def stallion() -> str:
        if random.random() < 0.4:
            return random.choice(vocabulary.FOREIGN_ANCESTORS)
        return (random.choice(vocabulary.CROWNS) + random.choice(vocabulary.WORDS))[:LONGEST_NAME]

    def mare() -> str:
        if random.random() < 0.4:
            return random.choice(vocabulary.FOREIGN_ANCESTORS)
        return (random.choice(vocabulary.CROWNS) + random.choice(vocabulary.DAMS))[:LONGEST_NAME]

    def side(parent: str) -> tuple[str, ...]:
        return (parent, stallion(), stallion(), mare(), mare(), stallion(), mare())

    return side(stallion()) + side(mare())
