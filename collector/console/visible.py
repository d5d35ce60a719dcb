"""Words that others wrote, so that all of them can be seen and a terminal obeys none of them."""

import re

# Controls (C0 but for tab and line feed, DEL, C1), marks of direction, what joins, separates or tags unseen, and halves
# of characters, which stand for bytes of a file's name that are not text.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """A text of which all can be seen: it may have several lines, and does nothing but stand there."""
    return text if text.isascii() and text.isprintable() else UNSEEN.sub(_written_out, text)


def on_one_line(text: str) -> str:
    """The same for what is to be one line, so that nobody can forge the next one."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
