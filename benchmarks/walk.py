"""How well the order of the walk names horses, on simulated paddocks, by how many photos a person has named.

The person names one photo in the middle of the first third, then always the least certain one; `walk_day.py` has a
person who goes through the pages in their order. For each habit of photographing, and each number of named photos of a
race: the share that is named (with what was taken at once with them), the share that the walk names (certain enough to
be taken), how many of those are right, the share that stays open, and how often the likeliest horse of a photo that
nobody named is right.

Run: python benchmarks/walk.py --races 30
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from random import Random

from collector.demo.world.walking import Habits, Paddock, Shot, order_of_walk, photograph
from collector.matching.paddock_times import Start, race_of, suggested_offset
from collector.matching.walk import Pass, Proposal, align, passes

NAMED = (1, 2, 4, 8, 12, 20)
HABITS = {
    "a round or two of each race": Habits(0, spell=80, rest=600, keen=0.9),
    "now and then": Habits(0, spell=150, rest=200, keen=0.8),
    "all the time": Habits(0, spell=2000, rest=1, keen=0.8),
    "only some of the horses": Habits(0, spell=2000, rest=1, keen=0.3),
}
HEAD = """| named | of all photos | by the walk | of these right | open | likeliest right |
|---|---|---|---|---|---|"""
SLOW = timedelta(minutes=7)
FIRST = datetime.fromisoformat("2026-11-22T10:00:00+09:00")


@dataclass(slots=True)
class Score:
    """Counted photos."""

    photos: int = 0
    named: int = 0
    by_walk: int = 0
    right: int = 0  # of those
    likeliest: int = 0  # photos that nobody named and whose likeliest horse is right, certain or not
    passes: int = 0

    def add(self, other: "Score") -> None:
        """Add another race's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def race(seed: int, habit: Habits, cameras: int) -> tuple[list[int], list[list[Shot]]]:
    """The horses of a race, and what each camera takes of them."""
    draw = Random(seed)
    horses = list(range(1, draw.randint(6, 18) + 1))
    paddock = Paddock(order_of_walk(horses, draw), draw)
    places = [Habits(draw.random(), habit.spell, habit.rest, habit.keen) for _ in range(cameras)]
    shots = photograph(paddock, places)
    return horses, [[shot for shot in shots if shot.camera == camera and shot.number] for camera in range(cameras)]


def name_photos(seed: int, habit: Habits, cameras: int) -> dict[int, Score]:
    """What is known of a race after so many photos were named."""
    horses, taken = race(seed, habit, cameras)
    named: list[list[int | None]] = [[None] * len(shots) for shots in taken]
    found = dict[int, Score]()
    for count in range(max(NAMED) + 1):
        seen = [passes([shot.at for shot in shots], names) for shots, names in zip(taken, named, strict=True)]
        proposed = align(horses, seen)
        if count in NAMED:
            found[count] = score(taken, seen, proposed)
        ask = asked(seen, proposed, first=count == 0)
        if ask is None:
            break
        camera, photo = ask
        named[camera][photo] = taken[camera][photo].number
    return {count: found.get(count) or found[max(found)] for count in NAMED} if found else {}


