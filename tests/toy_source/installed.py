"""Distributions that register a source, as pip leaves them behind: a folder of metadata on the path."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.sources import registry

LAID_DOWN = "toy-0.dist-info"
TOY = "toy = tests.toy_source.toy:TOY"


def lay_down(folder: Path, *points: str) -> Path:
    """Metadata of a distribution with these entry points; returns what is to be on the path."""
    info = folder / LAID_DOWN
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 0\n")
    (info / "entry_points.txt").write_text("\n".join(["[paddock.sources]", *points, ""]))
    return folder


@contextmanager
def installed(folder: Path, *points: str) -> Iterator[None]:
    """These sources are there as long as the block runs; in this process and in those that it starts by spawning."""
    path = str(lay_down(folder, *points))
    sys.path.insert(0, path)
    registry.sources.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(path)
        registry.sources.cache_clear()
