"""A remark as pages show it: the words that something was read from are set apart. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a remark; `claim` or `tag` where something was read from it."""

    text: str
    claim: Mapping[str, Any] | None = None
    tag: str | None = None


def pieces(text: str, claims: Iterable[Mapping[str, Any]], tags: Iterable[Mapping[str, Any]]) -> Iterator[Piece]:
    """The whole remark in order. A place that is not in it, or in one that came before, is passed over."""
    read = [(claim, claim, None) for claim in claims] + [(tag, None, str(tag.get("tag"))) for tag in tags]
    at = 0
    for found, claim, tag in sorted(read, key=lambda one: (_place(one[0]), one[1] is None)):
        start, end = _place(found)
        if not at <= start < end <= len(text):
            continue
        if at < start:
            yield Piece(text[at:start])
        yield Piece(text[start:end], claim, tag)
        at = end
    if text[at:]:
        yield Piece(text[at:])


def _place(found: Mapping[str, Any]) -> tuple[int, int]:
    start, end = found.get("start"), found.get("end")
    return (start, end) if isinstance(start, int) and isinstance(end, int) else (-1, -1)
