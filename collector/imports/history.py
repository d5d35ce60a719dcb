"""Opinions that were saved before others that are held take their place in the history, as `reparse` would do it."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import AsyncRawCursor

from collector.frontier.queue import DuePage
from collector.pipeline import opinions
from collector.pipeline.pool import Answer, read_batch
from collector.pipeline.store import said_by, store_racing
from collector.politeness.gate import Connection
from collector.storage.roles import LABEL_ROLES

REMEMBER: LiteralString = """
CREATE TEMP TABLE before_aptitude ON COMMIT DROP AS SELECT * FROM aptitude WHERE horse_id = ANY (%s)
"""
ANSWERS: LiteralString = """
SELECT page.id, page.url, page.source, page.kind, page.role, page.dated, page.state, page.etag, page.last_modified,
       log.digest, page.failures, page.last_fetched_at, log.at, page.digest,
       COALESCE(CASE WHEN log.at >= page.changed_at THEN page.media_type END, log.media_type, blob.media_type),
       blob.encoding, blob.content
FROM page JOIN fetch_log AS log ON log.page_id = page.id JOIN blob ON blob.digest = log.digest
WHERE page.about = ANY (%s) AND page.role = ANY (%s) AND page.state <> 'excluded'
AND log.error_code IS DISTINCT FROM 'undated'
ORDER BY log.at, page.id
"""


async def derive_history(connection: Connection, horse_ids: Sequence[str]) -> None:
    """Derive the history of opinion of these horses from all answers that are held; within a transaction."""
    roles = [str(role) for role in LABEL_ROLES]
    await connection.execute(REMEMBER, (list(horse_ids),))
    await opinions.begin(connection, roles)
    raw = AsyncRawCursor(connection)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(ANSWERS, (list(horse_ids), roles))
        async for row in cursor:
            await _derive(raw, _answer(row))
    await opinions.finish(connection)
    await connection.execute("DROP TABLE before_aptitude")


async def _derive(raw: AsyncRawCursor[Any], answer: Answer) -> None:
    (derived,) = read_batch([answer])
    if derived.failure or derived.gone:
        await raw.execute(opinions.AS_IT_WAS, (answer.page.url, answer.at))
    else:
        await store_racing(raw, [said_by(answer.page, answer.at, derived)])


def _answer(row: Sequence[Any]) -> Answer:
    *known, at, held, media_type, encoding, content = row
    page = DuePage.from_row(known)
    return Answer(page, at, True, held, None, None, None, [], media_type, encoding, content)
