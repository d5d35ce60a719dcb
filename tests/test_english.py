"""The code and its tests are in the field's English: private words stay out of them (docs/style.md)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

# "There is no photo" and "no longer" are English; "is no photo" is not.
PRIVATE = re.compile(
    r"\b(told|tells?|telling|so many|whoever|manieth)\b|(?<!there )(?<!why there )\b(is|are|was|were) no (?!longer)",
    re.I,
)
SUFFIXES = ("*.py", "*.html", "*.js", "*.css", "*.po")
SITES = ROOT / "tests" / "pages"  # the words of sites are theirs
LEFT_OUT = (Path(__file__),)


def files(folder: str) -> Iterator[Path]:
    """The files that are in our own words."""
    found = (path for suffix in SUFFIXES for path in (ROOT / folder).rglob(suffix))
    return (path for path in sorted(found) if path not in LEFT_OUT and not path.is_relative_to(SITES))


@pytest.mark.parametrize("folder", ["collector", "trainer", "tests"])
def test_private_words_stay_out(folder: str) -> None:
    spaces = "_" if folder == "tests" else " "  # the names of tests are sentences
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files(folder)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE.search(line.replace(spaces, " "))
    ]
    assert found == []
