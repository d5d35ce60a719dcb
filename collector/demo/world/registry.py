"""The look-alike's studbook: the id and the registered name of each horse. The magazine may misprint a name. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from collector.demo.world.horses import Horse, all_names, make_horse
from collector.demo.world.world import ACTIVE_AGES, World

MISPRINTED = 25  # for one horse in 25, the magazine prints a wrong name
ALIKE = 100  # one horse in 100 has another of the same year with nearly the same name
KANA = "アイウエオカキクケコサシスセソタテトナニネノハヒホマミムモヤヨラリルレロワ"
FOREIGN_NAMES = (
    "ノースベリティ",
    "グレイアルマナク",
    "ペイルフェリー",
    "クワイエトメイスン",
    "トールオーチャド",
    "コッパーラーク",
)
HORSE_ID = re.compile(
    r"(?P<born>\d{4})1(?P<alike>[01])(?P<rank>\d{4})|000a(?P<year>[0-9a-f]{2})(?P<number>[0-9a-f]{4})"
)
APART = 1_000_000  # the first number of horses that no issue shows; a second group begins at twice this number


@dataclass(frozen=True, slots=True)
class Registered:
    """A horse of the studbook, with its registered name."""

    horse_id: str
    horse: Horse

    @property
    def foreign(self) -> bool:
        """Whether it is trained abroad; then its id has a letter."""
        return not self.horse_id.isdigit()


def is_misprinted(horse: Horse) -> bool:
    """Whether the magazine prints its name with one wrong character."""
    return horse.number % MISPRINTED == 11


class Registry:
    """The studbook of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        # From the oldest horses of the first year's races to the youngest after the last issue.
        self.years = range(world.years.start - ACTIVE_AGES.stop + 1, world.years.stop - ACTIVE_AGES.start + 1)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(all_names(self._world.random_seed))

    @cached_property
    def names(self) -> dict[str, str]:
        """The registered names of all horses by id, oldest horses first."""
        return {entry.horse_id: entry.horse.name for entry in self._everybody()}

    def register(self, horse: Horse) -> Registered:
        """A horse of the issues, with its id and its registered name."""
        rank = horse.number % self._world.foals
        name = self._spelled(horse, 0) if is_misprinted(horse) else horse.name
        return Registered(f"{horse.born}10{rank:04}", replace(horse, name=name))

    def alike(self, horse: Horse) -> Registered | None:
        """A horse of the same age, whose name is equally near to the misprinted one: both of them fit the print."""
        if horse.number % ALIKE != 11:
            return None
        rank = horse.number % self._world.foals
        other = make_horse(self._world.random_seed, APART + horse.number, self._spelled(horse, 1), horse.born)
        return Registered(f"{horse.born}11{rank:04}", replace(other, sex=horse.sex))

    def foreign(self, born: int, number: int) -> Registered:
        """A horse from abroad."""
        name = FOREIGN_NAMES[(born + number) % len(FOREIGN_NAMES)]
        horse = make_horse(self._world.random_seed, 2 * APART + 100 * born + number, name, born)
        return Registered(f"000a{born % 100:02x}{number:04x}", replace(horse, trainer="外国・ハーバー"))

    def find(self, horse_id: str) -> Registered | None:
        """The horse with this id."""
        match = HORSE_ID.fullmatch(horse_id)
        if match is None:
            return None
        if match["year"]:
            born, number = 2000 + int(match["year"], 16), int(match["number"], 16)
            return self.foreign(born, number) if born in self.years and number < len(FOREIGN_NAMES) else None
        born, rank = int(match["born"]), int(match["rank"])
        if born not in self.years or rank >= self._world.foals:
            return None
        horse = self._world.horse(born, rank)
        return self.alike(horse) if match["alike"] == "1" else self.register(horse)

    def _everybody(self) -> Iterator[Registered]:
        for born in self.years:
            for rank in range(self._world.foals):
                horse = self._world.horse(born, rank)
                yield self.register(horse)
                if other := self.alike(horse):
                    yield other

    def _spelled(self, horse: Horse, which: int) -> str:
        """A spelling that differs in one character and is not the name of another horse."""
        random = Random(f"{self._world.random_seed}:spelling:{horse.number}")
        found: list[str] = []
        while len(found) <= which:
            at = random.randrange(1, len(horse.name))
            name = horse.name[:at] + random.choice(KANA) + horse.name[at + 1 :]
            if name != horse.name and name not in self._names and name not in found:
                found.append(name)
        return found[which]
