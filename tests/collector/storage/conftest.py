"""A folder for an embedded database of the test's own."""

from collections.abc import Iterator

import pytest

from tests.collector.storage.homes import Home, opened


@pytest.fixture
def home() -> Iterator[Home]:
    """A folder in which no database was made yet."""
    with opened({}) as made:
        yield made
