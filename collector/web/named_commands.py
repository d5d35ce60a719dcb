"""Commands that pages name: set as code, and for the collection that is looked at."""

import re
from collections.abc import Callable

from markupsafe import Markup, escape

COMMAND = re.compile(r"`([^`]+)`")


def for_collection(command: str, *, demo: bool) -> str:
    """A command as it is to be typed: a look-alike's collection has commands of its own."""
    return f"{command} --demo" if demo and command.startswith("collector ") else command


def coder(*, demo: bool) -> Callable[[str], Markup]:
    """What sets commands in a sentence (between backticks) as code; all else is escaped."""

    def coded(sentence: str) -> Markup:
        def code(found: re.Match[str]) -> str:
            return f"<code>{for_collection(found[1], demo=demo)}</code>"

        return Markup(COMMAND.sub(code, str(escape(sentence))))  # noqa: S704 - escaped just before

    return coded
