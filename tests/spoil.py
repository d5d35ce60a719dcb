"""Parsers that make something else of a page, as with a bug, or before one was mended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from collector.models import PageKind
from collector.sources import Parsed, keibado


@contextmanager
def parsing(monkeypatch: pytest.MonkeyPatch, path: str, spoil: Callable[[Parsed], Parsed]) -> Iterator[None]:
    """The parser makes something else of the pages whose address has this in it."""
    real = keibado.parse

    def parse(kind: PageKind, url: str, text: str) -> Parsed:
        parsed = real(kind, url, text)
        return spoil(parsed) if path in url else parsed

    with monkeypatch.context() as patch:
        patch.setattr(keibado, "parse", parse)
        yield


def tripping(error: Exception) -> Callable[[Parsed], Parsed]:
    """The parser raises this."""

    def spoil(_: Parsed) -> Parsed:
        raise error

    return spoil
