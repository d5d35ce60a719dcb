"""A saved page as a file holds it, and a file that is left out. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collector.codes import Aside
from collector.fetch.fetcher import IMAGE_BYTES, PAGE_BYTES

LARGEST = max(PAGE_BYTES, IMAGE_BYTES)  # bytes of a page or a picture


@dataclass(frozen=True, slots=True)
class Capture:
    """One saved page."""

    file: str  # its name, with its place in an archive or a folder
    body: bytes
    digest: str  # SHA-256 of the body
    file_digest: str  # SHA-256 of the file, or of the archive that it is in
    url: str | None = None  # as the archive states it
    at: datetime | None = None  # when it was saved, where the archive says so
    media_type: str | None = None  # with its charset, as the site stated it
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, or a part of one, of which nothing is stored."""

    file: str
    code: Aside
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Failed(Exception):
    """A file that cannot be read on from here."""

    code: Aside
    detail: str | None = None
