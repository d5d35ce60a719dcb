"""Photos of all horses whose name holds a part, as one list: what the first photo search (2017) answered."""

from typing import LiteralString

from collector.storage.reader import Reader
from collector.web.horse.facts import Row
from collector.web.search.names import read_name
from collector.web.search.statements import AS_WRITTEN, IN_LATIN, IN_NAMES

LISTED, MOST_LISTED = 200, 1000  # photos: unless asked for, and at most
# Names by their characters, whatever this database's collation is: that is the order of the kana.
NAMED: LiteralString = """
SELECT listed.photo, listed.horse_id, listed.horse_name, listed.dated, listed.race_name, photo.page_url, photo.image_url
FROM (SELECT * FROM photo_search WHERE shows IN (SELECT shows FROM horse_search WHERE {named})
      ORDER BY horse_name COLLATE "C", dated DESC, photo DESC LIMIT %(most)s) AS listed
JOIN photo USING (id) ORDER BY listed.horse_name COLLATE "C", listed.dated DESC, listed.photo DESC
"""


async def photos_named(reader: Reader, name: str, most: int) -> list[Row]:
    """Photos whose horse's name holds a part, by name, the newest of a name first; none for a blank name.

    Raises:
        TryLater: the database cannot be reached.
    """
    typed = read_name(name)
    if typed is None:
        return []
    statement = NAMED.format(named=IN_LATIN if typed.latin else IN_NAMES)
    return await reader.rows(statement, {"part": f"%{typed.part.translate(AS_WRITTEN)}%", "most": most})
