"""The photos before and after a photo: of its horse by time, and of its back number by number."""

from dataclasses import dataclass
from typing import LiteralString

from collector.storage.reader import Reader
from collector.web.horse.facts import Row

OF_HORSE: LiteralString = """
SELECT before, after, place, count FROM (
    SELECT photo.photo_id, lag(photo.photo_id) OVER dated AS before, lead(photo.photo_id) OVER dated AS after,
        row_number() OVER dated AS place, count(*) OVER () AS count
    FROM photo JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
    JOIN photo_match AS met
        ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
    WHERE met.horse_id = %(horse_id)s AND photo.digest IS NOT NULL
    WINDOW dated AS (ORDER BY issue.issue_date, photo.taken_at NULLS FIRST, photo.photo_id)) AS shown
WHERE photo_id = %(photo)s
"""
OF_ISSUE: LiteralString = """
SELECT before, after, place, count FROM (
    SELECT photo_id, lag(photo_id) OVER numbered AS before, lead(photo_id) OVER numbered AS after,
        row_number() OVER numbered AS place, count(*) OVER () AS count
    FROM photo WHERE source = %(source)s AND issue_code = %(issue_code)s AND digest IS NOT NULL
    WINDOW numbered AS (ORDER BY number)) AS shown
WHERE photo_id = %(photo)s
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a photo stands in a row of photos."""

    before: str | None  # ids
    after: str | None
    place: int  # from 1 on
    count: int


async def turns(reader: Reader, photo: Row) -> dict[str, Turn | None]:
    """Its places among the photos of its horse and of its back number; None: it is the only one.

    Raises:
        TryLater: the database cannot be reached.
    """
    found = {"horse": await reader.rows(OF_HORSE, photo) if photo["horse_id"] else []}
    found["issue"] = await reader.rows(OF_ISSUE, photo)
    return {name: Turn(**rows[0]) if rows and rows[0]["count"] > 1 else None for name, rows in found.items()}
