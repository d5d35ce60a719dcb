"""A home that has crawled a small world, once for each test process."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.collector.imports.saved import Saved, crawled_once, pages_of
from tests.databases import copy_of, filled_once

TEMPLATE = "template_imports"


@dataclass(frozen=True, slots=True)
class Home:
    """A home, and its pages as others would have saved them."""

    conninfo: str
    pages: list[Saved]

    def of(self, *kinds: str) -> list[Saved]:
        """The pages of some kinds."""
        return [page for page in self.pages if page.kind in kinds]


@pytest.fixture(scope="session")
def crawled(cluster: str) -> Iterator[Home]:
    """The home that crawled."""
    name = filled_once(cluster, TEMPLATE, lambda conninfo: asyncio.run(crawled_once(conninfo)))
    with copy_of(cluster, name) as conninfo:
        yield Home(conninfo, pages_of(conninfo))
