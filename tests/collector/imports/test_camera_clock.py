"""What is added to a camera's clock: by an offset that is stated, by a photo of a clock, and never by guessing."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from collector.errors import UsageError
from collector.imports.camera_clock import (
    Corrections,
    Taken,
    corrected,
    moment_of,
    offset_in_words,
    read_clocks,
    read_offset,
    wrong_by_satellites,
)
from collector.storage.shots import Shot

CLOCK = datetime(2026, 11, 22, 10, 23, 15)  # noqa: DTZ001  (a camera's clock has no zone)
JAPAN = timezone(timedelta(hours=9))
ONE, OTHER = Shot(CLOCK, camera="Canon EOS R5 3fa2"), Shot(CLOCK, camera="NIKON Z 9")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+7:00", 420),
        ("-7:00", -420),
        ("+0:05", 5),
        ("-1:00:00", -3600),
        ("+9:00:00", 32400),
        ("−2:30", -150),
        (None, None),
    ],
)
def test_an_offset_is_what_is_added(text: str | None, seconds: int | None) -> None:
    offset = read_offset(text)
    assert (offset.total_seconds() if offset else None) == seconds
    if offset and text and text[0] in "+-":
        assert offset_in_words(offset) == text


@pytest.mark.parametrize("text", ["7:00", "+7", "+7:60", "+1:75:00", "seven", "", "+-7:00", "+1:2:3:4"])
def test_a_mistyped_offset_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="7 minutes slow"):
        read_offset(text)


def test_a_photo_of_a_clock_corrects_its_camera_and_no_other() -> None:
    taken = [Taken("a/IMG_1.JPG", ONE), Taken("a/DSC_1.JPG", OTHER)]
    offsets = Corrections(clocks=read_clocks(["img_1.jpg=10:30:15"])).of_cameras(taken)
    assert corrected(ONE, offsets) == datetime(2026, 11, 22, 10, 30, 15, tzinfo=JAPAN)
    assert corrected(OTHER, offsets) == CLOCK.replace(tzinfo=JAPAN)


@pytest.mark.parametrize(
    ("shown", "offset"),
    [("10:23:15", "+0:00"), ("10:16:15", "-7:00"), ("23:59:00", "-10:24:15"), ("22:20:00", "+11:56:45"),
     ("2026-11-22 22:23:15", "+12:00:00"), ("2025-11-22T10:23:15", "-8760:00:00")],
)  # fmt: skip
def test_without_a_day_a_clock_is_off_by_less_than_half_a_day(shown: str, offset: str) -> None:
    clocks = read_clocks([f"IMG_1.JPG={shown}"])
    (found,) = Corrections(clocks=clocks).of_cameras([Taken("IMG_1.JPG", ONE)]).values()
    assert offset_in_words(found) == offset


@pytest.mark.parametrize(
    ("corrections", "said"),
    [
        (
            Corrections(timedelta(minutes=7)),
            "--offset is of one camera, and here are photos of 2: Canon EOS R5 3fa2, NIKON",
        ),
        (Corrections(clocks={"c.jpg": "10:00:00"}), "--clock c.jpg: it is not a photo of the folder."),
        (Corrections(clocks={"img.jpg": "10:00:00"}), "--clock img.jpg: several photos are called that"),
        (Corrections(clocks={"none.jpg": "10:00:00"}), "the camera wrote no time into this photo"),
        (Corrections(clocks={"1/img.jpg": "10:00:00", "3/d.jpg": "11:00:00"}), "two photos of a clock by Canon"),
    ],
)
def test_what_does_not_fit_the_photos_is_one_sentence(corrections: Corrections, said: str) -> None:
    taken = [Taken("1/img.jpg", ONE), Taken("2/img.jpg", OTHER), Taken("3/d.jpg", ONE), Taken("none.jpg", Shot())]
    with pytest.raises(UsageError) as caught:
        corrections.of_cameras(taken)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["IMG_1.JPG", "=10:00:00", "IMG_1.JPG=25:00:00", "a=2026-13-01T10:00:00", "a=10:00"])
def test_a_clock_needs_a_photo_and_a_time(text: str) -> None:
    with pytest.raises(UsageError, match=r"IMG_0001.JPG=10:23:15"):
        read_clocks([text])


def test_a_correction_into_a_year_that_no_photo_is_of_gives_no_moment() -> None:
    (offset,) = Corrections(clocks=read_clocks(["a=2206-11-22 10:23:15"])).of_cameras([Taken("a", ONE)]).values()
    for wrong in (offset, -offset, timedelta(days=9000 * 365)):
        assert corrected(ONE, {ONE.camera: wrong}) is None
    west = Shot(CLOCK.replace(year=2048, month=12, day=31, hour=20), zone=timedelta(0))  # 2049 in Japan
    assert corrected(west, {}) is None


def test_a_camera_that_names_its_zone_is_believed() -> None:
    abroad = Shot(CLOCK.replace(hour=2), zone=timedelta(hours=1))
    assert moment_of(abroad) == moment_of(ONE)
    assert moment_of(Shot(satellites=datetime(2026, 11, 22, 1, 0, tzinfo=UTC))) == datetime(
        2026, 11, 22, 10, tzinfo=JAPAN
    )
    assert moment_of(Shot()) is None


def test_the_times_of_gps_say_that_a_clock_is_off() -> None:
    right = datetime(2026, 11, 22, 1, 30, 15, tzinfo=UTC)
    shots = [Shot(CLOCK, satellites=right - timedelta(seconds=lag)) for lag in (0, 3, 9, 600)]
    slow = wrong_by_satellites(shots, timedelta(0))
    assert slow is not None
    assert abs(slow - timedelta(minutes=7)) < timedelta(seconds=10)
    assert wrong_by_satellites(shots, timedelta(minutes=7)) is None
    assert wrong_by_satellites(shots[:2], timedelta(0)) is None
    scattered = [Shot(CLOCK, satellites=right + timedelta(minutes=lag)) for lag in (0, 5, 20, 60)]
    assert wrong_by_satellites(scattered, timedelta(0)) is None
