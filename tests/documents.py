"""The project's documents as the tests read them: pages, tables, links, headings, and the commands that they show."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SHELLS = ("sh", "console")
BETWEEN = re.compile(r"[;&|<>()]+")  # what ends a command in a shell, or begins a file that it writes to
REDIRECTED = re.compile(r"[<>]+")
ASSIGNED = re.compile(r"[A-Za-z_]\w*=.*")


@dataclass(frozen=True)
class Shown:
    """A command that a document shows."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def name_of(path: Path) -> str:
    """A page as a person names it."""
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def blocks(path: Path, *languages: str) -> list[str]:
    """The blocks of code in a page that are in one of these languages."""
    return [body for language, body in FENCE.findall(path.read_text(encoding="utf-8")) if language in languages]


def spans(path: Path) -> list[str]:
    """What a page sets as code within its text."""
    return [" ".join(span.split()) for span in SPAN.findall(prose(path))]


def links(path: Path) -> list[str]:
    """Where a page leads to."""
    return [one or other for one, other in LINK.findall(prose(path))]


def anchors(path: Path) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(prose(path))}


def rows(path: Path, under: str | None = None) -> list[list[str]]:
    """The cells of a page's tables, without their heads; of one section, where its heading is given."""
    text = prose(path)
    if under is not None:
        text = re.split(r"^#+ ", text.partition(f"# {under}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {number - 1 for number, line in enumerate(lines) if re.fullmatch(r"[|:\- ]+", line)}
    found = (line for number, line in enumerate(lines) if number not in heads and number - 1 not in heads)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found]


def codes(cell: str) -> list[str]:
    """What a cell sets as code."""
    return SPAN.findall(cell)


def shown_commands() -> list[Shown]:
    """Every command in a shell's block of any page, each once a page."""
    found = (Shown(name_of(page), words) for page in PAGES for block in blocks(page, *SHELLS)
             for line in block.splitlines() for words in commands_of(line))  # fmt: skip
    return list(dict.fromkeys(found))


def commands_of(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line: without comments, variables that are set before them, and files they write to."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words, skipped = list[str](), False
    for word in lexer:
        if BETWEEN.fullmatch(word):
            skipped = bool(REDIRECTED.fullmatch(word))
            if words and not skipped:
                yield tuple(words)
                words = []
        elif skipped:
            skipped = False
        elif words or not ASSIGNED.fullmatch(word):
            words.append(word)
    if words:
        yield tuple(words)
