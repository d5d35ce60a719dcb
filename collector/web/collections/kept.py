"""Stars, notes and collections in the database. What a person keeps is by a photo's id; forgetting takes it out."""

import unicodedata
from collections.abc import Iterable
from typing import LiteralString

import psycopg

from collector.errors import UsageError
from collector.politeness.gate import Connection
from collector.storage.photo_ids import PHOTO_ID
from collector.storage.reader import Reader
from collector.web.horse.facts import PHOTOS, Row

LONGEST_NAME, LONGEST_NOTE = 60, 2000  # characters
MOST_STARS = 5
MOST = 2000  # photos of a collection on its page; more is a search
UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))  # categories of characters that no name has

NOTE: LiteralString = "SELECT stars, note, noted_at FROM photo_note WHERE photo_id = %(photo)s"
IN: LiteralString = "SELECT collection AS name FROM collected WHERE photo_id = %(photo)s ORDER BY collection"
LISTED: LiteralString = """
SELECT name, made_at, count(photo.id) AS photos,
    (array_agg(photo.photo_id ORDER BY added_at DESC, photo.photo_id)
        FILTER (WHERE photo.digest IS NOT NULL))[:4] AS shown
FROM collection LEFT JOIN collected ON collected.collection = name LEFT JOIN photo USING (photo_id)
GROUP BY name, made_at ORDER BY name
"""
ONE: LiteralString = "SELECT name, made_at FROM collection WHERE name = %(name)s"
SHOWN: LiteralString = f"""
SELECT shown.*, kept.added_at, noted.stars, noted.note FROM ({PHOTOS}) AS shown
JOIN collected AS kept ON kept.photo_id = shown.photo LEFT JOIN photo_note AS noted ON noted.photo_id = shown.photo
WHERE kept.collection = %(name)s ORDER BY kept.added_at, shown.photo LIMIT %(most)s
"""
SAY: LiteralString = """
INSERT INTO photo_note (photo_id, stars, note) SELECT photo_id, %(stars)s, %(note)s FROM photo
WHERE photo_id = %(photo)s
ON CONFLICT (photo_id) DO UPDATE SET (stars, note, noted_at) = (excluded.stars, excluded.note, now())
"""
UNSAY: LiteralString = "DELETE FROM photo_note WHERE photo_id = %(photo)s"
MAKE: LiteralString = "INSERT INTO collection (name) VALUES (%(name)s) ON CONFLICT DO NOTHING"
ADD: LiteralString = """
INSERT INTO collected (collection, photo_id, added_at)
SELECT %(name)s, photo_id, now() + place * interval '1 microsecond'
FROM photo JOIN unnest(%(photos)s::text[]) WITH ORDINALITY AS wanted (photo_id, place) USING (photo_id)
ON CONFLICT DO NOTHING
"""
DROP: LiteralString = "DELETE FROM collected WHERE collection = %(name)s AND photo_id = %(photo)s"
RENAME: LiteralString = "UPDATE collection SET name = %(new)s WHERE name = %(name)s"
DELETE: LiteralString = "DELETE FROM collection WHERE name = %(name)s"


async def note_of(reader: Reader, photo: str) -> Row | None:
    """What a person thinks of a photo: its stars and the note; None: nothing is kept."""
    rows = await reader.rows(NOTE, {"photo": photo})
    return rows[0] if rows else None


async def collections_of(reader: Reader, photo: str) -> list[str]:
    """The names of the collections that have a photo."""
    return [row["name"] for row in await reader.rows(IN, {"photo": photo})]


async def listed(reader: Reader) -> list[Row]:
    """All collections by name: how many photos, and ids of the four that were added last."""
    return await reader.rows(LISTED, {})


async def collection(reader: Reader, name: str) -> tuple[Row, list[Row]] | None:
    """A collection and its photos in the order in which they were added; None: there is none of that name."""
    found = await reader.rows(ONE, {"name": name})
    return (found[0], await reader.rows(SHOWN, {"name": name, "most": MOST})) if found else None


async def say(connection: Connection, photo: str, stars: str, note: str) -> None:
    """Keep what a person thinks of a photo, in place of what was kept; neither stars nor a note: nothing is kept.

    Raises:
        UsageError: it is too long or not text, or there is no such photo.
    """
    if stars not in ("", *map(str, range(1, MOST_STARS + 1))):
        raise UsageError(f"Stars are 1 to {MOST_STARS}.")
    text = _checked(note, "note", LONGEST_NOTE, lines=True)
    if not stars and not text:
        await connection.execute(UNSAY, {"photo": photo})
        return
    values = {"photo": photo, "stars": int(stars) if stars else None, "note": text or None}
    if not (await connection.execute(SAY, values)).rowcount:
        raise UsageError(f"The photo {photo} is not known.")


async def add(connection: Connection, name: str, photos: Iterable[str]) -> str:
    """Put photos into a collection, which is made where there is none of that name; returns the name as it is kept.

    Raises:
        UsageError: the name is empty, too long or not text, or a photo's id is not one.
    """
    named, wanted = checked_name(name), list(dict.fromkeys(photos))
    for photo in wanted:
        if not PHOTO_ID.fullmatch(photo):
            raise UsageError(f"{photo[:80]!r} is not a photo's id.")
    async with connection.transaction():
        await connection.execute(MAKE, {"name": named})
        await connection.execute(ADD, {"name": named, "photos": wanted})
    return named


async def drop(connection: Connection, name: str, photo: str) -> None:
    """Take a photo out of a collection; one that is not in it is out already."""
    await connection.execute(DROP, {"name": name, "photo": photo})


async def rename(connection: Connection, name: str, new: str) -> str:
    """Give a collection another name; returns it as it is kept.

    Raises:
        UsageError: there is none of that name, the new one is taken, or is not a name.
    """
    named = checked_name(new)
    try:
        if not (await connection.execute(RENAME, {"name": name, "new": named})).rowcount:
            raise UsageError(f"There is no collection {name!r}.")
    except psycopg.errors.UniqueViolation as error:
        raise UsageError(f"There is a collection {named!r} already.") from error
    return named


async def delete(connection: Connection, name: str) -> None:
    """Give up a collection; its photos stay where they are."""
    await connection.execute(DELETE, {"name": name})


def checked_name(name: str) -> str:
    """A collection's name as it is kept.

    Raises:
        UsageError: it is empty, too long or not text.
    """
    text = _checked(name, "name", LONGEST_NAME, lines=False).replace("/", "／")  # an address's parts end at a slash
    if not text or text in (".", ".."):
        raise UsageError("A collection needs a name.")
    return text


def _checked(text: str, what: str, longest: int, *, lines: bool) -> str:
    plain = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode()).replace("\r\n", "\n").strip()
    if len(plain) > longest:
        raise UsageError(f"The {what} has {len(plain):,} characters; at most {longest:,} are kept.")
    if any(unicodedata.category(char) in UNSAFE and not (lines and char == "\n") for char in plain):
        raise UsageError(f"The {what} has characters that are not text.")
    return plain if lines else " ".join(plain.split())
