"""What is added to a camera's clock to get the moment of a shot. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from pathlib import PurePosixPath

from collector.errors import UsageError
from collector.sources.camera.record import JAPAN, is_dated
from collector.storage.shots import Shot

OFFSET = re.compile(r"([+-])(?:(\d{1,3}):)?(\d{1,3}):(\d{2})")
SHOWN = re.compile(r"(?:(\d{4})-(\d{2})-(\d{2})[T ])?(\d{1,2}):(\d{2}):(\d{2})")
HALF_A_DAY = timedelta(hours=12)
EXAMPLE_OFFSET = "--offset +7:00 where the camera's clock is 7 minutes slow, --offset -1:00:00 where it is an hour fast"
EXAMPLE_CLOCK = "--clock IMG_0001.JPG=10:23:15"
FEWEST_FIXES, WRONG = 3, timedelta(seconds=60)  # shots with a time by GPS, and how far off a clock is mentioned
SCATTER = timedelta(seconds=45)  # of the differences, where they can be believed


@dataclass(frozen=True, slots=True)
class Taken:
    """A file with what its camera says of the shot."""

    file: str  # below the folder, with / between folders
    shot: Shot


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a person says of the cameras' clocks."""

    offset: timedelta | None = None  # of the only camera
    clocks: Mapping[str, str] = field(default_factory=dict)  # what a clock showed, by the file of its photo

    @property
    def given(self) -> bool:
        """Whether a person said anything of a clock."""
        return self.offset is not None or bool(self.clocks)

    def of_cameras(self, taken: Sequence[Taken]) -> dict[str | None, timedelta]:
        """What is added to each camera's clock; a camera that is not named here is right.

        Raises:
            UsageError: the offset may be of several cameras, or a photo of a clock is not there or has no time.
        """
        cameras = list(dict.fromkeys(one.shot.camera for one in taken if one.shot.clock))
        if self.offset is not None:
            if len(cameras) > 1:
                names = ", ".join(name or "one without a name" for name in cameras)
                raise UsageError(
                    f"--offset is of one camera, and here are photos of {len(cameras)}: {names}. "
                    f"Import the folder of each by itself, or use a photo of a clock: {EXAMPLE_CLOCK}."
                )
            return dict.fromkeys(cameras, self.offset)
        found = dict[str | None, timedelta]()
        for file, shown in self.clocks.items():
            one = _named(file, taken)
            offset = _by_clock(one, shown)
            if found.setdefault(one.shot.camera, offset) != offset:
                raise UsageError(f"--clock: two photos of a clock by {one.shot.camera or 'one camera'} do not agree.")
        return found

    def photos_of_clocks(self, taken: Sequence[Taken]) -> set[str]:
        """The files that show a clock."""
        return {_named(file, taken).file for file in self.clocks}


def read_offset(text: str | None) -> timedelta | None:
    """What --offset adds to the camera's clock: +M:SS, -M:SS, +H:MM:SS or -H:MM:SS.

    Raises:
        UsageError: it is not that.
    """
    if text is None:
        return None
    found = OFFSET.fullmatch(text.strip().replace("−", "-"))
    if not found or int(found[4]) > 59 or (found[2] and int(found[3]) > 59):
        raise UsageError(f"--offset {text} is not a time to add; write {EXAMPLE_OFFSET}.")
    offset = timedelta(hours=int(found[2] or 0), minutes=int(found[3]), seconds=int(found[4]))
    return -offset if found[1] == "-" else offset


def read_clocks(texts: Sequence[str]) -> dict[str, str]:
    """What clocks showed, by the files of their photos.

    Raises:
        UsageError: one is not FILE=HH:MM:SS.
    """
    found = dict[str, str]()
    for text in texts:
        file, equals, shown = text.rpartition("=")
        match = SHOWN.fullmatch(shown.strip())
        if not (equals and file and match and _moment(match)):
            raise UsageError(f"--clock {text} does not name a photo and the time on it; write {EXAMPLE_CLOCK}.")
        found[file.strip().replace("\\", "/").removeprefix("./")] = shown.strip()
    return found


