"""What a camera writes of a shot is read, whatever the format; what is broken or absurd counts as not written."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from collector.errors import BrokenPicture
from collector.storage import raw_files
from collector.storage.images import inspect
from collector.storage.shots import Shot, bare, look, read_shot
from tests.shots import MORNING, NOTES, OWNER, SERIAL, TOKYO, dng, exif, jpeg, scene

NOTHING = Shot()


def test_a_shot_has_its_moment_its_place_and_its_camera() -> None:
    body = jpeg(scene(1), exif(zone="+09:00", place=TOKYO, gps_at=MORNING.replace(hour=1, second=4), turn=6))
    shot = read_shot(body)
    assert (shot.clock, shot.exact, shot.zone) == (MORNING.replace(microsecond=120_000), True, timedelta(hours=9))
    assert shot.place == pytest.approx(TOKYO)
    assert shot.satellites == datetime(2015, 3, 1, 1, 20, 4, tzinfo=UTC)
    assert shot.camera is not None
    assert shot.camera.startswith("Canon EOS R5 ")
    assert SERIAL[:6] not in shot.camera


def test_cameras_of_one_model_have_different_names_and_one_camera_is_always_the_same() -> None:
    names = [read_shot(jpeg(scene(1), exif(serial=serial))).camera for serial in ("1001", "1002", "1001", "")]
    assert names[0] == names[2] != names[1]
    assert names[3] == "Canon EOS R5"


def test_heic_and_raw_say_the_same_as_a_jpeg() -> None:
    expected = read_shot(jpeg(scene(1), exif()))
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(scene(1)).save(file, exif=exif().tobytes())
    assert read_shot(file.getvalue()) == expected
    seen = look(dng(scene(1)), measured=True)
    assert seen.shot == expected
    assert seen.picture is not None
    assert (seen.picture.media_type, seen.picture.width, seen.picture.height) == ("image/x-dcraw", 64, 48)


def test_the_other_raw_formats_are_known_by_how_they_lay_out_the_same_data() -> None:
    tiff = dng(scene(1))
    photo = jpeg(scene(1), exif())
    at = 92
    raf = b"FUJIFILMCCD-RAW " + bytes(68) + at.to_bytes(4) + len(photo).to_bytes(4) + photo
    data = exif()
    shot = Image.Exif()
    shot.update(data.get_ifd(ExifTags.IFD.Exif))
    parts = [(b"CMT1", data.tobytes()[6:]), (b"CMT2", shot.tobytes()[6:])]
    boxes = raw_files.CANON + b"".join((8 + len(part)).to_bytes(4) + name + part for name, part in parts)
    uuid = (8 + len(boxes)).to_bytes(4) + b"uuid" + boxes
    cr3 = (16).to_bytes(4) + b"ftypcrx " + bytes(4) + (8 + len(uuid)).to_bytes(4) + b"moov" + uuid
    for body in (b"IIRO" + tiff[4:], b"IIU\0" + tiff[4:], raf, cr3):
        assert read_shot(body) == read_shot(photo), body[:16]


@pytest.mark.parametrize(
    "at", ["0000:00:00 00:00:00", "2015:02:30 10:00:00", "9999:12:31 23:59:59", "1970:01", "", "\0" * 19, "今日", None]
)
def test_a_moment_that_cannot_be_is_none(at: str | None) -> None:
    assert read_shot(jpeg(scene(1), exif(at))).clock is None


def test_numbers_that_are_not_finite_are_not_a_place() -> None:
    data = exif(gps_at=MORNING)
    zero = IFDRational(1, 0)
    for values in ({2: [zero] * 3, 4: [zero] * 3}, {2: [IFDRational(400), 0, 0], 4: [0, 0, 0]}, {2: [1], 4: [2]}):
        data._ifds[ExifTags.IFD.GPSInfo] |= {1: "N", 3: "E", 7: [zero] * 3} | values
        shot = read_shot(jpeg(scene(1), data))
        assert (shot.place, shot.satellites) == (None, None)


def test_hostile_names_are_made_harmless() -> None:
    shot = read_shot(jpeg(scene(1), exif(model="\x1b[31m" + "x" * 5000, serial="\0\0")))
    assert shot.camera is not None
    assert (len(shot.camera) <= 60, shot.camera.isprintable()) == (True, True)


def test_broken_data_are_as_good_as_none() -> None:
    whole = exif(place=TOKYO).tobytes()
    for size in (0, 7, 20, 60, 100, len(whole) // 2):
        assert isinstance(read_shot(jpeg(scene(1), whole[:size] or b"Exif\0\0")), Shot)
    huge = bytearray(whole)
    huge[18:22] = b"\xff\xff\xff\xff"  # a tag of four thousand million parts
    assert isinstance(read_shot(jpeg(scene(1), bytes(huge))), Shot)
    assert read_shot(jpeg(scene(1))) == NOTHING
    with pytest.raises(BrokenPicture, match="not an image"):
        read_shot(b"no picture")


def test_a_bare_copy_is_upright_and_holds_nothing_but_pixels() -> None:
    photo = jpeg(scene(1), exif(place=TOKYO, turn=6))
    body = bare(photo)
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (640, 800)
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for secret in (SERIAL.encode(), OWNER.encode(), NOTES, b"Exif", b"Canon"):
        assert secret in photo
        assert secret not in body
    assert inspect(bare(dng(scene(1)))).media_type == "image/jpeg"


def test_without_rawpy_the_sentence_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    with pytest.raises(BrokenPicture, match="pip install rawpy"):
        inspect(dng(scene(1)))
