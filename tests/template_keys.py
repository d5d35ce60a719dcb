"""Which texts of a catalogue templates ask for."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path


def templates_of(folder: Path) -> dict[str, str]:
    """The templates of a server, by name."""
    return {path.name: path.read_text() for path in sorted(folder.glob("templates/*.html"))}


def plain_keys(text: str, put_together: Mapping[str, Iterable[str]]) -> set[str]:
    """The keys that a template asks for; `put_together` has what may become of those that it puts together."""
    named = set(re.findall(r"\bt\.(?!(?:get|form|counted)\b)(\w+)", text)) | set(re.findall(r"\bt\['(\w+)'\]", text))
    made = re.findall(r"\bt\[((?!'\w+'\]).+?\]?)\](?!\])", text)
    made += re.findall(r"\bt\.get\(('\w+' ~ [\w.]+), ", text)
    return named | {key for words in made for key in put_together[words]}


def counted_keys(text: str) -> set[str]:
    """The keys of texts that depend on a number."""
    return set(re.findall(r"\bt\.(?:form|counted)\('(\w+)', ", text))


def unused(put_together: Mapping[str, Iterable[str]], templates: Mapping[str, str]) -> list[str]:
    """The ways to put a key together that no template has."""
    text = "".join(templates.values())
    return [words for words in put_together if f"t[{words}]" not in text and f"t.get({words}, " not in text]
