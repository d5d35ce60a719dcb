"""The course of a race in the look-alike world: the draw, the finish, and rare events. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from collector.demo.world import form, vocabulary
from collector.demo.world.courses import Ground
from collector.demo.world.nature import Nature
from collector.demo.world.registry import Registered

JOCKEYS = (
    "朝比奈渉", "安達洋", "石動隼人", "内海誠", "榎本慶", "小野寺遥", "柿沼拓", "木暮光",
    "佐久間新", "清水谷駿", "陣内豪", "須永匠", "瀬名航", "高遠潤", "月岡翼", "Ｍ．ハーバー",
)  # fmt: skip
MARGINS = (
    ("ハナ", 0.0), ("アタマ", 0.0), ("クビ", 0.1), ("1/2", 0.1), ("3/4", 0.1), ("1", 0.2), ("1.1/4", 0.2),
    ("1.1/2", 0.2), ("1.3/4", 0.3), ("2", 0.3), ("2.1/2", 0.4), ("3", 0.5), ("5", 0.8), ("大", 2.2),
)  # fmt: skip
ODD = 0.06  # the share of races with a rare event; each kind is decided on its own
WEIGHT_NOISE = 5.0  # kg: the standard deviation of a horse's weight from race to race
STYLE_NOISE = 0.7  # of the place that a horse takes in a race from its style
BEND_NOISE = 0.3  # of its place from bend to bend
SCRATCHED, EXCLUDED, PULLED_UP, DISQUALIFIED = "取", "除", "中", "失"
DEMOTED = "(降)"
BASES = {"美浦": "東", "栗東": "西", "外国": "外"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A horse in a race, with its result; None or empty where the page prints nothing."""

    horse: Registered
    bracket: int
    number: int
    age: int
    carried_weight: float  # kg
    jockey: str
    apprentice: str  # the mark before the jockey's name on a card
    fate: str = ""  # 取, 除, 中, 失, (降), or empty
    position: int | None = None
    time: float | None = None  # seconds
    margin: str = ""
    bends: tuple[int, ...] = ()
    last_3f: float | None = None  # seconds
    odds: float | None = None
    favorite: int | None = None
    weight: int | None = None  # kg; None after a race: 計不, not weighed
    weight_change: int | None = None  # kg
    prize: float | None = None  # 万円

    @property
    def nature(self) -> Nature:
        return self.horse.horse.nature

    @property
    def jockey_id(self) -> str:
        return f"{1001 + JOCKEYS.index(self.jockey):05}"

    @property
    def trainer(self) -> str:
        return self.horse.horse.trainer.partition("・")[2]

    @property
    def base(self) -> str:
        """東, 西 or 外."""
        return BASES[self.horse.horse.trainer.partition("・")[0]]

    @property
    def trainer_id(self) -> str:
        trainer = self.horse.horse.trainer
        return f"{1101 + vocabulary.TRAINERS.index(trainer):05}" if trainer in vocabulary.TRAINERS else "a0418"

    @property
    def owner(self) -> str:
        return vocabulary.CROWNS[self.horse.horse.number % len(vocabulary.CROWNS)] + "牧場"

    @property
    def owner_id(self) -> str:
        return f"{401001 + self.horse.horse.number % len(vocabulary.CROWNS)}"


def draw(random: Random, field: Sequence[Registered], year: int) -> tuple[Entry, ...]:
    """The numbers, carried weights and jockeys of the entries, in order of numbers."""
    field = random.sample(field, len(field))
    first = random.randrange(len(JOCKEYS))
    return tuple(
        Entry(
            horse=horse,
            bracket=_bracket(number, len(field)),
            number=number,
            age=year - horse.horse.born,
            carried_weight=random.choice((55.0, 57.0, 56.5)) - 2 * (horse.horse.sex == "牝"),
            jockey=JOCKEYS[(first + number * 5) % len(JOCKEYS)],
            apprentice=random.choice(("", "", "", "", "▲", "△", "☆")),
        )
        for number, horse in enumerate(field, 1)
    )


