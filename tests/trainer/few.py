"""The home and the photos of tests that learn from few photos: nothing in them depends on how many there are.

A folder of tests takes them in the place of the whole world by importing both into its conftest.
"""

import pytest

from trainer.dataset.manifest import Version
from trainer.directories import Directories

__all__ = ["directories", "version"]


@pytest.fixture(scope="session")
def directories(few: tuple[Directories, Version]) -> Directories:
    """The folders of a home with few photos."""
    return few[0]


@pytest.fixture(scope="session")
def version(few: tuple[Directories, Version]) -> Version:
    """Those photos."""
    return few[1]
