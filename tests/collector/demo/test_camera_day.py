"""The camera's folder of the look-alike's world: always the same, with a clock that is slow."""

from datetime import datetime, timedelta
from pathlib import Path

from PIL import ExifTags, Image
from typer.testing import CliRunner

from collector.cli.app import app
from collector.demo.camera_day import CLOCK, CLOCK_SHOWS, COMES_IN, SLOW, write_day
from collector.demo.world.world import World

SMALL = World(years=range(2016, 2017), issues_per_year=1, photos_per_issue=3)


def clock_of(path: Path) -> datetime:
    """What the camera's clock showed."""
    with Image.open(path) as image:
        shown = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
    return datetime.strptime(shown, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  (a camera's clock has no zone)


def test_a_day_has_two_races_at_one_racecourse_by_a_slow_clock(tmp_path: Path) -> None:
    races = write_day(tmp_path / "one", SMALL)
    files = sorted((tmp_path / "one").iterdir())
    assert len({race.racecourse for race in races}) == 1
    assert len(races) > 1
    midnight = datetime.combine(races[0].day, datetime.min.time())
    assert clock_of(tmp_path / "one" / CLOCK) == midnight + CLOCK_SHOWS - SLOW
    photos = [clock_of(path) + SLOW for path in files if path.name != CLOCK]
    starts = [datetime.combine(race.day, race.start) for race in races]
    assert all(any(-COMES_IN <= at - start < timedelta(minutes=-10) for start in starts) for at in photos)
    write_day(tmp_path / "two", SMALL)
    assert [path.read_bytes() for path in files] == [
        (tmp_path / "two" / path.name).read_bytes() for path in files
    ]  # fmt: skip


def test_a_folder_that_is_there_is_not_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo-camera", str(tmp_path)])
    assert result.exit_code == 2
    assert "is there already" in result.stderr
