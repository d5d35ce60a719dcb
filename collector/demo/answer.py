"""An answer of the look-alike: a file and its headers."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Answer:
    """A file with the headers of a web server."""

    body: bytes
    media_type: str  # the whole Content-Type header
    modified: datetime  # to the second, UTC
    headers: dict[str, str] = field(default_factory=dict)


def evening_of(day: date) -> datetime:
    """The time of a day at which the site's files were uploaded."""
    return datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
