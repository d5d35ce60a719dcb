"""Which horse each photo of a paddock shows, by the order of the walk. Pure.

In the paddock the horses of a race are led around in the order of their numbers, one behind the other, many rounds.
Anyone who stands there with a camera therefore meets them in that order: some are missed, some are taken twice, now and
then one is led out of turn. Once a person has named a few photos, the others follow from their times.

`walk_model` has the model. `benchmarks/walk.py` measures it, and `docs/camera.md` has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.matching.paddock_times import GAP
from collector.matching.walk_model import Array, Taken, answers

BURST = GAP.total_seconds()  # photos of one camera that follow each other sooner show one horse
CERTAIN = 0.9  # of a proposal that is taken without a person
ENOUGH, A_PART = 3, 6  # named passes from which on proposals are taken: three, and one of six of a race's


@dataclass(frozen=True, slots=True)
class Pass:
    """What one camera took of one horse that passed: photos that follow each other at once."""

    at: float  # seconds, of the middle of its photos
    named: int | None = None  # the horse's number, where a person has named it
    photos: tuple[int, ...] = ()  # their places in the list that they come from


@dataclass(frozen=True, slots=True)
class Proposal:
    """Which horses a pass may show."""

    numbers: tuple[int, ...]  # the likeliest first
    certainties: tuple[float, ...]  # of each, 0..1
    is_sure: bool  # whether the first is taken without a person


def passes(times: Sequence[float], named: Sequence[int | None]) -> list[Pass]:
    """Put the photos of one camera, in the order of time, together by the horse that passed.

    Where a person named two horses within one burst, it is parted between them.
    """
    found, burst = list[Pass](), list[int]()
    for index, at in enumerate(times):
        if burst and (at - times[burst[-1]] > BURST or _differ(named, burst, index)):
            found.append(_pass_of(times, named, burst))
            burst = []
        burst.append(index)
    return [*found, _pass_of(times, named, burst)] if burst else found


def _differ(named: Sequence[int | None], burst: Sequence[int], index: int) -> bool:
    said = {named[one] for one in (*burst, index)} - {None}
    return len(said) > 1


def _pass_of(times: Sequence[float], named: Sequence[int | None], burst: Sequence[int]) -> Pass:
    said = next((named[index] for index in burst if named[index] is not None), None)
    return Pass(sum(times[index] for index in burst) / len(burst), said, tuple(burst))


def align(horses: Sequence[int], cameras: Sequence[Sequence[Pass]]) -> list[list[Proposal]]:
    """What each pass of each camera shows.

    `horses` are the numbers of those that walk, in that order. All cameras see one walk, each from a place of its own;
    the passes of a camera are in the order of time.
    """
    if not horses or not any(cameras):
        return [[] for _ in cameras]
    index = {number: place for place, number in enumerate(horses)}
    taken = [
        Taken(np.array([one.at for one in seen]), [index.get(one.named or 0, -1) for one in seen])
        for seen in cameras if seen
    ]  # fmt: skip
    named = sum(horse >= 0 for one in taken for horse in one.named)
    enough = named >= max(ENOUGH, sum(map(len, cameras)) / A_PART)
    found = iter(zip(taken, answers(len(horses), taken), strict=True))
    return [_proposals(horses, *next(found), enough=enough) if seen else [] for seen in cameras]


def _proposals(horses: Sequence[int], taken: Taken, likely: Array, *, enough: bool) -> list[Proposal]:
    found = list[Proposal]()
    for named, row in zip(taken.named, likely, strict=True):
        ranked = np.argsort(-row, kind="stable")
        numbers, shares = tuple(horses[place] for place in ranked), tuple(float(row[place]) for place in ranked)
        found.append(Proposal(numbers, shares, named >= 0 or (enough and shares[0] >= CERTAIN)))
    return found
