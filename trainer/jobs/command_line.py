"""Whether the words behind `--` can be a program and its arguments: a job's command is run as it is, by no shell."""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from collector.errors import UsageError

ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
SYNTAX = re.compile(r"[\s&|;<>()$`\"']")  # in a program's name, these are a shell's line in one word
OPERATOR = re.compile(r"&&|\|\|?|&|<|[0-9&]?>>?(?:&[0-9]|[\w-]*[./][\w./-]*)?")  # also 2>&1 and >log.txt
# A value that the job finds in its environment, where a shell alone would put it in place of the name.
VALUE = re.compile(r"(?:[\w.-]+=)?\$(?:PADDOCK_\w+|\{PADDOCK_\w+\})(?:/[\w./-]*)?")
BUILT_IN = (
    "!", ".", "[[", "alias", "case", "cd", "eval", "exec", "exit", "export", "for", "function", "if", "set", "source",
    "trap", "ulimit", "umask", "unset", "until", "while", "{",
)  # fmt: skip
SHELLS = ("sh", "bash", "dash", "ksh", "zsh")


def check_words(words: Sequence[str]) -> None:
    """Refuse what only a shell could run, with the words that make one run it.

    Raises:
        UsageError: it is a shell's line.
    """
    first = words[0]
    line = " ".join([first, *map(_for_a_shell, words[1:])])
    by_shell = f"write -- sh -c {shlex.quote(line)}"
    if not first.strip():
        raise UsageError("The command behind -- begins with an empty word: name a program there.")
    if ASSIGNED.fullmatch(first):
        rest = shlex.join(words[1:]) or "PROGRAM"
        raise UsageError(
            f"{first!r} sets a variable, which only a shell does: write --env {shlex.quote(first)} -- {rest}"
        )
    if SYNTAX.search(first):
        raise UsageError(f"{first!r} is a line for a shell, and a job's command is run without one: {by_shell}")
    if first in BUILT_IN:
        raise UsageError(f"{first!r} is a word of the shell's own, and a job's command is run without one: {by_shell}")
    theirs = next((word for word in words[1:] if OPERATOR.fullmatch(word) or VALUE.fullmatch(word)), None)
    if theirs and not any(Path(word).name in SHELLS for word in words):
        raise UsageError(f"{theirs!r} is for a shell, and a job's command is run without one: {by_shell}")


def _for_a_shell(word: str) -> str:
    """A word as a shell's line has it."""
    if OPERATOR.fullmatch(word):
        return word
    return f'"{word}"' if VALUE.fullmatch(word) else shlex.quote(word)


def check_program(word: str, root: Path, shipped: Sequence[str]) -> None:
    """Refuse a program of the project's own that the job will not find or may not run; others are looked for there.

    Raises:
        UsageError: it is not shipped, or has no x bit.
    """
    if "/" not in word and word in shipped and shutil.which(word) is None:
        raise UsageError(
            f"{word} is looked for among the programs; the project's own is -- ./{word}, or -- python {word}"
        )
    if "/" not in word or Path(word).is_absolute():
        return
    path = os.path.normpath(word)
    if path not in shipped:
        why = "git ignores it, or .jobignore names it" if (root / path).exists() else f"{root} has no such file"
        raise UsageError(f"{word} is not shipped to the job, which runs in a copy of {root}: {why}.")
    if not (root / path).is_symlink() and not (root / path).stat().st_mode & 0o100:
        raise UsageError(f"{word} may not be run: `chmod +x {path}`, or name what runs it, as in -- python {path}")
