"""The answers in a WARC file.

`warcio` reads the records. It gets a stream that is unpacked already, and that is cut off where the head of a record
does not end; bodies are unpacked by `collector.fetch.decompress`: its own ways would put any number of bytes in memory.
"""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from warcio.archiveiterator import WARCIterator
from warcio.exceptions import ArchiveLoadFailed

from collector.codes import Aside
from collector.console.measures import limit_in_words
from collector.errors import TryLater, Unsafe
from collector.fetch.decompress import unpack
from collector.fetch.headers import codings
from collector.imports.captures import LARGEST, Capture, Failed, LeftOut
from collector.imports.streams import Stream
from collector.storage.archive import digest_of

LONGEST_HEAD = 1 << 20  # bytes of a record's and an answer's headers
PIECE = 1 << 16
OK = "200"
PAGE_RECORDS = ("response", "resource", "revisit")
BLOCK = 16_384  # bytes that warcio reads at once


class _Guarded:
    """A stream for warcio, which reads heads to their end, however far that is."""

    def __init__(self, inner: Stream) -> None:
        self._inner = inner
        self.left = LONGEST_HEAD

    def read(self, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise Failed(Aside.BROKEN, "a head without an end")
        return self._inner.read(min(size, BLOCK))

    def allow(self) -> None:
        self.left = LONGEST_HEAD


def captures(stream: Stream, name: str, digest: str) -> Iterator[Capture | LeftOut]:
    """Each answer with status 200, and what other records there are of pages.

    Raises:
        Failed: the file is damaged or ends too early; what came before counts.
    """
    guarded = _Guarded(stream)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            records = WARCIterator(guarded, block_size=BLOCK)
        number = 0
        while (record := _next(records, guarded)) is not None:
            number += 1
            if record.rec_type in PAGE_RECORDS:
                yield _read(record, guarded, f"{name}#{number}", digest)
            _skip(record, guarded)
    except ArchiveLoadFailed as error:
        raise Failed(Aside.BROKEN, " ".join(str(error).split())[:200]) from error


def _next(records: Any, guarded: _Guarded) -> Any:
    guarded.allow()
    with contextlib.redirect_stderr(io.StringIO()):
        return next(records, None)


def _read(record: Any, guarded: _Guarded, file: str, digest: str) -> Capture | LeftOut:
    guarded.allow()
    url = record.rec_headers.get_header("WARC-Target-URI") or ""
    try:
        return _capture(record, guarded, Capture(file, b"", "", digest, url.strip("<> "), _moment(record)))
    except Failed as failed:
        if failed.code is Aside.CUT_OFF:
            raise
        return LeftOut(f"{file} {url[:200]}", failed.code, failed.detail)


def _capture(record: Any, guarded: _Guarded, known: Capture) -> Capture:
    if record.rec_type == "revisit":
        raise Failed(Aside.REVISIT)
    http = record.http_headers
    if record.rec_type == "response" and (http is None or http.get_statuscode() != OK):
        raise Failed(Aside.NO_ANSWER, str(http.get_statuscode())[:20] if http else "none")
    headers = dict(http.headers) if http and record.rec_type == "response" else {}
    body = _up_to(record.raw_stream, guarded)
    if record.raw_stream.limit > 0:
        raise Failed(Aside.CUT_OFF)
    named = {name.lower(): value for name, value in headers.items()}
    if "chunked" in named.get("transfer-encoding", "").lower():
        body = _without_chunks(body)
    body = _unpacked(body, headers)
    media_type = named.get("content-type") or (record.rec_headers.get_header("Content-Type") if not headers else None)
    return replace(known, body=body, digest=digest_of(body), media_type=media_type, headers=headers)


def _up_to(stream: Any, guarded: _Guarded) -> bytes:
    pieces, count = list[bytes](), 0
    while piece := _piece(stream, guarded):
        pieces.append(piece)
        count += len(piece)
        if count > LARGEST:
            raise Failed(Aside.TOO_LARGE, limit_in_words(LARGEST))
    return b"".join(pieces)


def _piece(stream: Any, guarded: _Guarded) -> bytes:
    guarded.allow()
    return stream.read(PIECE)


def _skip(record: Any, guarded: _Guarded) -> None:
    while _piece(record.raw_stream, guarded):
        pass
    if record.raw_stream.limit > 0:
        raise Failed(Aside.CUT_OFF)


def _without_chunks(body: bytes) -> bytes:
    """The body of an answer that was sent in chunks; one that says so and was not is taken as it is."""
    pieces, at = list[bytes](), 0
    while (end := body.find(b"\r\n", at, at + 64)) >= 0:
        try:
            size = int(body[at:end].partition(b";")[0], 16)
        except ValueError:
            return body
        at = end + 2 + size + 2
        if size < 0 or at - 2 > len(body):
            return body
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[end + 2 : at - 2])
    return body


def _unpacked(body: bytes, headers: dict[str, str]) -> bytes:
    """The body without its Content-Encoding; some programs save it unpacked and leave the header."""
    for packing in reversed(codings(headers)):
        try:
            body = unpack(body, packing, LARGEST)
        except TryLater:
            return body
        except Unsafe as error:
            raise Failed(Aside.TOO_LARGE, limit_in_words(LARGEST)) from error
    return body


def _moment(record: Any) -> datetime | None:
    """When the record was made; None where it does not say so in a way that can be read."""
    try:
        moment = datetime.fromisoformat(record.rec_headers.get_header("WARC-Date") or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
