"""A small run that learnt from few photos, and photos for which it answers."""

from pathlib import Path

import pytest

from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import World
from tests.trainer.conftest import Trained, trained
from tests.trainer.few import directories, version
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.runs.runs import Run

__all__ = ["directories", "version"]

SMALL = ("height=32", "width=48")


@pytest.fixture(scope="session")
def probe(directories: Directories, version: Version) -> Trained:
    """A run of the quick preset on them, which no test changes."""
    return trained(directories, version, "probe", *SMALL)


@pytest.fixture(scope="module")
def run(directories: Directories, version: Version) -> Run:
    """A small run that answers."""
    return trained(directories, version, "probe", *SMALL)[0]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three photos, one of which is none, and a file that is not asked for."""
    issue = World().issues(2016)[0]
    for photo in issue.photos[:2]:
        assert photo.picture is not None
        (tmp_path / f"{photo.number}.jpg").write_bytes(draw_photo(photo.picture))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "notes.txt").write_text("no photo")
    return tmp_path
