"""What goes to a terminal: every word as it is, never as markup, and nothing in it that a terminal obeys.

Names, addresses, reasons and lines of robots.txt were written by others. A terminal would follow what they hide there:
colours, titles, a cursor that moves back over what was said, letters that run from right to left. So all that is
printed goes through here, and what cannot be seen is written out (`\\x1b`).
"""

import codecs
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

WIDE = 200  # characters of a line in a file or a pipe, where nobody's window ends
# Controls (C0 but for tab and line feed, DEL, C1), marks of direction, what joins, separates or tags unseen, and halves
# of characters, which stand for bytes of a file's name that are no text.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
LOG_FIELDS = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """A text of which all can be seen: it may have several lines, and does nothing but stand there."""
    return text if text.isascii() and text.isprintable() else UNSEEN.sub(_written_out, text)


def on_one_line(text: str) -> str:
    """The same for what is to be one line, so that nobody can forge the next one."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def json_text(facts: Any, default: Callable[[Any], Any] = str, **options: Any) -> str:
    """Facts as JSON that may be shown as it is: it says the same as without the escapes."""
    text = json.dumps(facts, default=default, ensure_ascii=False, **options)
    return UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


class Terminal(Console):
    """A console that takes words literally, wherever they stand: lines, cells of tables, what is shown live."""

    def __init__(self, *, err: bool = False) -> None:
        width = None if err or sys.stdout.isatty() else WIDE
        super().__init__(stderr=err, highlight=False, markup=False, emoji=False, width=width)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def stdout() -> Terminal:
    """Where results go."""
    return Terminal()


def stderr() -> Terminal:
    """Where everything goes that is no result."""
    return Terminal(err=True)


def titled(title: str, words: str) -> Text:
    """A line that begins with a title in bold."""
    return Text.assemble((title, "bold"), "  ", visible(words))


class EventFormatter(logging.Formatter):
    """A fixed sentence first, then the facts as fields; an error's trace below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        facts = {key: value for key, value in record.__dict__.items() if key not in LOG_FIELDS}
        told = "".join(f" {key}={value}" for key, value in facts.items())
        return on_one_line(f"{super().formatMessage(record)}{told}")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        return visible(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - the library's name
        return visible(stack_info)


def run_program(app: Callable[[], Any]) -> None:
    """Run a program's command line to its end; what nobody expected is told with its trace, and ends it with 1."""
    try:
        sys.exit(app())
    except Exception:  # noqa: BLE001 - it is told, and ends the program
        sys.stderr.write(visible(traceback.format_exc()))
        sys.exit(1)


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
