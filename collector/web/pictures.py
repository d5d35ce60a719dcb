"""The photos' bytes: as they came, or made small, which is done once and kept in the database."""

import asyncio
import io
import logging
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg
from PIL import ExifTags, Image
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from collector.archive import unpack
from collector.images import FORMATS, MAX_PIXELS
from collector.sources.keibado import SOURCE
from collector.web.problems import Code, Problem
from collector.web.reader import PATIENCE, Reader

WIDTHS = (160, 320, 640, 1280)  # px; no others are made, so nobody can fill the database with them
QUALITY = 84
THREADS = 2
WAITING = 64  # that are made or wait to be, at most
TALLEST = 65_500  # px that a JPEG can have
# What Pillow raises on broken files, and on their EXIF; found by feeding it mutated ones.
BROKEN = (
    Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, SyntaxError, ValueError, EOFError,
    IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError, struct.error,
)  # fmt: skip
# Of a picture that lies as its EXIF says: how it is turned upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SAFE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")  # what is served as it came

NAMED = """
SELECT photo.digest, photo.media_type, small.content FROM photo
LEFT JOIN thumbnail AS small ON small.digest = photo.digest AND small.width = %(width)s
WHERE source = %(source)s AND issue_code = %(code)s AND number = %(number)s
"""
BYTES = "SELECT encoding, content FROM blob WHERE digest = %(digest)s"
KEEP = """
INSERT INTO thumbnail (digest, width, height, content)
SELECT digest, %(width)s, %(height)s, %(content)s FROM blob WHERE digest = %(digest)s ON CONFLICT DO NOTHING
"""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Photo:
    """Bytes and what they are."""

    body: bytes
    media_type: str
    tag: str  # ETag: the same as long as the bytes are


class Pictures:
    """The photos of a collection. Making one small takes a thread, and no photo is made small twice."""

    def __init__(self, reader: Reader, conninfo: str) -> None:
        self._reader = reader
        self._writing = AsyncConnectionPool(
            conninfo, kwargs={"autocommit": True}, min_size=0, max_size=THREADS, timeout=PATIENCE, open=False
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="shrinker")
        self._making: dict[tuple[str, int], asyncio.Task[bytes]] = {}
        self.made = 0  # photos made small since the start

    async def __aenter__(self) -> Self:
        await self._writing.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._making.values():
            task.cancel()
        self._threads.shutdown(cancel_futures=True)
        await self._writing.close()

    async def original(self, code: str, number: int) -> Photo:
        """A photo as it came.

        Raises:
            Problem: there is none.
            TryLater: the database cannot be reached.
        """
        digest, media_type, _ = await self._named(code, number, 0)
        if media_type not in SAFE_TYPES:  # the collector keeps no other; never as HTML, whatever a database holds
            media_type = "application/octet-stream"
        return Photo(await self._bytes(digest), media_type, digest)

    async def small(self, code: str, number: int, width: int) -> Photo:
        """A photo of so many px width, or of its own where that is less, as a JPEG.

        Raises:
            Problem: there is none, it cannot be read, or too many are being made.
            TryLater: the database cannot be reached.
        """
        digest, _, content = await self._named(code, number, width)
        if content is None:
            content = await self._made(digest, width)
        return Photo(content, "image/jpeg", f"{digest}-{width}")

    async def _named(self, code: str, number: int, width: int) -> tuple[str, str | None, bytes | None]:
        values = {"source": SOURCE, "code": code, "number": number, "width": width}
        rows = await self._reader.rows(NAMED, values)
        if not rows or rows[0]["digest"] is None:
            raise Problem(Code.NOT_FOUND)
        return rows[0]["digest"], rows[0]["media_type"], rows[0]["content"]

    async def _bytes(self, digest: str) -> bytes:
        rows = await self._reader.rows(BYTES, {"digest": digest})
        if not rows:
            raise Problem(Code.NOT_FOUND)
        return unpack(rows[0]["content"], rows[0]["encoding"])

    async def _made(self, digest: str, width: int) -> bytes:
        """Make it, or wait for whoever is making it."""
        key = (digest, width)
        task = self._making.get(key)
        if task is None:
            if len(self._making) >= WAITING:
                raise Problem(Code.BUSY, retry_after=1)
            task = self._making[key] = asyncio.create_task(self._make(digest, width))
            task.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(task)

    async def _make(self, digest: str, width: int) -> bytes:
        body = await self._bytes(digest)
        loop = asyncio.get_running_loop()
        content, height = await loop.run_in_executor(self._threads, shrink, body, width)
        self.made += 1
        values = {"digest": digest, "width": width, "height": height, "content": content}
        try:
            async with self._writing.connection() as connection:
                await connection.execute(KEEP, values)
        except (psycopg.Error, PoolTimeout) as error:  # it is shown all the same, and made again for the next one
            logger.warning("a photo made small was not kept", extra={"reason": str(error).strip()})
        return content


def shrink(body: bytes, width: int) -> tuple[bytes, int]:
    """A picture as a JPEG of so many px width at most, and its height: upright, pixels and nothing else of the file.

    Raises:
        Problem: it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Problem(Code.NOT_FOUND)
            image.draft("RGB", (width, width))  # enough of it, also where it lies on its side
            turn = turn_of(image)
            small = (image if turn is None else image.transpose(turn)).convert("RGB")
    except BROKEN as error:
        raise Problem(Code.NOT_FOUND) from error
    if small.width > width:
        size = (width, max(1, round(small.height * width / small.width)))
        small = small.resize(size, Image.Resampling.LANCZOS)
    if small.height > TALLEST:
        raise Problem(Code.NOT_FOUND)
    small.info.clear()
    file = io.BytesIO()
    small.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return file.getvalue(), small.height


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """How a picture is turned upright. Pillow's own way writes the EXIF anew, which fails where any of it is broken."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        return None
