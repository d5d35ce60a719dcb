"""An answer as a WARC record (ISO 28500, version 1.1), and the file that records are appended to.

Nothing in a record depends on when or where it is written: the same answer is the same bytes.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import responses
from io import BytesIO
from typing import IO, Any
from urllib.parse import quote

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.timeutils import datetime_to_iso_date
from warcio.warcwriter import WARCWriter

from collector.fetch.headers import KEPT_IN_ADDRESSES, content_type, usable_date, usable_etag
from collector.warc.answers import Answer

VERSION = "1.1"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
CONFORMS_TO = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # stands for the time of an archive without an answer


class Counted:
    """A stream that knows how many bytes were written to it, and their SHA-256."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, part: bytes) -> None:
        """Append bytes."""
        self._out.write(part)
        self._sha256.update(part)
        self.size += len(part)

    def flush(self) -> None:
        """Nothing: a part of a file is worth nothing."""

    @property
    def hash(self) -> str:
        """As WACZ writes it."""
        return f"sha256:{self._sha256.hexdigest()}"


class WarcFile:
    """A WARC file that grows; each record is a gzip member of its own."""

    def __init__(self, out: Counted) -> None:
        self._out = out
        self._writer = WARCWriter(out, gzip=True, warc_version=VERSION)

    def add_info(self, fields: Sequence[tuple[str, str]], at: datetime | None) -> None:
        """Append the record that says what the file is."""
        body = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in fields).encode()
        headers = {
            "WARC-Record-ID": _record_id("warcinfo", hashlib.sha256(body).hexdigest(), _iso(at or EARLIEST)),
            "WARC-Date": _iso(at or EARLIEST),
        }
        record = self._writer.create_warc_record(
            "", "warcinfo", payload=BytesIO(body), length=len(body), warc_headers_dict=headers
        )
        self._writer.write_record(record)

    def add(self, answer: Answer, body: bytes | None) -> tuple[int, int]:
        """Append an answer, with its bytes or as a repetition of an earlier one; where it stands, and its length."""
        begins = self._out.size
        self._writer.write_record(self._response(answer, body) if body is not None else self._revisit(answer))
        return begins, self._out.size - begins

    def _response(self, answer: Answer, body: bytes) -> ArcWarcRecord:
        headers = _headers(answer, "response") | {"WARC-Payload-Digest": payload_digest(answer)}
        return self._writer.create_warc_record(
            address(answer.url), "response", payload=BytesIO(body), length=len(body), warc_headers_dict=headers,
            http_headers=_http(answer, len(body)),
        )  # fmt: skip

    def _revisit(self, answer: Answer) -> ArcWarcRecord:
        record = self._writer.create_revisit_record(
            address(answer.url), payload_digest(answer), address(answer.first_url), _iso(answer.first_at),
            # A 304 of its own would be replayed as that, with nothing to see; without one the earlier answer is shown.
            http_headers=None if answer.not_modified else _http(answer, None),
            warc_headers_dict=_headers(answer, "revisit"),
        )  # fmt: skip
        record.rec_headers.add_header("WARC-Refers-To", _id_of(answer.first_url, answer.first_at, answer, "response"))
        if answer.not_modified:
            record.rec_headers.replace_header("WARC-Profile", NOT_MODIFIED)
        return record


def address(url: str) -> str:
    """An address as a header takes it: what is not ASCII, and what would end the line, is percent-encoded."""
    return quote(url.encode("utf-8", "backslashreplace"), safe=KEPT_IN_ADDRESSES)


def payload_digest(answer: Answer) -> str:
    """The digest of the bytes, as WARC writes it."""
    return f"sha256:{answer.digest}"


def status_of(answer: Answer) -> int:
    """The status with which an answer is shown; 200 where none is known, as of a saved page."""
    return 200 if answer.not_modified else answer.status or 200


def _headers(answer: Answer, kind: str) -> dict[str, str]:
    """The named fields of a record. What pages are to us is beside them, where other programs keep such facts."""
    return {
        "WARC-Record-ID": _id_of(answer.url, answer.at, answer, kind),
        "WARC-Date": _iso(answer.at),
        "WARC-JSON-Metadata": json.dumps({"source": answer.source, "kind": answer.kind}),
    }


def _http(answer: Answer, length: int | None) -> StatusAndHeaders:
    """The status line and the headers, as far as they are held; a body stands as it was after it was unpacked."""
    status = status_of(answer)
    headers = [
        ("Content-Type", content_type(answer.media_type)), ("Last-Modified", usable_date(answer.last_modified)),
        ("ETag", usable_etag(answer.etag)), ("Content-Length", None if length is None else f"{length}"),
    ]  # fmt: skip
    known: list[Any] = [(name, value) for name, value in headers if value]
    return StatusAndHeaders(f"{status} {responses.get(status, '')}".strip(), known, protocol="HTTP/1.1")


def _iso(at: datetime) -> str:
    return datetime_to_iso_date(at.astimezone(UTC).replace(tzinfo=None), use_micros=True)


def _id_of(url: str, at: datetime, answer: Answer, kind: str) -> str:
    return _record_id(kind, address(url), _iso(at), answer.digest)


def _record_id(*parts: str) -> str:
    """A UUID that follows from what a record is."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join(parts))}>"
