"""Read access to the collection: photos by a horse's name or by address, and horses with their labels."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from collector.errors import UsageError
from collector.settings import Settings
from collector.storage import database
from collector.storage.archive import unpack
from collector.storage.reader import Reader
from collector.web.search.names import as_key, read_name, spelt_with
from collector.web.search.statements import AS_WRITTEN

logger = logging.getLogger(__name__)

MOST = 24  # photos or horses in one search result
FOUND = """
SELECT photo.id, photo.photo_id AS photo, photo.width, photo.height,
    photo.race_name, issue.issue_date, met.horse_id, coalesce(horse.name, photo.horse_name) AS horse_name
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN horse ON horse.horse_id = met.horse_id
WHERE photo.digest IS NOT NULL AND (photo.horse_key LIKE %(part)s OR horse.horse_key LIKE %(part)s
    OR photo.horse_key = ANY (%(keys)s) OR horse.horse_key = ANY (%(keys)s))
ORDER BY coalesce(horse.horse_key, photo.horse_key) = %(whole)s DESC, coalesce(horse.horse_key, photo.horse_key),
    issue.issue_date DESC, photo.photo_id
LIMIT %(most)s
"""
NAMES = "SELECT horse_key FROM photo WHERE horse_key IS NOT NULL UNION SELECT horse_key FROM horse"
BY_ID = """
SELECT coalesce(horse.name, photo.horse_name, '') AS horse_name, encoding, content FROM photo
JOIN blob USING (digest)
LEFT JOIN photo_match met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN horse ON horse.horse_id = met.horse_id
WHERE photo.id = %(id)s
"""
BY_ADDRESS = """
SELECT encoding, content FROM photo JOIN blob USING (digest)
WHERE image_url = ANY(%(urls)s) OR page_url = ANY(%(urls)s) ORDER BY photo.id LIMIT 1
"""
HORSES = """
SELECT horse.horse_id, horse.name, horse.source_url, opinion.value, opinion.reviews, opinion.observed_at,
    opinion.source_url AS label_url
FROM horse
LEFT JOIN LATERAL (SELECT * FROM aptitude WHERE aptitude.horse_id = horse.horse_id AND aptitude.axis = %(axis)s
    ORDER BY aptitude.observed_at DESC LIMIT 1) opinion ON true
WHERE horse.horse_key LIKE %(part)s OR horse.horse_key = ANY (%(keys)s)
ORDER BY horse.horse_key = %(whole)s DESC, horse.born DESC NULLS LAST, horse.horse_id
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo in a search result."""

    id: int
    photo: str  # its id
    width: int | None  # px
    height: int | None
    race_name: str | None
    issue_date: date
    horse_id: str | None
    horse_name: str


@dataclass(frozen=True, slots=True)
class HeldPhoto:
    """A photo of the collection and its bytes."""

    horse_name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FoundHorse:
    """A horse with what reviewers think of it now on one axis."""

    horse_id: str
    name: str
    source_url: str
    value: float | None  # 0..1, from the left to the right end of the axis; None: no label
    reviews: int | None
    observed_at: datetime | None
    label_url: str | None


class Collection:
    """The collection's photos and horses, over read-only connections."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(self, part: str) -> list[FoundPhoto]:
        """Up to MOST photos of horses whose names contain `part`; the horse with exactly this name comes first.

        Raises:
            TryLater: the database cannot be reached.
        """
        named = await self._named(part)
        if named is None:
            return []
        return [FoundPhoto(**row) for row in await self._reader.rows(FOUND, named | {"most": MOST})]

    async def photo(self, number: int) -> HeldPhoto | None:
        """A photo by its id.

        Raises:
            TryLater: the database cannot be reached.
        """
        rows = await self._reader.rows(BY_ID, {"id": number})
        return HeldPhoto(rows[0]["horse_name"], _body(rows[0])) if rows else None

    async def photo_at(self, url: str) -> bytes | None:
        """The bytes of the photo whose picture or page has this address; http and https count as the same.

        Raises:
            TryLater: the database cannot be reached.
        """
        _, _, rest = url.partition("://")
        rows = await self._reader.rows(BY_ADDRESS, {"urls": [f"http://{rest}", f"https://{rest}"]})
        return _body(rows[0]) if rows else None

    async def horses(self, part: str, axis: str) -> list[FoundHorse]:
        """Up to MOST horses whose names contain `part`: the one with exactly this name first, then the youngest. None
        has a label on an axis that reviewers are not asked about.

        Raises:
            TryLater: the database cannot be reached.
        """
        named = await self._named(part)
        if named is None:
            return []
        values = named | {"most": MOST, "axis": axis}
        return [FoundHorse(**row) for row in await self._reader.rows(HORSES, values)]

    async def _named(self, part: str) -> dict[str, Any] | None:
        """The SQL parameters of a search for part of a name, in Japanese or Latin script; None if it is empty."""
        typed = read_name(part)
        if typed is None:
            return None
        whole = as_key(part)
        if not typed.latin:
            return {"part": f"%{typed.part.translate(AS_WRITTEN)}%", "whole": whole, "keys": []}
        keys = [row["horse_key"] for row in await self._reader.rows(NAMES)]
        return {"part": None, "whole": whole, "keys": await asyncio.to_thread(spelt_with, keys, typed.part)}


def _body(row: dict[str, Any]) -> bytes:
    return unpack(row["content"], row["encoding"])


@contextmanager
def conninfo_if_any(settings: Settings) -> Iterator[str | None]:
    """The connection string of the database of these settings; None if it was never set up.

    Raises:
        UsageError: PADDOCK_DATABASE_URL is not valid, or its database cannot be read.
    """
    if not settings.database_url and not (settings.home / "postgres").exists():
        yield None
        return
    with ExitStack() as stack:
        opened = database.opened(settings.database_url, settings.home, check_revision=False)
        try:
            conninfo = stack.enter_context(opened)
        except (UsageError, OSError) as error:
            if settings.database_url:
                raise  # the URL is not valid
            logger.warning("no collection: its database does not start", extra={"reason": str(error)})
            conninfo = None
        yield conninfo if conninfo and _holds_collection(conninfo) else None


def _holds_collection(conninfo: str) -> bool:
    """Whether a database has been set up; True if it does not respond now, as it may do so later.

    Raises:
        UsageError: this code cannot read the encoding or the revision of the database.
    """
    try:
        revision = database.check_fit(conninfo)
    except psycopg.OperationalError:
        return True
    if revision is not None:
        database.check_current(revision)
    return revision is not None


@asynccontextmanager
async def collection_if_any(conninfo: str | None) -> AsyncIterator[Collection | None]:
    """The collection of a connection string; None without one."""
    if conninfo is None:
        yield None
        return
    async with Reader(conninfo) as reader:
        yield Collection(reader)
