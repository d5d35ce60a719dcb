"""Which race a photo was taken for, by the time at which its horses were in the paddock; and what is one burst. Pure.

At the JRA's racecourses the horses of a race come into the paddock 35 to 30 minutes before the start, are led round
and round, are mounted some 15 minutes before it, and have left for the course 10 minutes before it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

OPENS, CLOSES = timedelta(minutes=35), timedelta(minutes=10)  # before the start: when a race's paddock begins and ends
GAP = timedelta(seconds=1.5)  # between two photos of a burst, at most: one finger that stays on the button
# An offset of a clock is looked for in these steps, and mentioned where this much is better by it.
STEP, FARTHEST = 60, 14 * 60  # seconds, and steps
FEWEST, FEWEST_RACES = 20, 2  # photos and races from which an offset can be seen
ENOUGH, BETTER = 0.9, 0.15  # share of the photos in a paddock with it, and by how much that is more than without
ALIKE = 0.02  # shares that differ by no more are as good as each other


@dataclass(frozen=True, slots=True)
class Start:
    """A race with its start."""

    race_id: str
    racecourse: str  # 東京
    at: datetime

    def before(self, moment: datetime) -> timedelta | None:
        """How far a moment in this race's paddock is from the middle of that time; None: it is not in it."""
        if not OPENS >= self.at - moment >= CLOSES:
            return None
        return abs(self.at - moment - (OPENS + CLOSES) / 2)


def race_of(taken: datetime, racecourse: str | None, starts: Sequence[Start]) -> Start | None:
    """The race whose paddock it was; None: none's, or nobody knows at which racecourse. Of two, the nearer one."""
    near = [(away, start.at, start) for start in starts if start.racecourse == racecourse
            and (away := start.before(taken)) is not None]  # fmt: skip
    return min(near, key=lambda found: found[:2])[2] if near else None


def bursts(times: Sequence[datetime]) -> list[list[int]]:
    """The photos of one camera in groups: in a group, each was taken soon after the one before. Indices, by time."""
    groups = list[list[int]]()
    for index in sorted(range(len(times)), key=lambda index: times[index]):
        if groups and times[index] - times[groups[-1][-1]] <= GAP:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def suggested_offset(taken: Sequence[datetime], starts: Sequence[Start]) -> timedelta | None:
    """What to add to a camera's clock, in minutes, so that its photos fit the times of the paddock; None: they do fit,
    or this cannot be seen.

    Photos of one racecourse. Where several offsets are as good as each other, it is the middle of those around the one
    nearest to none at all: races follow each other every half hour, so that an offset by half an hour fits nearly too.
    """
    if len(taken) < FEWEST or len(starts) < FEWEST_RACES:
        return None
    begin = min(taken)
    moments = sorted((moment - begin).total_seconds() for moment in taken)
    windows = [((its.at - OPENS - begin).total_seconds(), (its.at - CLOSES - begin).total_seconds()) for its in starts]
    shares = {step: _share(moments, windows, step * STEP) for step in range(-FARTHEST, FARTHEST + 1)}
    best = max(shares.values())
    if best < ENOUGH or best - shares[0] < BETTER:
        return None
    good = [step for step, share in shares.items() if share >= best - ALIKE]
    low = high = min(good, key=abs)
    while low - 1 in good:
        low -= 1
    while high + 1 in good:
        high += 1
    return timedelta(seconds=round((low + high) / 2) * STEP)


def _share(moments: Sequence[float], windows: Sequence[tuple[float, float]], offset: float) -> float:
    """The share of the photos (seconds, in order) that are in a paddock, if this is added to their time."""
    inside = sum(bisect_right(moments, end - offset) - bisect_left(moments, begin - offset) for begin, end in windows)
    return min(1.0, inside / len(moments))
