"""Photos as a camera or a telephone writes them: JPEG, HEIC and DNG with EXIF data, and a folder of them imported."""

import io
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from collector.imports.camera import CameraImport, Stated
from collector.imports.camera_clock import Corrections
from collector.imports.camera_report import CameraReport

TOKYO = (35.6640, 139.4850)
MORNING = datetime(2015, 3, 1, 10, 20, 0)  # noqa: DTZ001  (a camera's clock has no zone)
SERIAL = "012345678901"
OWNER, NOTES = "Aiko Tanaka owns this", b"the maker's notes"
RIGHTS = "CC BY 4.0"


def scene(number: int, moved: int = 0) -> Image.Image:
    """A picture that looks like no other number's; `moved` pixels further on, it is the next one of a burst."""
    shades = bytes((number * 37 + place * place * (number + 3)) % 256 for place in range(24 * 16))
    wide = Image.frombytes("L", (24, 16), shades).resize((960, 640), Image.Resampling.BICUBIC)
    return wide.crop((moved, 0, moved + 800, 640)).convert("RGB")


def exif(
    at: datetime | str | None = MORNING, *, fraction: str = "12", zone: str | None = None, model: str = "Canon EOS R5",
    serial: str = SERIAL, place: tuple[float, float] | None = None, gps_at: datetime | None = None, turn: int = 1,
) -> Image.Exif:  # fmt: skip
    """What a camera writes; `at` is its clock."""
    data = Image.Exif()
    data[ExifTags.Base.Make], data[ExifTags.Base.Model] = "Canon", model
    data[ExifTags.Base.Orientation] = turn
    shot: dict[int, Any] = {ExifTags.Base.BodySerialNumber: serial, 0xA430: OWNER, ExifTags.Base.MakerNote: NOTES}
    if at is not None:
        shot[ExifTags.Base.DateTimeOriginal] = at if isinstance(at, str) else f"{at:%Y:%m:%d %H:%M:%S}"
        shot[ExifTags.Base.SubsecTimeOriginal] = fraction
    if zone:
        shot[ExifTags.Base.OffsetTimeOriginal] = zone
    data._ifds[ExifTags.IFD.Exif] = shot
    satellites: dict[int, Any] = {}
    if place:
        angles = [
            [IFDRational(int(abs(part) * 3_600_000), 3_600_000), IFDRational(0), IFDRational(0)] for part in place
        ]
        satellites |= {1: "N" if place[0] >= 0 else "S", 2: angles[0], 3: "E" if place[1] >= 0 else "W", 4: angles[1]}
    if gps_at:
        satellites |= {7: [IFDRational(part) for part in (gps_at.hour, gps_at.minute, gps_at.second)]}
        satellites |= {29: f"{gps_at:%Y:%m:%d}"}
    if satellites:
        data._ifds[ExifTags.IFD.GPSInfo] = satellites
    return data


def jpeg(image: Image.Image, data: Image.Exif | bytes | None = None, quality: int = 90) -> bytes:
    """A picture as a JPEG with EXIF data."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **({} if data is None else {"exif": data}))
    return file.getvalue()


def dng(image: Image.Image, at: datetime = MORNING) -> bytes:
    """A tiny DNG: measurements behind a mosaic of colours, with the same EXIF data, and a small JPEG beside them."""
    grey = image.convert("L").resize((64, 48))
    pixels = struct.pack("<3072H", *(value * 200 for value in grey.tobytes()))
    clock, model = f"{at:%Y:%m:%d %H:%M:%S}\0".encode(), b"Canon EOS R5\0"
    texts = [b"Canon\0", model, clock, SERIAL.encode() + b"\0", b"12\0\0"]
    start = 8 + 2 + 16 * 12 + 4 + 2 + 3 * 12 + 4
    places = [start + sum(map(len, texts[:number])) for number in range(len(texts) + 1)]
    exif_at = 8 + 2 + 16 * 12 + 4
    tags = [
        (254, 4, 1, 0), (256, 4, 1, 64), (257, 4, 1, 48), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 32803),
        (271, 2, len(texts[0]), places[0]), (272, 2, len(model), places[1]), (273, 4, 1, places[5]), (277, 3, 1, 1),
        (278, 4, 1, 48), (279, 4, 1, len(pixels)), (33421, 3, 2, 2 | 2 << 16), (33422, 1, 4, 0x02010100),
        (34665, 4, 1, exif_at), (50706, 1, 4, 0x00000401),
    ]  # fmt: skip
    shot = [(36867, 2, 20, places[2]), (37521, 2, 4, int.from_bytes(b"12\0\0", "little")),
            (42033, 2, len(texts[3]), places[3])]  # fmt: skip
    parts = [b"II\x2a\0\x08\0\0\0"]
    for entries in (tags, shot):
        parts += [struct.pack("<H", len(entries)), *(struct.pack("<HHII", *entry) for entry in entries), bytes(4)]
    return b"".join([*parts, *texts, pixels])


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A camera's folder with these files."""
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def stated(
    course: str | None = None, offset: timedelta | None = None, clocks: Mapping[str, str] | None = None
) -> Stated:
    """What a person says of a folder."""
    return Stated("Aiko Tanaka", RIGHTS, course, Corrections(offset, clocks or {}))


async def bring_camera(
    conninfo: str, folder: Path, said: Stated | None = None, *, dry_run: bool = False
) -> CameraReport:
    """Import a camera's folder."""
    report = CameraReport(all_names=True)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        done = CameraImport(connection, folder, said or stated(), report, dry_run, lambda _done, _total: None)
        return await done.run()


def burst(number: int, photos: int, start: datetime = MORNING, every: float = 0.2) -> Sequence[bytes]:
    """The photos of one burst."""
    found = []
    for index in range(photos):
        at = start + timedelta(seconds=index * every)
        found.append(jpeg(scene(number, index * 2), exif(at, fraction=f"{at.microsecond // 10_000 + 1:02}")))
    return found
