"""Dictionaries for zstd: what pages of one kind have in common, kept once for all of them.

A dictionary holds passages of the pages that it was trained on. So kinds of pages that show a photo have none: what is
forgotten of them leaves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from collector.storage.archive import NONE, Known, zstd
from collector.storage.roles import PHOTO_ROLES, Role

SAMPLES = 200  # pages that a dictionary is trained on
FEWEST = 100  # pages of a kind that are held before one is trained
SIZE = 112_640  # bytes of a dictionary, the size that zstd's own tool makes
WITHOUT = (*sorted(PHOTO_ROLES), Role.ROBOTS)  # roles of pages that never have one

LOAD: LiteralString = "SELECT id, source, kind, content FROM dictionary WHERE NOT id = ANY (%s)"
LACKING: LiteralString = """
SELECT source, kind FROM page WHERE digest IS NOT NULL AND NOT role = ANY (%(without)s)
GROUP BY source, kind HAVING count(*) >= %(fewest)s
EXCEPT SELECT source, kind FROM dictionary ORDER BY source, kind
"""
# Pages of all times, as layouts change.
SAMPLE: LiteralString = """
SELECT blob.encoding, blob.content
FROM (SELECT digest FROM page WHERE source = %(source)s AND kind = %(kind)s AND digest IS NOT NULL
      ORDER BY hashint8(id) LIMIT %(samples)s) AS chosen JOIN blob USING (digest)
"""
STORE: LiteralString = """
INSERT INTO dictionary (id, source, kind, content, created_at)
VALUES (%(id)s, %(source)s, %(kind)s, %(content)s, clock_timestamp()) ON CONFLICT DO NOTHING
"""
Row = tuple[int, str, str, bytes]


@dataclass(slots=True)
class Dictionaries:
    """The dictionaries that a process knows."""

    by_number: dict[int, "zstd.ZstdDict"] = field(default_factory=dict)
    of_kind: dict[tuple[str, str], "zstd.ZstdDict"] = field(default_factory=dict)  # by source and kind

    def add(self, rows: Iterable[Row]) -> None:
        """Know these, too."""
        for number, source, kind, content in rows:
            self.by_number[number] = self.of_kind[source, kind] = zstd.ZstdDict(content)

    async def load(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        """Know all that the database has."""
        async with connection.cursor(binary=True) as cursor:
            self.add(await (await cursor.execute(LOAD, (list(self.by_number),))).fetchall())

    @property
    def contents(self) -> Mapping[int, bytes]:
        """Their bytes by number, to be sent to another process."""
        return {number: known.dict_content for number, known in self.by_number.items()}


def known(contents: Mapping[int, bytes]) -> Known:
    """Dictionaries that another process has sent."""
    return {number: zstd.ZstdDict(content) for number, content in contents.items()}


def only(content: bytes | None) -> Known:
    """The one dictionary that a row needs, or none."""
    if content is None:
        return NONE
    dictionary = zstd.ZstdDict(content)
    return {dictionary.dict_id: dictionary}


def train(samples: Iterable[bytes]) -> "zstd.ZstdDict | None":
    """What these pages have in common; None where they are too few or too small."""
    try:
        return zstd.train_dict(list(samples), SIZE)
    except (zstd.ZstdError, ValueError):
        return None
