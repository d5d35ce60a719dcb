"""The text of a robots.txt, whatever a server sends it as: by its first bytes, or not at all. Pure."""

import codecs
import re

from collector.errors import TryLater
from collector.fetch.decompress import MAGIC, unpack

MOST_UNPACKED = 5 * 1024 * 1024  # bytes; of these the first are read
LAYERS = 3  # of packing, one within the other
BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
# The binary data bytes of the MIME Sniffing Standard: what has one of them is not text.
BINARY = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
END_OF_FILE = "\x00\x1a"  # as old systems fill a file up


def robots_text(body: bytes, most: int) -> str:
    """The first `most` bytes of the file as text, cut at a line's end. HTML is text, and has no rules in it.

    Raises:
        TryLater: it is not text, so what it disallows is not known.
    """
    whole = _unpacked(body)
    start = whole[:most]
    if len(whole) > most:
        start = start[: start.rfind(b"\n") + 1] or start
    text = _decoded(start).rstrip(END_OF_FILE)
    if binary := BINARY.search(text):
        raise TryLater(f"robots.txt cannot be read as text: it has a byte {ord(binary[0]):#04x}")
    return text


def _unpacked(body: bytes) -> bytes:
    """A body that is packed without saying so; servers send files as they lie there."""
    for _ in range(LAYERS):
        packing = next((name for magic, name in MAGIC if body.startswith(magic)), None)
        if packing is None:
            break
        body = unpack(body, packing, MOST_UNPACKED)
    return body


def _decoded(body: bytes) -> str:
    for mark, charset in BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    # Two bytes a letter without a mark: every other byte of ASCII is nothing.
    if len(body) > 1 and body[0] and not body[1]:
        return body.decode("utf-16-le", "replace")
    if len(body) > 1 and not body[0] and body[1]:
        return body.decode("utf-16-be", "replace")
    return body.decode("utf-8", "replace")
