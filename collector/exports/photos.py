"""The bytes of photos, with their rights beside them: never of a photo that was forgotten or that is kept out."""

from collections import Counter
from collections.abc import Generator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa

from collector.errors import BrokenPicture
from collector.exports.arrow import as_batch, schema_of
from collector.exports.columns import Column, Table, Type
from collector.exports.origins import Origin, origins
from collector.exports.reading import ROWS, Connection
from collector.exports.readme import RIGHTS
from collector.exports.selection import Selection
from collector.exports.target import PHOTO_FILE, PHOTOS
from collector.politeness.gate import host_name
from collector.politeness.robots import Robots
from collector.sources.registry import is_personal
from collector.storage.archive import digest_of, unpack_whole
from collector.storage.decoders import decoders
from collector.storage.photo_ids import file_name
from collector.storage.picture_bytes import Format
from collector.storage.shots import bare

ENDINGS = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif",
    "image/heic": "heic", "image/x-dcraw": "raw",
}  # fmt: skip
AT_ONCE = 16  # photos a round trip: some megabytes
HELD = """
SELECT photo.photo_id, photo.digest, photo.media_type, photo.source, photo.page_url, photo.image_url,
    photo.observed_at, photo.origin, photo.rights, blob.encoding, blob.content
FROM photo JOIN blob ON blob.digest = photo.digest
LEFT JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
WHERE (%(since)s::date IS NULL OR issue.issue_date >= %(since)s)
  AND NOT EXISTS (SELECT FROM page WHERE page.url IN (photo.page_url, photo.image_url) AND page.state = 'excluded')
ORDER BY photo.photo_id COLLATE "C"
"""
ROBOTS = """
SELECT page.url, page.digest, blob.content, blob.encoding FROM page JOIN blob USING (digest)
WHERE page.role = 'robots' AND page.state <> 'gone'
"""


class Held(NamedTuple):
    """A photo with its bytes, as they are stored."""

    photo_id: str
    digest: str
    media_type: str | None
    source: str
    page_url: str
    image_url: str | None
    observed_at: Any
    origin: str | None
    rights: str | None
    encoding: str
    content: bytes


def _column(name: str, kind: Type, meaning: str, unit: str | None = None) -> Column:
    return Column(name, kind, meaning, "", unit)


FILE = Table(
    PHOTO_FILE,
    "A file in the folder photos, where it is from, and what may be done with it.",
    ("photo_id",),
    (
        _column("photo_id", Type.TEXT, "The photo."),
        _column("file", Type.TEXT, "Path of the file in this folder."),
        _column("digest", Type.TEXT, "SHA-256 of its bytes, which are as they came but for one's own camera."),
        _column("media_type", Type.TEXT, "image/jpeg."),
        _column("size", Type.INTEGER, "Of the file.", "bytes"),
        _column("source", Type.TEXT, "The source that publishes it."),
        _column("page_url", Type.TEXT, "Address of the photo's page at its source."),
        _column("image_url", Type.TEXT, "Address of the picture at its source."),
        _column("observed_at", Type.MOMENT, "When it was fetched.", "UTC"),
        _column("origin", Type.TEXT, "Who took it, or where it was published; NULL: the source publishes it."),
        _column("rights", Type.TEXT, "What may be done with it."),
        _column(
            "terms", Type.TEXT, "The source's terms, as a person has read them; NULL: the source is not installed."
        ),
        _column("terms_url", Type.TEXT, "Where they are."),
        _column("terms_dated", Type.DATE, "Of their text, as the source's keepers state it."),
        _column("terms_read_on", Type.DATE, "When they were read."),
        _column(
            "copying",
            Type.TEXT,
            "What they say of copying: personal (for personal use only), licensed, subscribers, forbidden.",
        ),
        _column("permission", Type.TEXT, "Who permitted the copying, and when; NULL: nobody was asked."),
    ),
    "",
    "",
    "photos of issues of that day or later",
)


class Training:
    """What the sites' robots.txt say now: a photo that may not be trained on is for looking at, and stays here."""

    def __init__(self, connection: Connection) -> None:
        self._rules: dict[str, Robots | None] = {}
        for url, digest, content, encoding in connection.execute(ROBOTS):
            body = unpack_whole(content, encoding, digest)
            self._rules[host_name(url)] = None if body is None else Robots.parse(body)

    def allows(self, *urls: str | None) -> bool:
        """Whether none of these addresses is kept out. Rules that cannot be read keep everything out."""
        return all(map(self._allows, filter(None, urls)))

    def _allows(self, url: str) -> bool:
        if (host := host_name(url)) not in self._rules:
            return True
        robots = self._rules[host]
        return robots is not None and not robots.out_of_reach and robots.training(url).allowed


def write_photos(
    connection: Connection, folder: Path, since: date | None, left_out: Counter[str], *, originals: bool
) -> Generator[pa.RecordBatch, None, None]:
    """Write the photos to files; yields the rows of the table beside them. Counts in `left_out` why others are not.

    Of a person's own camera a copy is written that holds nothing but pixels, unless `originals` are wanted.
    """
    training, sources = Training(connection), {one.name: one for one in origins(connection)}
    schema = schema_of(Selection(FILE))
    (folder / PHOTOS).mkdir()
    rows: list[tuple[Any, ...]] = []
    with connection.cursor("paddock_photos", binary=True) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(HELD, {"since": since})
        while found := cursor.fetchmany(AT_ONCE):
            rows += filter(
                None, (_write(folder, Held(*row), training, left_out, sources, originals=originals) for row in found)
            )
            if len(rows) >= ROWS:
                yield as_batch(rows, schema)
                rows = []
    if rows:
        yield as_batch(rows, schema)


def _write(
    folder: Path,
    held: Held,
    training: Training,
    left_out: Counter[str],
    sources: Mapping[str, Origin],
    *,
    originals: bool,
) -> tuple[Any, ...] | None:
    if not training.allows(held.page_url, held.image_url):
        left_out["kept_out"] += 1
        return None
    body = unpack_whole(held.content, held.encoding, held.digest)
    if body is None:
        left_out["damaged"] += 1
        return None
    digest, media_type = held.digest, held.media_type
    if is_personal(held.source) and not originals:
        try:
            body, media_type = decoders().run(bare, body), str(Format.JPEG)
        except BrokenPicture:
            left_out["damaged"] += 1
            return None
        digest = digest_of(body)
    name = f"{quote(file_name(held.photo_id), safe='')}.{ENDINGS.get(media_type or '', 'bin')}"
    (folder / PHOTOS / name).write_bytes(body)
    terms, permission = sources[held.source].terms, sources[held.source].permission
    said = (terms.summary, terms.url, terms.dated, terms.read_on, terms.copying) if terms else [None] * 5
    return (
        held.photo_id, f"{PHOTOS}/{name}", digest, media_type, len(body), held.source, held.page_url,
        held.image_url, held.observed_at, held.origin, held.rights or RIGHTS, *said, permission,
    )  # fmt: skip
