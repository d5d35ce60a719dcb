"""Checks that the words behind `--` are a program and its arguments: a job's command is run without a shell."""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from collector.errors import UsageError

ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
SYNTAX = re.compile(r"[\s&|;<>()$`\"']")  # in a program's name these mean a whole shell line in one word
OPERATOR = re.compile(r"&&|\|\|?|&|<|[0-9&]?>>?(?:&[0-9]|[\w-]*[./][\w./-]*)?")  # also 2>&1 and >log.txt
# A variable of the job's environment, which only a shell would replace by its value.
VALUE = re.compile(r"(?:[\w.-]+=)?\$(?:PADDOCK_\w+|\{PADDOCK_\w+\})(?:/[\w./-]*)?")
BUILT_IN = (
    "!", ".", "[[", "alias", "case", "cd", "eval", "exec", "exit", "export", "for", "function", "if", "set", "source",
    "trap", "ulimit", "umask", "unset", "until", "while", "{",
)  # fmt: skip
SHELLS = ("sh", "bash", "dash", "ksh", "zsh")


def check_words(words: Sequence[str]) -> None:
    """Refuse what only a shell can run; the error says how to call the shell.

    Raises:
        UsageError: it is a shell line.
    """
    first = words[0]
    line = " ".join([first, *map(_quote, words[1:])])
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
        raise UsageError(f"{first!r} is built into the shell, and a job's command is run without one: {by_shell}")
    shell_word = next((word for word in words[1:] if OPERATOR.fullmatch(word) or VALUE.fullmatch(word)), None)
    if shell_word and not any(Path(word).name in SHELLS for word in words):
        raise UsageError(f"{shell_word!r} is for a shell, and a job's command is run without one: {by_shell}")


def _quote(word: str) -> str:
    """A word as a shell line needs it."""
    if OPERATOR.fullmatch(word):
        return word
    return f'"{word}"' if VALUE.fullmatch(word) else shlex.quote(word)


def check_program(word: str, root: Path, shipped: Sequence[str]) -> None:
    """Refuse a program of the project that the job cannot find or run; other programs are not checked.

    Raises:
        UsageError: it is not shipped, or is not executable.
    """
    if "/" not in word and word in shipped and shutil.which(word) is None:
        raise UsageError(
            f"{word} is looked for on the PATH; for the project's own file write -- ./{word}, or -- python {word}"
        )
    if "/" not in word or Path(word).is_absolute():
        return
    path = os.path.normpath(word)
    if path not in shipped:
        why = "git ignores it, or .jobignore names it" if (root / path).exists() else f"{root} has no such file"
        raise UsageError(f"{word} is not shipped to the job, which runs in a copy of {root}: {why}.")
    if not (root / path).is_symlink() and not (root / path).stat().st_mode & 0o100:
        raise UsageError(f"{word} is not executable: `chmod +x {path}`, or name what runs it, as in -- python {path}")
