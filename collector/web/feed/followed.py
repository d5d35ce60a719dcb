"""Which horses are followed: rows that a person adds and removes, and nothing else does but `forget`."""

from collections.abc import Sequence
from typing import LiteralString

from collector.errors import UsageError
from collector.politeness.gate import Connection

# A photo may state the id of a horse of which nothing else is known.
FOLLOW: LiteralString = """
INSERT INTO followed (horse_id) SELECT horse_id FROM unnest(%(horses)s::text[]) AS horse_id
WHERE EXISTS (SELECT FROM horse WHERE horse.horse_id = horse_id.horse_id)
   OR EXISTS (SELECT FROM photo_match WHERE photo_match.horse_id = horse_id.horse_id)
ON CONFLICT (horse_id) DO UPDATE SET horse_id = EXCLUDED.horse_id RETURNING horse_id
"""
STOP: LiteralString = "DELETE FROM followed WHERE horse_id = ANY (%(horses)s)"
FOLLOWED: LiteralString = """
SELECT followed.horse_id, name, followed_at FROM followed LEFT JOIN horse USING (horse_id)
ORDER BY horse_key, followed.horse_id
"""


async def follow(connection: Connection, horses: Sequence[str]) -> None:
    """Follow these horses, by their ids; those that are followed already keep their moment.

    Raises:
        UsageError: nothing is known of one of them.
    """
    async with connection.transaction():
        rows = await (await connection.execute(FOLLOW, {"horses": list(horses)})).fetchall()
        unknown = set(horses) - {horse_id for (horse_id,) in rows}
        if unknown:
            raise UsageError(f"Nothing is known of the horse {', '.join(sorted(unknown))}, so it cannot be followed.")


async def stop_following(connection: Connection, horses: Sequence[str]) -> int:
    """Follow these horses no longer, by their ids; how many of them were followed."""
    return (await connection.execute(STOP, {"horses": list(horses)})).rowcount
