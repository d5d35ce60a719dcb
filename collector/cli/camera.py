"""`collector import --camera`: the folder of one's own camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.base import read_settings
from collector.cli.bringing import imported, print_report
from collector.console.common import common
from collector.console.wording import counted
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from collector.imports.camera import Stated
    from collector.imports.camera_report import CameraReport
    from collector.politeness.gate import Connection
    from collector.settings import Settings

Folder = Annotated[
    Path | None, typer.Option("--camera", metavar="DIR", help="Bring your own camera's photos from this folder.")
]
Course = Annotated[
    str | None,
    typer.Option("--course", metavar="NAME", help="The racecourse of photos without GPS, by its name in Japanese."),
]
Photographer = Annotated[
    str | None, typer.Option("--photographer", metavar="NAME", help="Who took them; or PADDOCK_PHOTOGRAPHER.")
]
Rights = Annotated[
    str | None, typer.Option("--rights", metavar="TEXT", help="What may be done with them; or PADDOCK_RIGHTS.")
]
Offset = Annotated[
    str | None,
    typer.Option("--offset", metavar="+H:MM:SS", help="Is added to the camera's clock: +7:00 where it is 7 min slow."),
]
Clock = Annotated[
    list[str] | None,
    typer.Option("--clock", metavar="FILE=TIME", help="A photo of a clock, and what it showed: IMG_1.JPG=10:23:15."),
]
LONGEST = 500  # characters of a photographer and of rights


@dataclass(frozen=True, slots=True)
class Camera:
    """What was said on the command line of the photos of a camera."""

    course: str | None
    photographer: str | None
    rights: str | None
    offset: str | None
    clocks: Sequence[str]

    @property
    def given(self) -> str | None:
        """The first option that was given."""
        options = {
            "--course": self.course, "--photographer": self.photographer, "--rights": self.rights,
            "--offset": self.offset, "--clock": self.clocks,
        }  # fmt: skip
        return next((name for name, value in options.items() if value), None)


def bring_camera(folder: Path, said: Camera, *, dry_run: bool) -> ExitCode:
    """Bring the photos of a camera's folder, and say what came of it."""
    from collector.console.as_json import print_json
    from collector.console.steps import Steps
    from collector.console.terminal import stderr, stdout
    from collector.imports.camera import CameraImport
    from collector.imports.camera_report import CameraReport

    if not folder.is_dir():
        raise UsageError(f"--camera {folder} is not a folder.")
    settings, report = read_settings(), CameraReport(all_names=common().json)
    stated = _stated(said, settings)
    steps = Steps(stderr(), "steps")

    async def bring(connection: "Connection") -> CameraReport:
        return await CameraImport(connection, folder, stated, report, dry_run, steps.show).run()

    report = imported(settings, steps, bring)
    if common().json:
        print_json(report.as_json())
    else:
        print_report(stdout(), report, "photos", dry_run=dry_run)
        _print_cameras(stdout(), report)
    return ExitCode.SOME_FAILED if report.failed else ExitCode.DONE


def _stated(said: Camera, settings: "Settings") -> "Stated":
    """What is stated of all photos.

    Raises:
        UsageError: it does not say whose they are, or something in it cannot be read.
    """
    from collector.imports.camera import Stated
    from collector.imports.camera_clock import Corrections, read_clocks, read_offset
    from collector.sources.camera.courses import COURSES

    if said.offset and said.clocks:
        raise UsageError("--offset and --clock say the same thing: give one of them.")
    if said.course and said.course not in COURSES:
        raise UsageError(f"--course {said.course} is not a racecourse of the JRA; they are {', '.join(COURSES)}.")
    photographer = _words("--photographer NAME", "PADDOCK_PHOTOGRAPHER", said.photographer or settings.photographer)
    rights = _words("--rights TEXT", "PADDOCK_RIGHTS", said.rights or settings.rights)
    corrections = Corrections(read_offset(said.offset), read_clocks(said.clocks))
    return Stated(photographer, rights, said.course, corrections)


def _words(option: str, variable: str, text: str | None) -> str:
    words = (text or "").strip()
    if not words:
        raise UsageError(
            f"A photo says who took it and what may be done with it: give {option}, or set {variable} once "
            '(such as --photographer "Aiko Tanaka" --rights "CC BY 4.0").'
        )
    if len(words) > LONGEST or not words.isprintable():
        raise UsageError(f"{option} is one line of at most {LONGEST} characters.")
    return words


def _print_cameras(console: "Console", report: "CameraReport") -> None:
    """The cameras with their clocks, and where the photos belong."""
    for name, (count, offset) in report.cameras.items():
        clock = f", {offset} added to its clock" if offset != "+0:00" else ""
        console.print(f"{name}: {counted(count, 'photo')}{clock}", soft_wrap=True, markup=False)
    for count, words in (
        (report.corrected, "were held, and have another time, place, photographer or rights now"),
        (report.races.total(), f"in the paddock of {counted(len(report.races), 'race')}"),
        (report.in_no_paddock, "at no time of a paddock"),
        (report.elsewhere, "at none of the racecourses, by their GPS"),
        (report.without_races, "of days whose races are not known yet; `collector match` finds them later"),
    ):
        if count:
            console.print(f"  {count} {words}", soft_wrap=True)
    for hint in report.hints:
        console.print(hint, soft_wrap=True, markup=False)
