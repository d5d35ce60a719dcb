"""What a person decides of one photo: which horse it shows, and that a decision is taken back."""

from typing import LiteralString

from collector.codes import MatchRule
from collector.console.typed import half_width
from collector.errors import UsageError
from collector.matching.match import match_issue
from collector.matching.walks import propose_in, walks_with
from collector.politeness.gate import Connection
from collector.sources.text_tools.text import horse_key
from collector.storage.photo_ids import EXAMPLE, PhotoKey, read_photo_id

NAMED = """
SELECT photo_id FROM photo
WHERE issue_code = %(code)s AND number = %(number)s AND (%(source)s::text IS NULL OR source = %(source)s) ORDER BY id
"""
BY_HAND = """
INSERT INTO photo_match (source, issue_code, number, horse_id, race_id, rule, by_hand, decided_at)
SELECT photo.source, issue_code, photo.number, %(horse_id)s, ran.race_id, 'by_hand', true, clock_timestamp()
FROM photo LEFT JOIN LATERAL (
    SELECT entry.race_id FROM entry JOIN race USING (race_id), issue
    WHERE entry.horse_id = %(horse_id)s AND issue.source = photo.source AND issue.code = photo.issue_code
    AND race_date BETWEEN issue_date - 4 AND issue_date ORDER BY race_date DESC LIMIT 1) AS ran ON true
WHERE photo.photo_id = %(photo)s
ON CONFLICT (source, issue_code, number) DO UPDATE SET horse_id = EXCLUDED.horse_id, race_id = EXCLUDED.race_id,
    rule = EXCLUDED.rule, by_hand = true, candidates = '{}', certainty = NULL, decided_at = EXCLUDED.decided_at
"""
# A photo of one's own that names no horse stays in its race's walk, open as before.
REOPEN = f"""
UPDATE photo_match AS held SET horse_id = NULL, by_hand = false, rule = '{MatchRule.NOT_NAMED}', candidates = '{{}}',
    certainty = NULL, decided_at = clock_timestamp()
FROM photo WHERE photo.photo_id = %(photo)s AND photo.horse_key IS NULL AND held.by_hand
AND (held.source, held.issue_code, held.number) = (photo.source, photo.issue_code, photo.number)
"""
TAKE_BACK = """
DELETE FROM photo_match AS held USING photo WHERE photo.photo_id = %(photo)s AND held.by_hand
AND (held.source, held.issue_code, held.number) = (photo.source, photo.issue_code, photo.number)
RETURNING held.source, held.issue_code
"""


def check_photo(photo: str) -> PhotoKey:
    """The key in a photo's id, new or old; the database is not asked.

    Raises:
        UsageError: it is not a photo's id.
    """
    key = read_photo_id(half_width(photo))
    if key is None:
        raise UsageError(f"{photo} is not a photo; write its id, source:issue/number, such as {EXAMPLE}.")
    return key


async def decide_by_hand(connection: Connection, photo: str, horse: str) -> str:
    """Match a photo (its id) with a horse (its id, or its name where it is unique); returns the horse's id.

    Raises:
        UsageError: no photo or horse matches, or several do.
    """
    named = await _find_photo(connection, photo)
    horse_id = await _find_horse(connection, horse)
    races = await walks_with(connection, named)
    await connection.execute(BY_HAND, {"photo": named, "horse_id": horse_id})
    await propose_in(connection, {*races, *await walks_with(connection, named)})
    return horse_id


async def take_back(connection: Connection, photo: str) -> str:
    """Take a decision by hand back, so that the rules decide the photo again; returns its id.

    Raises:
        UsageError: there is no such photo, or nobody has decided it by hand.
    """
    named = await _find_photo(connection, photo)
    races = await walks_with(connection, named)
    async with connection.transaction():
        if not (await connection.execute(REOPEN.encode(), {"photo": named})).rowcount:
            row = await (await connection.execute(TAKE_BACK, {"photo": named})).fetchone()
            if row is None:
                raise UsageError(f"Nobody has decided by hand what the photo {named} shows.")
            await match_issue(connection, *row)
    await propose_in(connection, {*races, *await walks_with(connection, named)})
    return named


async def _find_photo(connection: Connection, photo: str) -> str:
    key = check_photo(photo)
    facts = {"source": key.source, "code": key.code, "number": key.number}
    rows = await (await connection.execute(NAMED, facts)).fetchall()
    if not rows:
        raise UsageError(f"The photo {photo} is not known; `collector match --review` lists the open ones.")
    if len(rows) > 1:
        raise UsageError(f"Several photos have the id {photo}: {', '.join(row[0] for row in rows)}; give the whole id.")
    return rows[0][0]


async def _find_horse(connection: Connection, horse: str) -> str:
    query: LiteralString = "SELECT horse_id, name FROM horse WHERE horse_id = %s OR horse_key = %s ORDER BY horse_id"
    rows = await (await connection.execute(query, (half_width(horse), horse_key(horse)))).fetchall()
    if not rows:
        raise UsageError(f"The horse {horse} is not known; give the id in the address of its page.")
    if len(rows) > 1:
        raise UsageError(f"Several horses have the name {horse}: {', '.join(row[0] for row in rows)}; give the id.")
    return rows[0][0]
