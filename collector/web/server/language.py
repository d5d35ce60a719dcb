"""Which of a page's two languages a reader gets."""

import re

from collector.console.catalogue import LANGUAGES

RANGE = re.compile(r"\s*([a-z]{1,8})(?:-[a-z0-9-]{1,20})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*", re.I)


def choose_language(asked: str | None, accepted: str) -> str:
    """The language that a reader asks for, or else likes best by what the browser says (Accept-Language)."""
    if asked in LANGUAGES:
        return asked
    liked: list[tuple[float, int, str]] = []
    for index, word in enumerate(accepted[:500].split(",")):
        found = RANGE.fullmatch(word)
        if found and found[1].lower() in LANGUAGES:
            liked.append((-float(found[2] or 1), index, found[1].lower()))
    return min(liked)[2] if liked else "en"
