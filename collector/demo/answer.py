"""What a look-alike site has under one path."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Answer:
    """A file as a web server would send it."""

    body: bytes
    media_type: str  # the whole Content-Type header
    modified: datetime  # to the second, UTC
    headers: dict[str, str] = field(default_factory=dict)


def evening_of(day: date) -> datetime:
    """When the site's files of a day were put there."""
    return datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
