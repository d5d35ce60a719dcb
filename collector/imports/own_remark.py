"""A person's remark on a photo of their own: a new version of its record, read by what reads every remark."""

import unicodedata
from typing import LiteralString

from collector.errors import Busy, UsageError
from collector.imports.manifest import LONGEST, UNSAFE
from collector.imports.recorded import CAMERA_PHOTOS, IMPORT_LOCK, OWN_PHOTOS, Kept
from collector.imports.writing import write
from collector.politeness.gate import Connection
from collector.sources.camera.record import CameraRecord
from collector.sources.own.record import Record
from collector.storage.archive import digest_of, unpack
from collector.storage.dictionaries import Dictionaries
from collector.storage.locks import alone

HELD: LiteralString = """
SELECT photo.source, blob.content, blob.encoding, clock_timestamp() FROM photo JOIN page ON page.url = photo.page_url
JOIN blob ON blob.digest = page.digest
WHERE photo.photo_id = %s AND photo.source = ANY (%s) AND page.state <> 'excluded'
"""


RECORDS: dict[str, tuple[Kept, type[Record] | type[CameraRecord]]] = {
    OWN_PHOTOS.source: (OWN_PHOTOS, Record), CAMERA_PHOTOS.source: (CAMERA_PHOTOS, CameraRecord),
}  # fmt: skip


async def store_remark(connection: Connection, photo: str, remark: str) -> None:
    """Keep a remark on a photo of one's own, by the photo's id, in place of the one that it had; empty: none.

    Raises:
        UsageError: there is no such photo of one's own, or the remark is not text, or is too long.
        Busy: an import of photos, or a crawl, is at work on it.
    """
    text = _checked(remark)
    async with alone(connection, IMPORT_LOCK) as is_alone:
        if not is_alone:
            raise Busy("An import of photos is at work; try again when it is done.")
        held = await (await connection.execute(HELD, (photo, list(RECORDS)))).fetchone()
        if held is None:
            raise UsageError(f"{photo} is not a photo of your own: remarks are typed on photos that you imported.")
        source, content, encoding, now = held
        kept, kind = RECORDS[source]
        dictionaries = Dictionaries()
        await dictionaries.load(connection)
        record = kind.model_validate_json(unpack(bytes(content), encoding, dictionaries.by_number))
        if record.remark == text:
            return
        new = record.model_copy(update={"remark": text})
        async with connection.transaction():
            pair = kept.record(new, "a remark that was typed", digest_of(new.as_bytes()), now)
            written = await write(connection, [pair], dry_run=False)
    if written.busy or written.left_out:
        raise Busy(f"{photo} is being worked on just now; try again.")


def _checked(remark: str) -> str | None:
    text = " ".join(remark.split())
    if len(text) > LONGEST["remark"]:
        raise UsageError(f"The remark has {len(text)} characters; at most {LONGEST['remark']}.")
    if any(unicodedata.category(char) in UNSAFE for char in text):
        raise UsageError("The remark has characters that are not text: remove them.")
    return text or None
