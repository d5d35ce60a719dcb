"""Parsers that make something else of a page, as with a bug, or before one was mended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from collector.sources import registry
from collector.sources.keibado.source import KEIBADO
from collector.sources.parsed import Parsed
from tests.sites import change_kind


@contextmanager
def parsing(monkeypatch: pytest.MonkeyPatch, path: str, spoil: Callable[[Parsed], Parsed]) -> Iterator[None]:
    """The parser makes something else of the pages whose address has this in it."""
    with monkeypatch.context() as patch:
        for name, kind in registry.sources()[KEIBADO.name].kinds.items():
            change_kind(patch, KEIBADO, name, parse=_spoiled(kind.parse, path, spoil))
        yield


def _spoiled(
    real: Callable[[str, str], Parsed] | None, path: str, spoil: Callable[[Parsed], Parsed]
) -> Callable[[str, str], Parsed]:
    assert real is not None

    def parse(url: str, text: str) -> Parsed:
        parsed = real(url, text)
        return spoil(parsed) if path in url else parsed

    return parse


def tripping(error: Exception) -> Callable[[Parsed], Parsed]:
    """The parser raises this."""

    def spoil(_: Parsed) -> Parsed:
        raise error

    return spoil
