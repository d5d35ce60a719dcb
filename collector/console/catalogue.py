"""What people read, in their language: the texts of each program's catalogues, by key.

A catalogue is a file of gettext for each language, `locale/<language>/LC_MESSAGES/<name>.po`. It is read as it is,
once: nothing has to be compiled, in a clone or in a wheel.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "ja": "日本語"}


class Words(Mapping[str, str]):
    """The texts of a catalogue in one language. Those that depend on a number are given by `counted` only."""

    def __init__(self, plain: Mapping[str, str], countable: frozenset[str], translations: GNUTranslations) -> None:
        self._plain = plain
        self.countable = countable  # keys of the texts that depend on a number
        self._translations = translations

    def __getitem__(self, key: str) -> str:
        return self._plain[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def form(self, key: str, count: int) -> str:
        """The text for a number of things, with what stands in braces still in it."""
        if key not in self.countable:
            raise KeyError(key)
        return self._translations.ngettext(key, key, count)

    def counted(self, key: str, count: int, **others: Any) -> str:
        """The text for a number of things: `1 horse`, `2,345 horses`."""
        return self.form(key, count).format(count=f"{count:,}", **others)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of a program, or of a part of it, in each language."""

    folder: Path
    name: str
    also: "Catalogue | None" = None  # whose texts are at hand as well; no key is in both

    def path(self, language: str) -> Path:
        """The file of a language."""
        return self.folder / language / "LC_MESSAGES" / f"{self.name}.po"

    def read(self, language: str) -> Words:
        """The texts in a language."""
        return _read(self.path(language), self.also.path(language) if self.also else None)


@cache
def _read(path: Path, also: Path | None) -> Words:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        messages = read_po(file, abort_invalid=True)
    if also:
        with also.open("rb") as file:
            for message in read_po(file, abort_invalid=True):
                if message.id:
                    messages[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    plain = {str(message.id): str(message.string) for message in messages if message.id and not message.pluralizable}
    countable = frozenset(str(message.id[0]) for message in messages if message.id and message.pluralizable)
    return Words(plain, countable, GNUTranslations(compiled))


OURS = Path(__file__).parents[1] / "locale"
CODES = Catalogue(OURS, "codes")  # each code as a sentence
SERVERS = Catalogue(OURS, "servers")  # both servers: what a model answered, and what can be wrong with a request
PAGES = Catalogue(OURS, "pages", SERVERS)  # the photo search
