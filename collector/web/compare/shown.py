"""The photos that are compared, read from the tables."""

from collections.abc import Iterable, Sequence

from collector.storage.reader import Reader
from collector.web.compare.state import Words
from collector.web.horse.facts import PHOTOS, Row, current_photo_id

HELD = f"{PHOTOS} WHERE photo.digest IS NOT NULL AND photo.photo_id = ANY (%(photos)s)"


async def held_photos(reader: Reader, texts: Iterable[str]) -> list[Row]:
    """What is known of photos of which there is a picture, in the order of their ids; an old id is understood.

    Raises:
        TryLater: the database cannot be reached.
    """
    names = [name for text in texts if (name := await current_photo_id(reader, text))]
    rows = {row["photo"]: row for row in await reader.rows(HELD, {"photos": names})} if names else {}
    return [rows[name] for name in dict.fromkeys(names) if name in rows]


def grown(photos: Sequence[Row]) -> Words:
    """What the address says that compares a horse's oldest photo with its newest; copies count for nothing."""
    own = [photo["photo"] for photo in photos if photo["copy_of"] is None]
    return [("photo", photo) for photo in dict.fromkeys([*own[:1], *own[-1:]])]