def asked(
    seen: Sequence[Sequence[Pass]], proposed: Sequence[Sequence[Proposal]], *, first: bool
) -> tuple[int, int] | None:
    """The photo that is named next: its camera and its place; None: all passes are named."""
    left = [
        (proposal.certainties[0], camera, one.photos[len(one.photos) // 2])
        for camera, (ones, proposals) in enumerate(zip(seen, proposed, strict=True))
        for one, proposal in zip(ones, proposals, strict=True) if one.named is None
    ]  # fmt: skip
    if not left:
        return None
    _, camera, photo = left[len(left) // 3] if first else min(left)
    return camera, photo


def score(
    taken: Sequence[Sequence[Shot]], seen: Sequence[Sequence[Pass]], proposed: Sequence[Sequence[Proposal]]
) -> Score:
    """Count a race's photos."""
    found = Score(passes=sum(map(len, seen)))
    for shots, ones, proposals in zip(taken, seen, proposed, strict=True):
        for one, proposal in zip(ones, proposals, strict=True):
            for photo in one.photos:
                right = proposal.numbers[0] == shots[photo].number
                sure = proposal.is_sure
                found.photos += 1
                found.named += one.named is not None
                found.by_walk += one.named is None and sure
                found.right += one.named is None and sure and right
                found.likeliest += one.named is None and right
    return found


def clocks(days: int) -> None:
    """How often a clock that is 7 minutes slow is seen, and what it costs where it is not."""
    right = placed = seen = photos = 0
    for seed in range(days):
        draw = Random(seed)
        starts, taken = list[Start](), list[tuple[datetime, str]]()
        at = FIRST + timedelta(minutes=35)
        for number in range(12):
            start = Start(f"{number:02}", "東京", at)
            starts.append(start)
            paddock = Paddock(order_of_walk(range(1, draw.randint(6, 18) + 1), draw), draw)
            shots = photograph(paddock, [Habits(0.3, 80, 600, 0.9)])
            begins = at - timedelta(minutes=33) - SLOW
            taken += [(begins + timedelta(seconds=shot.at), start.race_id) for shot in shots]
            at += timedelta(minutes=draw.choice((25, 30, 30, 35, 40)))
        offset = suggested_offset([moment for moment, _ in taken], starts)
        seen += offset is not None and abs(offset - SLOW) <= timedelta(minutes=3)
        for moment, race_id in taken:
            photos += 1
            found, corrected = race_of(moment, "東京", starts), race_of(moment + SLOW, "東京", starts)
            right += found is not None and found.race_id == race_id
            placed += corrected is not None and corrected.race_id == race_id
    print(f"\nA clock 7 minutes slow, {days} days of 12 races: seen by the paddocks' times on {seen} days.")
    print(f"In the right race: {right / photos:.0%} of the photos as the clock is, {placed / photos:.0%} corrected.")


def cost() -> None:
    """What one decision costs where a camera has 160 passes of 18 horses, and one of twenty is named."""
    draw = Random(0)
    shots = photograph(Paddock(list(range(1, 19)), draw), [Habits(0.3, spell=2000, rest=1, keen=0.9)])
    seen = passes([shot.at for shot in shots], [None if at % 20 else shot.number for at, shot in enumerate(shots)])[
        :160
    ]
    spent = list[float]()
    for _ in range(5):
        began = time.process_time()
        align(range(1, 19), [seen])
        spent.append(time.process_time() - began)
    print(f"\n{len(seen)} passes of 18 horses: {min(spent):.2f} s of a processor for each decision.")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=30, help="of each habit")
    races = parser.parse_args().races
    with ProcessPoolExecutor(2) as pool:
        for cameras in (1, 2):
            for words, habit in HABITS.items():
                total = {count: Score() for count in NAMED}
                for found in pool.map(name_photos, range(races), repeat(habit), repeat(cameras)):
                    for count, one in found.items():
                        total[count].add(one)
                some = total[NAMED[0]]
                size = f"{some.photos / races:.0f} photos in {some.passes / races:.0f} passes a race"
                print(f"\n{cameras} camera{'s' if cameras > 1 else ''}, {words}: {size}\n\n{HEAD}", flush=True)
                for count, one in total.items():
                    print(_line(count, one), flush=True)
    clocks(races)
    cost()


def _line(count: int, one: Score) -> str:
    still = one.photos - one.named - one.by_walk
    left = one.photos - one.named
    cells = (one.named / one.photos, one.by_walk / one.photos, one.right / (one.by_walk or 1), still / one.photos)
    words = [f"{cell:.0%}" if one.by_walk or place != 2 else "-" for place, cell in enumerate(cells)]
    return f"| {count} | {' | '.join(words)} | {one.likeliest / (left or 1):.0%} |"


if __name__ == "__main__":
    main()
