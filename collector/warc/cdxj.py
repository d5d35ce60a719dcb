"""The index of a WARC file: CDXJ lines, sorted, in blocks that a reader can find without reading the others."""

import heapq
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO
from urllib.parse import urlsplit

from collector.warc.answers import Answer
from collector.warc.records import Counted, address, payload_digest, status_of

LINES_SORTED = 20_000  # at once, in memory: some 8 MB
LINES_A_BLOCK = 300  # as other programs have it
DEFAULT_PORTS = {"http": 80, "https": 443}


def url_key(url: str) -> str:
    """An address in the order in which indexes are sorted (SURT): `com,example,db)/race/2016`.

    The same as that of the package surt, which would ask the network for a list of domains; what it knows of session
    ids is left out.
    """
    url = address(url)
    try:
        parts = urlsplit(url.lower())
        host, port = re.sub(r"^www\d*\.", "", parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    if not host:
        return url
    name = ",".join(reversed(host.split(".")))
    if port and port != DEFAULT_PORTS.get(parts.scheme):
        name += f":{port}"
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    path = parts.path.rstrip("/") or "/"
    return f"{name}){path}" + (f"?{query}" if query else "")


def line(answer: Answer, offset: int, length: int) -> str:
    """Where an answer stands, as a line of the index."""
    media_type = answer.media_type.partition(";")[0].strip()
    facts = {
        "url": address(answer.url), "mime": "warc/revisit" if answer.repeats else media_type or "unk",
        "status": f"{status_of(answer)}", "digest": payload_digest(answer), "length": f"{length}",
        "offset": f"{offset}", "filename": "data.warc.gz",
    }  # fmt: skip
    return f"{url_key(answer.url)} {answer.at:%Y%m%d%H%M%S} {json.dumps(facts)}\n"


class SortedLines:
    """Any number of lines, put in order through temporary files, so that memory stays flat."""

    def __init__(self, open_file: Callable[[], IO[bytes]]) -> None:
        self._open_file = open_file
        self._files = ExitStack()
        self._parts: list[IO[bytes]] = []
        self._lines: list[bytes] = []

    def add(self, text: str) -> None:
        """Take one line."""
        self._lines.append(text.encode("ascii", "backslashreplace"))
        if len(self._lines) >= LINES_SORTED:
            part = self._files.enter_context(self._open_file())
            part.writelines(sorted(self._lines))
            part.seek(0)
            self._parts.append(part)
            self._lines.clear()

    def __iter__(self) -> Iterator[bytes]:
        yield from heapq.merge(*self._parts, sorted(self._lines))

    def close(self) -> None:
        """Remove the temporary files."""
        self._files.close()


def write_blocks(lines: Iterable[bytes], out: Counted) -> Iterator[str]:
    """Write the index in blocks that are packed one by one; yields the lines of the index of these blocks."""
    yield f"!meta 0 {json.dumps({'format': 'cdxj-gzip-1.0', 'filename': 'index.cdx.gz'})}\n"
    remaining = iter(lines)
    while block := list(islice(remaining, LINES_A_BLOCK)):
        begins = out.size
        out.write(_packed(b"".join(block)))
        key, timestamp, _ = block[0].decode().split(" ", maxsplit=2)
        yield f"{key} {timestamp} {json.dumps({'offset': begins, 'length': out.size - begins})}\n"
    if not out.size:
        out.write(_packed(b""))


def _packed(block: bytes) -> bytes:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return packer.compress(block) + packer.flush()
