"""What goes to a terminal: every word as it is, never as markup, and nothing in it that a terminal obeys.

Names, addresses, reasons and lines of robots.txt were written by others. A terminal would follow what they hide there:
colours, titles, a cursor that moves back over what was said, letters that run from right to left; and a name of two
lines would say what the program did not. So all that is printed goes through here, a string is one line, and what
cannot be seen is written out (`\\x1b`, `\\n`).
"""

import codecs
import logging
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from collector.console.common import common
from collector.console.visible import on_one_line, visible
from collector.console.wording import ANY_WIDTH, LogFormatter, as_typed, in_japan

LOG_FIELDS = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Terminal(Console):
    """A console that takes words literally, wherever they stand: lines, cells of tables, what is shown live.

    A string is one line. Several are printed one by one, or made into one thing by `stacked`.
    It names commands as they have to be typed, and cuts and folds nothing where no person looks on.
    """

    def __init__(self, file: TextIO, *, demo: bool | None = None) -> None:
        width = None if file.isatty() else ANY_WIDTH
        super().__init__(file=file, highlight=False, markup=False, emoji=False, width=width)
        self.demo = common().demo if demo is None else demo

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(as_typed(on_one_line(text), demo=self.demo), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def stdout() -> Terminal:
    """Where a command's result goes."""
    return Terminal(sys.stdout)


def stderr() -> Terminal:
    """Where everything goes that is not the result."""
    return Terminal(sys.stderr)


def titled(title: str, words: str) -> Text:
    """A line that begins with a title in bold."""
    return Text.assemble((title, "bold"), "  ", on_one_line(words))


def stacked(lines: Iterable[str]) -> Text:
    """Lines as one thing, such as a cell of a table."""
    return Text("\n".join(map(on_one_line, lines)))


class EventFormatter(LogFormatter):
    """A fixed sentence first, then the facts as fields; an error's trace below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        facts = {key: value for key, value in record.__dict__.items() if key not in LOG_FIELDS}
        extra = "".join(
            f" {key}={in_japan(value) if isinstance(value, datetime) else value}" for key, value in facts.items()
        )
        return on_one_line(f"{super().formatMessage(record)}{extra}")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        return visible(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - the library's name
        return visible(stack_info)


# A job's own colours, and the return with which progress bars are drawn, are harmless; all else is written out.
HARMLESS = re.compile(r"(\x1b\[[0-9;]{0,20}m|\r)")
BEGUN = re.compile(r"\x1b(?:\[[0-9;]{0,20})?\Z")


class Output:
    """What a job printed, for a terminal, piece by piece: its colours and progress bars, and nothing else that acts."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""

    def take(self, piece: bytes, *, final: bool = False) -> str:
        """What may be shown so far: a character or a colour that is not complete waits for the next piece."""
        text = self._rest + self._decoder.decode(piece, final)
        begun = None if final else BEGUN.search(text)
        text, self._rest = (text[: begun.start()], begun[0]) if begun else (text, "")
        parts = HARMLESS.split(text)
        return "".join(part if index % 2 else visible(part) for index, part in enumerate(parts))
