"""What an import of a camera's folder says of its cameras, its races and its clocks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from collector.codes import Aside
from collector.console.wording import counted
from collector.imports.camera_clock import offset_in_words, wrong_by_satellites
from collector.imports.report import Report
from collector.matching.camera import Starts, day_of
from collector.matching.paddock_times import race_of, suggested_offset
from collector.sources.licences import IDS, licence_of
from collector.storage.shots import Shot

EXPECTED = (Aside.COPY, Aside.CLOCK)  # left out as it should be
NO_NAME = "a camera without a name"
WITHOUT_COURSE = "photo does not say where it was taken", "photos do not say where they were taken"


@dataclass(slots=True)
class CameraReport(Report):
    """What was brought from a camera's folder."""

    cameras: dict[str, tuple[int, str]] = field(default_factory=dict)  # photos and offset, by camera
    corrected: int = 0  # photos that were held, and of which something else is stated now
    races: Counter[str] = field(default_factory=Counter)  # photos in the paddock of each race
    in_no_paddock: int = 0  # at no time of a paddock of that day's races
    without_races: int = 0  # photos of days whose races at that place are not known
    without_course: int = 0  # nothing says where they were taken
    elsewhere: int = 0  # at none of the racecourses, as their GPS says
    hints: list[str] = field(default_factory=list)  # what may be wrong, and what to do

    @property
    def failed(self) -> int:
        """Files that were left out although somebody may want them."""
        return sum(count for code, count in self.left_out.items() if code not in EXPECTED)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        cameras = [
            {"camera": name, "photos": count, "offset": offset} for name, (count, offset) in self.cameras.items()
        ]
        return Report.as_json(self) | {
            "cameras": cameras, "corrected": self.corrected, "races": dict(sorted(self.races.items())),
            "in_no_paddock": self.in_no_paddock,
            "without_races": self.without_races, "without_course": self.without_course, "elsewhere": self.elsewhere,
            "hints": self.hints,
        }  # fmt: skip


def describe_cameras(
    report: CameraReport,
    photos: Sequence[tuple[Shot, datetime, str | None]],
    offsets: Mapping[str | None, timedelta],
    starts: Starts,
    rights: str,
) -> None:
    """Say what the photos of the folder (shot, moment, racecourse) are together, with the rights of all of them."""
    by_camera = dict[str | None, list[tuple[Shot, datetime, str | None]]]()
    for photo in photos:
        by_camera.setdefault(photo[0].camera, []).append(photo)
        _count(report, *photo, starts)
    for camera, its in by_camera.items():
        offset = offsets.get(camera, timedelta(0))
        report.cameras[camera or NO_NAME] = len(its), offset_in_words(offset)
        if hint := _hint(camera or NO_NAME, its, offset, starts):
            report.hints.append(hint)
    if report.without_course:
        report.hints.append(
            f"{counted(report.without_course, *WITHOUT_COURSE)}, so no race can be found: "
            "import the folder again with --course, such as --course 東京."
        )
    if photos and licence_of(rights) is None:
        report.hints.append(
            f'"{rights}" names none of the open licences that are known here ({IDS}), and '
            "`trainer export --rights own` needs one: to state it, import the folder again with another --rights."
        )


def _count(report: CameraReport, shot: Shot, taken: datetime, course: str | None, starts: Starts) -> None:
    if course is None:
        report.elsewhere += shot.place is not None
        report.without_course += shot.place is None
    elif start := race_of(taken, course, starts.at(course, taken)):
        report.races[start.race_id] += 1
    elif starts.at(course, taken):
        report.in_no_paddock += 1
    else:
        report.without_races += 1


def _hint(
    camera: str, photos: Sequence[tuple[Shot, datetime, str | None]], offset: timedelta, starts: Starts
) -> str | None:
    """What a camera's clock may be off by: as GPS says, or as the times of the paddock do."""
    right = wrong_by_satellites([shot for shot, _, _ in photos], offset)
    if right is not None:
        return f"GPS says that the clock of {camera} was {_slow(right)}; {_again(right)}."
    paddocks = dict[tuple[str, date], list[datetime]]()
    for _, taken, course in photos:
        if course:
            paddocks.setdefault((course, day_of(taken)), []).append(taken)
    for (course, _), moments in paddocks.items():
        more = suggested_offset(moments, starts.at(course, moments[0]))
        if more is not None:
            words = f"The photos of {camera} fit the times of the paddock at {course} best if its clock was "
            return f"{words}{_slow(offset + more)}; if so, {_again(offset + more)}."
    return None


def _slow(offset: timedelta) -> str:
    return f"{offset_in_words(abs(offset)).removeprefix('+')} {'slow' if offset > timedelta(0) else 'fast'}"


def _again(offset: timedelta) -> str:
    return f"import this camera's photos again with --offset {offset_in_words(offset)}"
