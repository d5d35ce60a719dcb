"""Which horse a person means: by its id, its name, or a part of that in any script, as the search takes it."""

from typing import Any, LiteralString

from collector.errors import UsageError
from collector.politeness import Connection
from collector.typed import half_width
from collector.web.names import as_key, read_name, spelt_with
from collector.web.search import AS_WRITTEN

MOST_NAMED = 20  # horses that a sentence lists
WHOLE: LiteralString = "horse_id = %(word)s OR horse_key = %(key)s"
PART: LiteralString = "horse_key LIKE %(part)s"
AMONG: LiteralString = "horse_key = ANY (%(keys)s)"
FIND: LiteralString = "SELECT horse_id, name, born FROM horse WHERE {which} ORDER BY horse_key, born, horse_id"


async def find_horses(connection: Connection, word: str) -> list[str]:
    """The ids of the horses that a person means: those of this id or name, else the only one whose name holds it.

    Raises:
        UsageError: nothing is named, there is none, or several names hold it; they are listed.
    """
    if not word.strip():
        raise UsageError("Which horse? Give its name, a part of it, or its id.")
    found = await _rows(connection, WHOLE, {"word": half_width(word), "key": as_key(word)})
    if found:
        return [row[0] for row in found]
    found = await _of_part(connection, word)
    if not found:
        raise UsageError(f"No horse {word} is known; horses come with the races: run `collector crawl` first.")
    if len(found) > 1:
        named = [f"{name} ({horse_id}{f', born {born}' if born else ''})" for horse_id, name, born in found]
        named[MOST_NAMED:] = [f"{len(named) - MOST_NAMED} more"] if len(named) > MOST_NAMED else []
        raise UsageError(f"{len(found)} horses have {word} in their names; give one of them: {', '.join(named)}.")
    return [found[0][0]]


async def _of_part(connection: Connection, word: str) -> list[tuple[Any, ...]]:
    typed = read_name(word)
    if typed is None:
        return []
    if not typed.latin:
        return await _rows(connection, PART, {"part": f"%{typed.part.translate(AS_WRITTEN)}%"})
    keys = [row[0] for row in await (await connection.execute("SELECT DISTINCT horse_key FROM horse")).fetchall()]
    return await _rows(connection, AMONG, {"keys": spelt_with(keys, typed.part)})


async def _rows(connection: Connection, which: LiteralString, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    return await (await connection.execute(FIND.format(which=which), facts)).fetchall()
