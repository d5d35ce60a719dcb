"""The code is in the field's English: words that stand for nothing in particular stay out of it (docs/style.md)."""

import re

import pytest

from tests.paths import ROOT

# "There is no photo" and "no longer" are English; "is no photo" is not.
PRIVATE = re.compile(
    r"\b(told|tells?|telling|so many|whoever|manieth)\b|(?<!there )(?<!why there )\b(is|are|was|were) no (?!longer)",
    re.I,
)
SUFFIXES = ("*.py", "*.html", "*.js", "*.css", "*.po")
FILES = sorted(
    path for program in ("collector", "trainer") for suffix in SUFFIXES for path in (ROOT / program).rglob(suffix)
)


@pytest.mark.parametrize("program", ["collector", "trainer"])
def test_private_words_stay_out(program: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        if path.is_relative_to(ROOT / program)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert found == []
