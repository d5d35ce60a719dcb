"""The tests of training look at few photos: nothing in them depends on how many there are."""

import pytest

from trainer.dataset.manifest import Version
from trainer.directories import Directories


@pytest.fixture(scope="session")
def directories(few: tuple[Directories, Version]) -> Directories:
    """The folders of a home with few photos."""
    return few[0]


@pytest.fixture(scope="session")
def version(few: tuple[Directories, Version]) -> Version:
    """Those photos."""
    return few[1]