def _bracket(number: int, starters: int) -> int:
    """The bracket of a horse number: of eight, the last ones have two or more horses."""
    single = min(8, max(0, 16 - starters))
    return number if number <= single else min(8, single + (number - single + 1) // 2)


def run(
    random: Random, entries: Sequence[Entry], ground: Ground, going: str, prizes: Sequence[float]
) -> tuple[Entry, ...]:
    """The entries in the order of the result: by position, then those that did not finish, then those withdrawn."""
    order = random.sample(list(entries), len(entries))
    fates = [fate for fate in (EXCLUDED, SCRATCHED, DISQUALIFIED, PULLED_UP) if random.random() < ODD]
    without = [replace(order.pop(), fate=fate) for fate in fates if len(order) > 4]
    stopped = [entry for entry in without if entry.fate in (PULLED_UP, DISQUALIFIED)]
    withdrawn = [entry for entry in without if entry.fate in (SCRATCHED, EXCLUDED)]
    reached = {id(entry): form.performance(random, entry.nature, ground, going, entry.age) for entry in order}
    order.sort(key=lambda entry: -reached[id(entry)])
    running = _bet(random, _weigh(random, order + stopped), ground, going)
    bends = _bends(random, ground, running)
    finished = _finish(random, running[: len(order)], ground, going, bends, prizes)
    stopped = [
        replace(entry, bends=way[: len(way) // 2] if entry.fate == PULLED_UP else way)
        for entry, way in zip(running[len(order) :], bends[len(order) :], strict=True)
    ]
    unweighed = [entry if entry.fate == SCRATCHED else _weigh(random, [entry])[0] for entry in withdrawn]
    return (*finished, *reversed(stopped), *unweighed)


def _weigh(random: Random, entries: Sequence[Entry]) -> list[Entry]:
    weighed = [
        replace(entry, weight=_weight(random, entry), weight_change=random.randrange(-14, 16, 2)) for entry in entries
    ]
    if len(weighed) > 1 and random.random() < ODD:
        index = random.randrange(len(weighed))
        weighed[index] = replace(weighed[index], weight=None, weight_change=None)
    return weighed


def _weight(random: Random, entry: Entry) -> int:
    """An even number of kg, as scales show it."""
    return 2 * round(random.gauss(entry.nature.weight, WEIGHT_NOISE) / 2)


def _bet(random: Random, entries: Sequence[Entry], ground: Ground, going: str) -> list[Entry]:
    """Odds by what is expected of each horse, and the ranks of favourites."""
    natures, ages = [entry.nature for entry in entries], [entry.age for entry in entries]
    odds = form.odds(random, natures, ground, going, ages)
    ranked = sorted(range(len(entries)), key=lambda index: odds[index])
    priced = list(entries)
    for rank, index in enumerate(ranked, 1):
        priced[index] = replace(entries[index], odds=odds[index], favorite=rank)
    return priced


def _bends(random: Random, ground: Ground, entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    """Each horse's positions at the bends, by its style; empty on a straight course."""
    count = 0 if ground.distance <= 1000 else 2 if ground.distance < 1600 else 3 if ground.distance < 1800 else 4
    taken = [random.gauss(entry.nature.style, STYLE_NOISE) for entry in entries]
    ways: list[list[int]] = [[] for _ in entries]
    for _ in range(count):
        behind = sorted(range(len(entries)), key=lambda index: random.gauss(taken[index], BEND_NOISE))
        for position, index in enumerate(behind, 1):
            ways[index].append(position)
    return [tuple(way) for way in ways]


def _finish(
    random: Random,
    entries: Sequence[Entry],
    ground: Ground,
    going: str,
    bends: Sequence[tuple[int, ...]],
    prizes: Sequence[float],
) -> list[Entry]:
    """Times and margins in the order at the finish line, and the official positions."""
    dead_heat = random.randrange(1, len(entries)) if random.random() < ODD and len(entries) > 2 else None
    crossed = []
    for index, (entry, (margin, time)) in enumerate(
        zip(entries, _times(random, len(entries), ground, going), strict=True)
    ):
        last_3f = round(random.uniform(33.5, 37.9) + 2 * (ground.surface != "芝"), 1)
        if ground.surface == "障":  # pages print a mean time of 200 m there
            last_3f = round(200 * time / ground.distance, 1)
        crossed.append(replace(entry, time=time, margin=margin, last_3f=last_3f, bends=bends[index]))
    if dead_heat:
        crossed[dead_heat] = replace(crossed[dead_heat], time=crossed[dead_heat - 1].time, margin="同着")
    if dead_heat is None and len(entries) > 4 and random.random() < ODD:
        crossed.insert(3, replace(crossed.pop(1), fate=DEMOTED))
    placed = [replace(entry, position=index) for index, entry in enumerate(crossed, 1)]
    for before, after in pairwise(range(len(placed))):
        if placed[after].margin == "同着":
            placed[after] = replace(placed[after], position=placed[before].position)
    return [
        replace(entry, prize=prizes[entry.position - 1]) if entry.position and entry.position <= len(prizes) else entry
        for entry in placed
    ]


def _times(random: Random, count: int, ground: Ground, going: str) -> Iterator[tuple[str, float]]:
    """Margins and increasing times. In a dead heat, the time is the same."""
    speed = {"芝": 16.7, "ダ": 16.1, "障": 13.6}[ground.surface] - 0.2 * (going != "良")
    time = ground.distance / speed + random.uniform(0, 2)
    for index in range(count):
        margin, behind = random.choice(MARGINS) if index else ("", 0.0)
        time += behind
        yield margin, round(time, 1)
