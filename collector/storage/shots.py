"""What a camera wrote into a picture about the shot: its moment, its place, and which camera it was.

Like `images`, this runs in the processes of `collector.storage.decoders`, which can be killed: EXIF data are foreign
bytes too. A camera's serial number does not leave them.
"""

import hashlib
import io
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import ExifTags, Image

from collector.errors import BrokenPicture
from collector.storage import raw_files
from collector.storage.images import BROKEN, Picture, as_jpeg, inspect, reader_of, unpack
from collector.storage.picture_bytes import Format, format_of

MOMENT = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
ZONE = re.compile(r"([+-])(\d\d):(\d\d)")
WIDEST_ZONE = timedelta(hours=14)
YEARS = range(1953, 2049)  # in which a photo may have been taken; a camera without a battery says 1980 or 2000
LONGEST_NAME = 60  # characters of a camera's name
KEY = 4  # hexadecimal digits by which cameras of one model differ: too few to find a serial number by
DNG_SERIAL = 0xC62F
QUALITY = 95


@dataclass(frozen=True, slots=True)
class Shot:
    """What a camera says of a shot; None: it does not."""

    clock: datetime | None = None  # as its clock showed, without a zone
    exact: bool = False  # whether that has a fraction of a second
    zone: timedelta | None = None  # by which its clock is ahead of UTC
    satellites: datetime | None = None  # the moment by GPS: UTC, of the last fix
    place: tuple[float, float] | None = None  # latitude and longitude in degrees
    camera: str | None = None  # "Canon EOS R5 3fa2"


@dataclass(frozen=True, slots=True)
class Look:
    """What is found in a picture's file."""

    shot: Shot
    picture: Picture | None  # None: it was not asked for


def look(body: bytes, *, measured: bool) -> Look:
    """The shot, and the measures of the picture where they are wanted.

    Raises:
        BrokenPicture: it is not a picture that can be read.
    """
    picture = inspect(body) if measured else None
    return Look(read_shot(body), picture)


def bare(body: bytes) -> bytes:
    """A picture as an upright JPEG that holds nothing but pixels: no EXIF data, no maker's notes, no small picture.

    Raises:
        BrokenPicture: it cannot be read.
    """
    return as_jpeg(unpack(body).image, QUALITY)


def read_shot(body: bytes) -> Shot:
    """What a camera wrote of a shot. What is broken or absurd counts as not written.

    Raises:
        BrokenPicture: it is not a picture, or what reads its format is not installed.
    """
    file_format = format_of(body)
    shot, tags, place = {}, {}, {}
    for raw in _exif(body, file_format):
        try:
            with warnings.catch_warnings(action="ignore"):
                exif = Image.Exif()
                exif.load(raw)
                tags |= dict(exif)
                shot |= exif.get_ifd(ExifTags.IFD.Exif)
                place |= exif.get_ifd(ExifTags.IFD.GPSInfo)
        except BROKEN:
            continue
    if file_format is Format.RAW:  # CR3 has its parts side by side
        shot, place = tags | shot, place or tags
    return Shot(*_clock(shot), _zone(shot), _satellites(place), _place(place), _camera(tags, shot))


def _exif(body: bytes, file_format: Format) -> list[bytes]:
    try:
        if file_format is Format.RAW:
            return raw_files.exif_of(body)
        with warnings.catch_warnings(action="ignore"), reader_of(file_format)(io.BytesIO(body)) as image:
            return [image.info.get("exif") or b""]
    except BROKEN as error:
        raise BrokenPicture(f"a broken image: {error or type(error).__name__}") from error


def _text(value: Any) -> str:
    """A tag's text; empty where it is something else."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if not isinstance(value, str):
        return ""
    return value.split("\0", 1)[0].strip()[:1000]


def _clock(tags: Mapping[int, Any]) -> tuple[datetime | None, bool]:
    found = MOMENT.fullmatch(_text(tags.get(ExifTags.Base.DateTimeOriginal)))
    if not found:
        return None, False
    try:
        year, month, day, hour, minute, second = map(int, found.groups())
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  (a camera's clock has no zone)
    except ValueError:
        return None, False
    if moment.year not in YEARS:
        return None, False
    digits = _text(tags.get(ExifTags.Base.SubsecTimeOriginal))
    if not re.fullmatch("[0-9]{1,9}", digits) or not digits.strip("0"):  # some cameras always write 00
        return moment, False
    return moment.replace(microsecond=int(digits[:6].ljust(6, "0"))), True


def _zone(tags: Mapping[int, Any]) -> timedelta | None:
    found = ZONE.fullmatch(_text(tags.get(ExifTags.Base.OffsetTimeOriginal)))
    if not found:
        return None
    zone = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return None if zone > WIDEST_ZONE else -zone if found[1] == "-" else zone


def _numbers(value: Any, count: int) -> list[float] | None:
    """This many finite numbers; a fraction of zero parts is not one."""
    try:
        numbers = [float(part) for part in value]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _satellites(tags: Mapping[int, Any]) -> datetime | None:
    day = re.fullmatch(r"(\d{4}):(\d\d):(\d\d)", _text(tags.get(ExifTags.GPS.GPSDateStamp)))
    time = _numbers(tags.get(ExifTags.GPS.GPSTimeStamp), 3)
    if not day or not time:
        return None
    hours, minutes, seconds = time
    try:
        year, month, date = map(int, day.groups())
        moment = datetime(year, month, date, tzinfo=UTC)
        moment += timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in YEARS else None


def _place(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    north, east = _angle(tags, ExifTags.GPS.GPSLatitude, "S"), _angle(tags, ExifTags.GPS.GPSLongitude, "W")
    if north is None or east is None or abs(north) > 90 or abs(east) > 180 or (north, east) == (0, 0):
        return None
    return north, east


def _angle(tags: Mapping[int, Any], tag: int, negative: str) -> float | None:
    parts = _numbers(tags.get(tag), 3)
    if parts is None:
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    return -degrees if _text(tags.get(tag - 1)).upper() == negative else degrees  # its letter stands before it


def _camera(tags: Mapping[int, Any], shot: Mapping[int, Any]) -> str | None:
    """Maker and model, with a key of its serial number from which nobody finds the number."""
    maker, model = (_name(tags.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    if maker and model.casefold().startswith(maker.split()[0].casefold()):
        maker = ""  # "Canon" and "Canon EOS R5"
    name = f"{maker} {model}".strip()[:LONGEST_NAME].strip()
    serial = _text(shot.get(ExifTags.Base.BodySerialNumber)) or _text(tags.get(DNG_SERIAL))
    if not serial.strip("0 "):
        return name or None
    key = hashlib.sha256("\0".join((maker, model, serial)).encode("utf-8", "replace")).hexdigest()
    return f"{name or 'camera'} {key[:KEY]}"


def _name(value: Any) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in _text(value)).split())
