"""The collection, read and never written: its photos by a horse's name or by address, and what is known of a horse."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from collector import database
from collector.archive import unpack
from collector.errors import TryLater, UsageError
from collector.racing import Axis
from collector.settings import Settings
from collector.sources.text import horse_key

logger = logging.getLogger(__name__)

READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=3000"  # milliseconds
PATIENCE = 3.0  # seconds until the database is taken for gone
CONNECTIONS = 4
MOST = 24  # photos that are found at once
LONGEST_NAME = 60  # characters
AS_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
AS_WRITTEN = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})  # what LIKE would read otherwise

FOUND = """
SELECT photo.id, photo.issue_code || '-' || lpad(photo.number::text, 2, '0') AS photo, photo.width, photo.height,
    photo.race_name, issue.issue_date, met.horse_id, coalesce(horse.name, photo.horse_name) AS horse_name
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN horse ON horse.horse_id = met.horse_id
WHERE photo.digest IS NOT NULL AND (photo.horse_key LIKE %(part)s OR horse.horse_key LIKE %(part)s)
ORDER BY coalesce(horse.horse_key, photo.horse_key) = %(whole)s DESC, coalesce(horse.horse_key, photo.horse_key),
    issue.issue_date DESC, photo.number
LIMIT %(most)s
"""
BY_ID = "SELECT horse_name, encoding, content FROM photo JOIN blob USING (digest) WHERE photo.id = %(id)s"
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
WHERE horse.horse_key LIKE %(part)s
ORDER BY horse.horse_key = %(whole)s DESC, horse.born DESC NULLS LAST, horse.horse_id
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo of the collection, as a search shows it."""

    id: int
    photo: str  # issue and number, 160104-01
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
    """A horse, and what reviewers thought of its distance aptitude when it was last asked for."""

    horse_id: str
    name: str
    source_url: str
    value: float | None  # 0 short .. 1 long; None: no label
    reviews: int | None
    observed_at: datetime | None
    label_url: str | None


def as_key(part: str) -> str:
    """Part of a name as names are compared: full-width katakana, however it was typed."""
    return horse_key(part[:LONGEST_NAME].strip()).translate(AS_KATAKANA)


class Collection:
    """Connections to the database on which nothing can be written."""

    def __init__(self, conninfo: str) -> None:
        given = conninfo_to_dict(conninfo)
        options = f"{given.get('options') or ''} {READ_ONLY}".strip()
        self._pool = AsyncConnectionPool(
            make_conninfo(conninfo, options=options, connect_timeout=str(round(PATIENCE))),
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=0,
            max_size=CONNECTIONS,
            timeout=PATIENCE,
            open=False,
        )

    async def __aenter__(self) -> Self:
        # That a connection failed is told to whoever asked for it.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    async def _rows(self, query: LiteralString, values: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            async with self._pool.connection() as connection:
                return await (await connection.execute(query, values)).fetchall()  # pyright: ignore[reportReturnType]
        except (psycopg.Error, PoolTimeout) as error:
            raise TryLater("the collection's database cannot be reached") from error

    async def find(self, part: str) -> list[FoundPhoto]:
        """Photos of horses with this in their names, the horse of just that name first; MOST at most.

        Raises:
            TryLater: the database cannot be reached.
        """
        key = as_key(part)
        if not key:
            return []
        return [FoundPhoto(**row) for row in await self._rows(FOUND, _like(key) | {"most": MOST})]

    async def photo(self, number: int) -> HeldPhoto | None:
        """A photo by its id.

        Raises:
            TryLater: the database cannot be reached.
        """
        rows = await self._rows(BY_ID, {"id": number})
        return HeldPhoto(rows[0]["horse_name"], _body(rows[0])) if rows else None

    async def photo_at(self, url: str) -> bytes | None:
        """The bytes of the photo whose picture or page has this address, whether by http or by https.

        Raises:
            TryLater: the database cannot be reached.
        """
        _, _, rest = url.partition("://")
        rows = await self._rows(BY_ADDRESS, {"urls": [f"http://{rest}", f"https://{rest}"]})
        return _body(rows[0]) if rows else None

    async def horses(self, part: str) -> list[FoundHorse]:
        """Horses with this in their names, the one of just that name first, then the youngest; MOST at most.

        Raises:
            TryLater: the database cannot be reached.
        """
        key = as_key(part)
        if not key:
            return []
        values = _like(key) | {"most": MOST, "axis": Axis.DISTANCE}
        return [FoundHorse(**row) for row in await self._rows(HORSES, values)]


def _like(key: str) -> dict[str, Any]:
    return {"part": f"%{key.translate(AS_WRITTEN)}%", "whole": key}


def _body(row: dict[str, Any]) -> bytes:
    return unpack(row["content"], row["encoding"])


@contextmanager
def conninfo_if_any(settings: Settings) -> Iterator[str | None]:
    """The database of these settings as it is, for as long as the context lasts; None where there is none yet.

    Raises:
        UsageError: PADDOCK_DATABASE_URL cannot be understood.
    """
    if not settings.database_url and not (settings.home / "postgres").exists():
        yield None
        return
    with ExitStack() as stack:
        opened = database.opened(settings.database_url, settings.home, check_revision=False)
        try:
            conninfo = stack.enter_context(opened)
        except UsageError as error:
            if settings.database_url:
                raise  # it cannot even be understood
            logger.warning("no collection: its database does not start", extra={"reason": str(error)})
            conninfo = None
        yield conninfo


@asynccontextmanager
async def collection_if_any(conninfo: str | None) -> AsyncIterator[Collection | None]:
    """The collection behind a connection string; None where there is none."""
    if conninfo is None:
        yield None
        return
    async with Collection(conninfo) as collection:
        yield collection
