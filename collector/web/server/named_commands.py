"""Commands that pages name: set as code, and for the collection that is looked at."""

import re
from collections.abc import Callable

from markupsafe import Markup, escape

from collector.console.wording import with_demo

COMMAND = re.compile(r"`([^`]+)`")


def coder(*, demo: bool) -> Callable[[str], Markup]:
    """What sets commands in a sentence (between backticks) as code; all else is escaped."""

    def coded(sentence: str) -> Markup:
        def code(found: re.Match[str]) -> str:
            return f"<code>{with_demo(found[1], demo=demo)}</code>"

        return Markup(COMMAND.sub(code, str(escape(sentence))))  # noqa: S704 - escaped just before

    return coded
