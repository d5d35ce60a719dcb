"""The bursts of a camera: photos of one horse at one moment, of which a model learns what it learns of one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

APART = 1.5  # seconds; photos of one camera that follow each other no later are of one moment


@dataclass(frozen=True, slots=True, order=True)
class Shot:
    """A photo whose camera says when it was taken; in order, those of one burst follow each other."""

    camera: str
    horse_id: str
    at: datetime
    place: int = field(compare=False)  # of the photo among all


def bursts(shots: Sequence[Shot]) -> list[list[int]]:
    """The places of the photos of each burst, in the order of time."""
    found: list[list[Shot]] = []
    for shot in sorted(shots):
        last = found[-1][-1] if found else None
        if last and _is_next(last, shot):
            found[-1].append(shot)
        else:
            found.append([shot])
    return [[shot.place for shot in burst] for burst in found]


def middle(burst: Sequence[int]) -> int:
    """The photo that stands for a burst: in its middle the horse is before the camera."""
    return burst[(len(burst) - 1) // 2]


def _is_next(last: Shot, shot: Shot) -> bool:
    same = (last.camera, last.horse_id) == (shot.camera, shot.horse_id)
    return same and (shot.at - last.at).total_seconds() <= APART
