"""A day with a camera at a racecourse of the look-alike's world: the folder that a person would bring home.

The camera's clock is slow; its first photo is of a clock that is right.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFont

from collector.demo.world.drawing import draw_backdrop
from collector.demo.world.figure import draw_horse
from collector.demo.world.horses import Horse
from collector.demo.world.races import Race, Races
from collector.demo.world.walking import Habits, Paddock, Shot, order_of_walk, photograph
from collector.demo.world.world import World

YEAR = 2016
SLOW = timedelta(minutes=7)  # what the camera's clock is behind
COMES_IN = timedelta(minutes=33)  # before the start: the first horse
CLOCK, CLOCK_SHOWS = "IMG_0001.JPG", timedelta(hours=9, minutes=30)
MODEL = "Look-alike X1"
QUALITY = 85
A_PASS = 1.2  # seconds within which photos are of one pass


@dataclass(frozen=True, slots=True)
class Taken:
    """A photo of the day."""

    at: datetime  # by a clock that is right
    pass_at: float  # when the pass began that it is of, in seconds; photos of one pass look alike
    race: Race
    shot: Shot


def write_day(folder: Path, world: World | None = None) -> tuple[Race, ...]:
    """Write the camera's folder of the first day of its year with two races at one racecourse; the races.

    Raises:
        OSError: the folder cannot be written.
    """
    races = _races_of_day(Races(world or World()))
    folder.mkdir(parents=True, exist_ok=True)
    midnight = datetime.combine(races[0].day, datetime.min.time())
    shows = midnight + CLOCK_SHOWS
    (folder / CLOCK).write_bytes(_as_jpeg(_draw_clock(shows), shows))
    for number, taken in enumerate(_taken(races), 2):
        (folder / f"IMG_{number:04}.JPG").write_bytes(_as_jpeg(_draw(taken), taken.at))
    return races


def _races_of_day(races: Races) -> tuple[Race, ...]:
    for issue in races.world.issues(YEAR):
        for day in issue.race_days:
            for course in sorted({race.racecourse for race in races.on(day)}):
                found = tuple(race for race in races.on(day) if race.racecourse == course)
                if len(found) > 1:
                    return found
    raise AssertionError(f"the look-alike has no day with two races in {YEAR}")


def _taken(races: tuple[Race, ...]) -> Iterator[Taken]:
    for race in races:
        draw = Random(f"walk:{race.race_id}")
        numbers = [entry.number for entry in race.entries if entry.fate != "取"]
        shots = photograph(Paddock(order_of_walk(numbers, draw), draw), [Habits(0.3, spell=90, rest=300)])
        begins = datetime.combine(race.day, race.start) - COMES_IN
        pass_at = last = -A_PASS
        for shot in shots:
            pass_at = pass_at if shot.at - last <= A_PASS else shot.at
            last = shot.at
            yield Taken(begins + timedelta(seconds=shot.at), pass_at, race, shot)


def _draw(taken: Taken) -> Image.Image:
    random = Random(f"{taken.race.race_id}:{taken.pass_at}")
    canvas = draw_backdrop(random)
    if taken.shot.number is not None:
        draw_horse(canvas, random, _horse(taken.race, taken.shot.number), taken.shot.number)
    return ImageChops.offset(canvas, round(25 * (taken.shot.at - taken.pass_at)), 0)  # it has walked on a little


def _horse(race: Race, number: int) -> Horse:
    return next(entry.horse.horse for entry in race.entries if entry.number == number)


def _draw_clock(shows: datetime) -> Image.Image:
    canvas = Image.new("RGB", (608, 456), (24, 28, 32))
    ImageDraw.Draw(canvas).text((304, 228), f"{shows:%H:%M:%S}", (240, 200, 60), ImageFont.load_default(96), "mm")
    return canvas


def _as_jpeg(image: Image.Image, at: datetime) -> bytes:
    clock = at - SLOW
    data = Image.Exif()
    data[ExifTags.Base.Make], data[ExifTags.Base.Model] = "Paddock", MODEL
    data.get_ifd(ExifTags.IFD.Exif).update({
        ExifTags.Base.DateTimeOriginal: f"{clock:%Y:%m:%d %H:%M:%S}",
        ExifTags.Base.SubsecTimeOriginal: f"{clock.microsecond // 10_000:02}",
        ExifTags.Base.BodySerialNumber: "0001",
    })  # fmt: skip
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY, exif=data)
    return file.getvalue()