def _day(found: re.Match[str]) -> date:
    year, month, day = map(int, found.groups()[:3])
    return date(year, month, day)


def _time(found: re.Match[str]) -> time:
    hour, minute, second = map(int, found.groups()[3:])
    return time(hour, minute, second)


def _moment(found: re.Match[str]) -> bool:
    try:
        _time(found)
        return found[1] is None or bool(_day(found))
    except ValueError:
        return False


def _named(file: str, taken: Sequence[Taken]) -> Taken:
    """The photo that --clock names, by its path below the folder or by its name alone."""
    found = [one for one in taken if one.file == file] or [
        one for one in taken if PurePosixPath(one.file).name.casefold() == file.casefold()
    ]
    if len(found) != 1:
        why = "several photos are called that: name its folder too" if found else "it is not a photo of the folder"
        raise UsageError(f"--clock {file}: {why}.")
    return found[0]


def _by_clock(taken: Taken, shown: str) -> timedelta:
    """What to add so that the photo was taken when its clock showed this; without a day, less than half of one."""
    before = moment_of(taken.shot)
    if before is None or taken.shot.clock is None:
        raise UsageError(f"--clock {taken.file}: the camera wrote no time into this photo, so nothing can be compared.")
    found = SHOWN.fullmatch(shown)
    assert found is not None
    clock = _time(found)
    if found[1]:
        return _whole(datetime.combine(_day(found), clock, JAPAN) - before)
    offset = datetime.combine(before.astimezone(JAPAN), clock, JAPAN) - before
    while abs(offset) > HALF_A_DAY:
        offset += timedelta(days=1) if offset < timedelta(0) else -timedelta(days=1)
    return _whole(offset)


def _whole(offset: timedelta) -> timedelta:
    """In whole seconds: a clock shows no others."""
    return timedelta(seconds=round(offset.total_seconds()))


def moment_of(shot: Shot) -> datetime | None:
    """When a shot was taken by the camera's own clock, which is Japan's where it names no zone; by GPS without one."""
    if shot.clock is None:
        return shot.satellites
    return shot.clock.replace(tzinfo=JAPAN if shot.zone is None else timezone(shot.zone))


def shown_by(shot: Shot) -> datetime | None:
    """What the camera's clock showed, without a zone: it says which shot this is, however the clock is corrected.

    Without a clock it is Japan's time by GPS; None: neither is known.
    """
    if shot.clock or shot.satellites is None:
        return shot.clock
    return shot.satellites.astimezone(JAPAN).replace(tzinfo=None)


def corrected(shot: Shot, offsets: Mapping[str | None, timedelta]) -> datetime | None:
    """When a shot was really taken; None: nobody knows, or a correction gives a year that no photo is of."""
    moment = moment_of(shot)
    if moment is None:
        return None
    try:
        right = moment + offsets.get(shot.camera, timedelta(0)) if shot.clock else moment  # GPS is right
        return right if is_dated(right.astimezone(JAPAN)) else None
    except OverflowError:
        return None


def wrong_by_satellites(shots: Sequence[Shot], offset: timedelta) -> timedelta | None:
    """What to add to a camera's clock by its own times of GPS; None where it is right, or that is not sure."""
    differences = [
        shot.satellites - moment for shot in shots if shot.clock and shot.satellites and (moment := moment_of(shot))
    ]
    if len(differences) < FEWEST_FIXES:
        return None
    middle = sorted(differences)[len(differences) // 2]
    close = sum(abs(difference - middle) <= SCATTER for difference in differences)
    if abs(middle - offset) < WRONG or close * 4 < len(differences) * 3:
        return None
    return _whole(middle)


def offset_in_words(offset: timedelta) -> str:
    """An offset as --offset takes it: +7:00, -1:00:00."""
    seconds = abs(round(offset.total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    sign = "-" if offset < timedelta(0) else "+"
    return f"{sign}{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{sign}{minutes}:{seconds % 60:02}"
