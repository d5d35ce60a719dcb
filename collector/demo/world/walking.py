"""How the horses of a race walk around the paddock, and what people with cameras photograph of them.

A simulation of bodies, not of the rule that reads it: each horse walks at a pace of its own, keeps off the one before
it, stops now and then; a photographer stands somewhere and misses some. `collector.matching.walk` is measured on it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TICK = 0.2  # seconds
PACE, PACES = 1.55, 0.07  # m/s: of horses that walk, and how much they differ
APART, FAR = 4.0, 15.0  # m between two heads: the least, and from where on a horse has nobody to follow
FOLLOWS = 0.06  # m/s faster for each m that it is farther behind than it likes
IN_VIEW = 2.0  # m before and behind the place that a camera looks at
MOUNTING = 75.0  # seconds for which all stand before they leave
FRAMES = (0.35, 0.35, 0.3)  # how often one, two or three photos are taken at once


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo that was taken."""

    at: float  # seconds since the first horse came in, by a clock that is right
    camera: int
    number: int | None  # of the horse that it shows; None: it shows none


@dataclass(frozen=True, slots=True)
class Habits:
    """How somebody photographs."""

    place: float  # that the camera looks at, as a share of the lap
    spell: float = 150.0  # seconds for which the horses that pass are photographed, in the mean
    rest: float = 200.0  # seconds between two such spells, in the mean
    keen: float = 0.85  # how many of the horses that pass in a spell are photographed
    astray: float = 0.02  # how often it is another horse than the one that passes
    empty: float = 0.01  # how often it shows none at all


@dataclass(slots=True)
class Walker:
    """A horse in the paddock."""

    number: int
    pace: float  # m/s
    likes: float  # m behind the one before it
    walked: float  # m since the first horse came in; the lap is taken off where it is compared
    mood: float = 1.0
    stands_until: float = 0.0


@dataclass(slots=True)
class Paddock:
    """One race's horses, walking in the order in which they came in."""

    numbers: Sequence[int]  # in the order of the walk
    draw: random.Random
    lap: float = 115.0  # m
    seconds: float = 1200.0  # until all leave
    now: float = 0.0
    walkers: list[Walker] = field(default_factory=list)

    def steps(self) -> Iterator[None]:
        """Walk until all leave; after each step the walkers stand where they then are."""
        comes = 0.0
        while self.now < self.seconds:
            if self.is_filling and self.now >= comes and self._is_clear():
                number = self.numbers[len(self.walkers)]
                self.walkers.append(Walker(number, self.draw.gauss(PACE, PACES), self._liking(), 0.0))
                comes = self.now + self.draw.uniform(3, 7)
            if self.now < self.seconds - MOUNTING:
                self._step()
            self.now += TICK
            yield

    def place(self, walker: Walker) -> float:
        """Where a walker is, in m from the entrance."""
        return walker.walked % self.lap

    @property
    def is_filling(self) -> bool:
        """Whether some are still to come in."""
        return len(self.walkers) < len(self.numbers)

    def _is_clear(self) -> bool:
        return not self.walkers or self.walkers[-1].walked > APART

    def _step(self) -> None:
        speeds = [self._speed(index) for index in range(len(self.walkers))]
        for walker, speed in zip(self.walkers, speeds, strict=True):
            walker.walked += speed * TICK

    def _speed(self, index: int) -> float:
        walker = self.walkers[index]
        if self.now < walker.stands_until:
            return 0.0
        if self.draw.random() < TICK / 2500:  # it balks about once in 2500 seconds
            walker.stands_until = self.now + self.draw.uniform(2, 8)
        walker.mood += 0.02 * (1 - walker.mood) + self.draw.gauss(0, 0.012)
        speed = walker.pace * walker.mood
        room = self._room(index)
        if room < APART:
            return 0.0 if room < APART / 2 else speed * 0.5
        hurry = FOLLOWS * (room - walker.likes) if room < FAR else 0.05
        return max(0.0, speed + min(max(hurry, -0.5), 0.3))

    def _liking(self) -> float:
        """The more room there is for each, the farther apart they walk."""
        return self.draw.uniform(0.7, 1.2) * min(self.lap / len(self.numbers), 12.0)

    def _room(self, index: int) -> float:
        """The metres before a walker. The first waits at the entrance until the last is in."""
        walker = self.walkers[index]
        if index == 0 and self.is_filling:
            return self.lap - walker.walked
        if len(self.walkers) == 1:
            return self.lap
        return (self.place(self.walkers[index - 1]) - self.place(walker)) % self.lap


def order_of_walk(numbers: Sequence[int], draw: random.Random, led_last: float = 0.1) -> list[int]:
    """The order in which horses walk: that of their numbers; at times an excited one is led at the end."""
    order = sorted(numbers)
    if draw.random() < led_last:
        order.append(order.pop(draw.randrange(len(order))))
    return order


def photograph(paddock: Paddock, habits: Sequence[Habits]) -> list[Shot]:
    """What the cameras take of a walk, in the order of time."""
    shots, passed = list[Shot](), dict[tuple[int, int], float]()
    spells = [_spell(paddock.draw, habit, paddock.draw.uniform(0, habit.rest)) for habit in habits]
    for _ in paddock.steps():
        for camera, habit in enumerate(habits):
            if paddock.now > spells[camera][1]:
                spells[camera] = _spell(paddock.draw, habit, paddock.now + paddock.draw.expovariate(1 / habit.rest))
            if paddock.now < spells[camera][0]:
                continue
            for walker in paddock.walkers:
                if _is_before(paddock, walker, habit) and paddock.now - passed.get((camera, walker.number), -99) > 20:
                    passed[camera, walker.number] = paddock.now
                    shots += _press(paddock, camera, habit, walker)
    return sorted(shots, key=lambda shot: (shot.at, shot.camera))


def _spell(draw: random.Random, habit: Habits, begins: float) -> tuple[float, float]:
    return begins, begins + draw.uniform(0.5, 1.5) * habit.spell


def _is_before(paddock: Paddock, walker: Walker, habit: Habits) -> bool:
    off = (paddock.place(walker) - habit.place * paddock.lap + paddock.lap / 2) % paddock.lap - paddock.lap / 2
    return abs(off) < IN_VIEW


def _press(paddock: Paddock, camera: int, habit: Habits, walker: Walker) -> list[Shot]:
    """The photos of one pass: none, one, a few in a row; now and then some more a little later."""
    draw = paddock.draw
    if draw.random() > habit.keen:
        return []
    number: int | None = walker.number
    if draw.random() < habit.astray:
        number = draw.choice(paddock.walkers).number
    elif draw.random() < habit.empty:
        number = None
    at, shots = paddock.now + draw.uniform(0, 1.5), list[Shot]()
    for _ in range(2 if draw.random() < 0.1 else 1):
        for _ in range(draw.choices((1, 2, 3), FRAMES)[0]):
            shots.append(Shot(round(at, 2), camera, number))
            at += draw.uniform(0.1, 0.4)
        at += draw.uniform(1.5, 2.5)
    return shots
