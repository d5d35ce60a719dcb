"""What a command was asked for beside its own options: `--demo` and `--json`, known wherever something is printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Common:
    """The options that most commands of both programs take."""

    demo: bool = False  # work on the look-alike's collection, and name it in every hint
    json: bool = False  # the result is for a program


NEITHER = Common()
_CURRENT: ContextVar[Common] = ContextVar("common")


def common() -> Common:
    """What the running command was asked for; neither where no command runs."""
    return _CURRENT.get(NEITHER)


@contextmanager
def asked_for(asked: Common) -> Iterator[None]:
    """Let a command run with these options."""
    token = _CURRENT.set(asked)
    try:
        yield
    finally:
        _CURRENT.reset(token)
