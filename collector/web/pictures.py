"""The photos' bytes: as they came, or made small, which is done once and kept in the database."""

import asyncio
import logging
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import psycopg
from PIL import Image
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from collector.errors import BrokenPicture
from collector.sources.registry import is_personal
from collector.storage.archive import unpack
from collector.storage.decoders import Decoders
from collector.storage.images import shrink
from collector.storage.picture_bytes import Format
from collector.storage.reader import PATIENCE, Reader
from collector.storage.shots import bare
from collector.web.server.problems import Code, Problem

WIDTHS = (160, 320, 640, 1280)  # px; no others are made, so nobody can fill the database with them
WHOLE = 0  # in place of a width: all of it, which is not kept
QUALITY = 84
PROCESSES = 2
WAITING = 64  # that are made or wait to be, at most
SAFE_TYPES = tuple(Format)  # what is served as it came

NAMED = """
SELECT photo.source, photo.digest, photo.media_type, small.content FROM photo
LEFT JOIN thumbnail AS small ON small.digest = photo.digest AND small.width = %(width)s
WHERE photo.photo_id = %(photo)s
"""
BYTES = "SELECT encoding, content FROM blob WHERE digest = %(digest)s"
KEEP = """
INSERT INTO thumbnail (digest, width, height, content)
SELECT digest, %(width)s, %(height)s, %(content)s FROM blob WHERE digest = %(digest)s ON CONFLICT DO NOTHING
"""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A picture made small, upright, with nothing but its pixels."""

    body: bytes  # JPEG
    width: int  # px
    height: int


@dataclass(frozen=True, slots=True)
class Photo:
    """Bytes and what they are."""

    body: bytes
    media_type: str
    tag: str  # ETag: the same as long as the bytes are


class Pictures:
    """The photos of a collection. Making one small takes a process, and no photo is made small twice."""

    def __init__(self, reader: Reader, conninfo: str) -> None:
        self._reader = reader
        self._writing = AsyncConnectionPool(
            conninfo, kwargs={"autocommit": True}, min_size=0, max_size=PROCESSES, timeout=PATIENCE, open=False
        )
        self._decoders = Decoders(PROCESSES)
        self._making: dict[tuple[str, int], asyncio.Task[bytes]] = {}
        self._broken: set[str] = set()  # digests of what cannot be made small, which is tried once
        self.made = 0  # photos made small since the start

    async def __aenter__(self) -> Self:
        await self._writing.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._making.values():
            task.cancel()
        await asyncio.to_thread(self._decoders.close)
        await self._writing.close()

    async def original(self, photo: str) -> Photo:
        """A photo as it came; of a person's own camera a copy that holds nothing but pixels.

        Raises:
            Problem: there is none, or a copy cannot be made.
            TryLater: the database cannot be reached.
        """
        row = await self._named(photo, WHOLE)
        digest, media_type = row["digest"], row["media_type"]
        if is_personal(row["source"]):
            return Photo(await self._made(digest, WHOLE), Format.JPEG, f"{digest}-bare")
        # The collector keeps no other; never as HTML, whatever a database holds.
        if media_type is None or media_type not in SAFE_TYPES:
            media_type = "application/octet-stream"
        return Photo(await self.bytes_of(digest), media_type, digest)

    async def small(self, photo: str, width: int) -> Photo:
        """A photo of a width in px, or of its own where that is less, as a JPEG.

        Raises:
            Problem: there is none, it cannot be read, or too many are being made.
            TryLater: the database cannot be reached.
        """
        row = await self._named(photo, width)
        digest, content = row["digest"], row["content"]
        if content is None:
            content = await self._made(digest, width)
        return Photo(content, "image/jpeg", f"{digest}-{width}")

    async def shrunk(self, body: bytes) -> Shrunk:
        """A picture that is not held, as a JPEG of the largest width or its own; it is not kept.

        Raises:
            Problem: it is not a picture, or too many are being made.
        """
        try:
            content, _ = await self._decoders.ask(shrink, body, max(WIDTHS), QUALITY)
        except BrokenPicture as error:
            raise Problem(Code.NO_PICTURE, str(error)) from error
        except OSError as error:
            raise _unstarted(error) from error
        return Shrunk(content, *Image.open(BytesIO(content)).size)

    async def _named(self, photo: str, width: int) -> dict[str, Any]:
        values = {"photo": photo, "width": width}
        rows = await self._reader.rows(NAMED, values)
        if not rows or rows[0]["digest"] is None:
            raise Problem(Code.NOT_FOUND)
        return rows[0]

    async def bytes_of(self, digest: str) -> bytes:
        """A picture's bytes as they came. Of a person's own camera they hold a place: they leave no server like that.

        Raises:
            Problem: there are none.
            TryLater: the database cannot be reached.
        """
        rows = await self._reader.rows(BYTES, {"digest": digest})
        if not rows:
            raise Problem(Code.NOT_FOUND)
        return unpack(rows[0]["content"], rows[0]["encoding"])

    async def _made(self, digest: str, width: int) -> bytes:
        """Make it, or wait until another request has made it."""
        if digest in self._broken:
            raise Problem(Code.NOT_FOUND)
        key = (digest, width)
        task = self._making.get(key)
        if task is None:
            if len(self._making) >= WAITING:
                raise Problem(Code.BUSY, retry_after=1)
            task = self._making[key] = asyncio.create_task(self._make(digest, width))
            task.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(task)

    async def _make(self, digest: str, width: int) -> bytes:
        body = await self.bytes_of(digest)
        try:
            if width == WHOLE:
                return await self._decoders.ask(bare, body)
            content, height = await self._decoders.ask(shrink, body, width, QUALITY)
        except BrokenPicture as error:
            self._broken.add(digest)
            raise Problem(Code.NOT_FOUND) from error
        except OSError as error:
            raise _unstarted(error) from error
        self.made += 1
        values = {"digest": digest, "width": width, "height": height, "content": content}
        try:
            async with self._writing.connection() as connection:
                await connection.execute(KEEP, values)
        except (psycopg.Error, PoolTimeout) as error:  # it is shown all the same, and made again for the next one
            logger.warning("a photo made small was not kept", extra={"reason": str(error).strip()})
        return content


def _unstarted(error: OSError) -> Problem:
    logger.warning("no process could be started to make a photo small", extra={"reason": str(error)})
    return Problem(Code.BUSY, retry_after=5)
