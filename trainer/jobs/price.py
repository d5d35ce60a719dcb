"""The price of a run at each place: the price of an hour there, times the hours that such runs took there. Pure."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.jobs.profiles import Profile
from trainer.jobs.task import LOCAL, Job, State


@dataclass(frozen=True, slots=True)
class Estimate:
    """A run at one place."""

    place: str
    hourly: float
    currency: str
    speed: float | None  # photos of the data set per second, over the whole run; None if no such run has ended there
    measured: int  # number of runs behind the speed, their median
    seconds: float | None
    price: float | None
    break_even: float | None  # hours of training after which owning this machine is cheaper than renting that one


def estimate(
    profiles: Iterable[Profile], jobs: Sequence[Job], preset: str, settings: Sequence[str], photos: int
) -> list[Estimate]:
    """A run of a preset on `photos` photos at each place, from earlier runs of the same preset and settings there."""
    held = list(profiles)
    own = next(profile for profile in held if profile.name == LOCAL)
    return [_at(profile, own, _speeds(jobs, profile.name, preset, settings), photos) for profile in held]


def _speeds(jobs: Sequence[Job], place: str, preset: str, settings: Sequence[str]) -> list[float]:
    return [
        job.task.photos / job.seconds
        for job in jobs
        if (job.place, job.task.preset, job.task.settings) == (place, preset, tuple(settings))
        and job.state is State.DONE
        and job.attempts == 1  # a later attempt repeats some of the work
        and job.seconds > 0
        and job.task.photos
    ]


def _at(profile: Profile, own: Profile, speeds: list[float], photos: int) -> Estimate:
    speed = statistics.median(speeds) if speeds else None
    seconds = photos / speed if speed else None
    return Estimate(
        place=profile.name,
        hourly=profile.hourly,
        currency=profile.currency,
        speed=speed,
        measured=len(speeds),
        seconds=seconds,
        price=seconds / 3600 * profile.hourly if seconds is not None and profile.hourly else None,
        break_even=_break_even(profile, own),
    )


def _break_even(profile: Profile, own: Profile) -> float | None:
    """Hours of use after which buying one's own machine costs less than renting; None if never or not known."""
    saved = profile.hourly - own.hourly
    if profile.name == own.name or not own.purchase_price or saved <= 0 or profile.currency != own.currency:
        return None
    return own.purchase_price / saved
