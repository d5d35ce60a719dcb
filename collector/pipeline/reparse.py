"""`collector reparse`: derives everything again from the stored pages, with no request at all."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any, LiteralString

from psycopg import AsyncConnection, IsolationLevel
from psycopg.conninfo import make_conninfo

from collector.frontier.queue import DuePage
from collector.pipeline import drift
from collector.pipeline.changes import Changes, compare, remember
from collector.pipeline.forget import take_archive
from collector.pipeline.pool import (
    BATCH,
    BATCH_BYTES,
    Answer,
    of_stored_answers,
    processes_for,
    read_batch,
    read_in_order,
    use,
)
from collector.pipeline.rewrite import Rewriting
from collector.politeness.gate import Connection
from collector.storage.dictionaries import Dictionaries
from collector.storage.roles import LABEL_ROLES, UNDATED
from collector.storage.upkeep import MANY, SETTLE

FETCHED = 50  # answers that come from the database at once
HISTORY = LABEL_ROLES  # pages whose earlier answers count too

# Of pages whose answers are a history, all of them; of others what they say now.
ANSWERS: LiteralString = """
WITH answer AS (
    SELECT id AS page_id, digest, media_type, changed_at AS at, false AS history FROM page
    WHERE NOT role = ANY (%(history)s) AND role <> 'robots'
    UNION ALL
    SELECT page.id, log.digest,
        COALESCE(CASE WHEN log.at >= page.changed_at THEN page.media_type END, log.media_type), log.at, true
    FROM page JOIN fetch_log AS log ON log.page_id = page.id
    WHERE role = ANY (%(history)s) AND log.digest IS NOT NULL
        AND log.error_code IS DISTINCT FROM 'undated')
SELECT page.id, page.url, page.source, page.kind, page.role, page.dated, page.state, page.etag, page.last_modified,
       answer.digest, page.failures, page.last_fetched_at, answer.at, answer.history, page.digest, page.last_status,
       page.error_code, page.error, page.missing,
       COALESCE(answer.media_type, blob.media_type), blob.encoding, blob.content
FROM answer JOIN page ON page.id = answer.page_id JOIN blob ON blob.digest = answer.digest
WHERE page.state <> 'excluded' AND page.dated >= %(since)s
"""
# Listings before photos before pictures, as the crawl saw them: a picture finds its photo's row there. Of a history in
# the order in which the answers came.
STORED = f"""{ANSWERS}
ORDER BY answer.history, CASE WHEN answer.history THEN answer.at END, page.priority, page.dated, page.id
"""
# What a kind's standing is judged by (see `collector.pipeline.drift`), whatever its date.
LAST_OF_A_KIND = f"""{ANSWERS} AND answer.digest = page.digest AND page.source = %(source)s AND page.kind = %(kind)s
AND page.state IN ('fetched', 'quarantined') ORDER BY page.changed_at DESC, page.id DESC LIMIT %(window)s
"""
FIELDS = "SELECT field FROM drift WHERE source = %(source)s AND kind = %(kind)s"
LEFT_OUT = """
SELECT count(*) FROM page WHERE source = %(source)s AND kind = %(kind)s AND dated < %(since)s
AND (state = 'quarantined' OR id = ANY (%(ids)s))
"""
LIFT = "DELETE FROM drift WHERE source = %(source)s AND kind = %(kind)s"
STILL = """
SELECT kind, field FROM drift WHERE EXISTS (
    SELECT FROM page JOIN read_page USING (id) WHERE page.source = drift.source AND page.kind = drift.kind)
ORDER BY source, kind, field
"""


async def reparse(connection: Connection, since: date, *, dry_run: bool, show: Callable[[int, int], None]) -> Changes:
    """Read every stored page again, in one transaction; `dry_run` undoes it after counting.

    `show(done, total)` is called now and then.

    Raises:
        Busy: another process does it, or forgets something.
    """
    async with connection.transaction(force_rollback=dry_run):
        await take_archive(connection)
        await remember(connection)
        (now,) = await _row(connection, "SELECT clock_timestamp()", {})
        facts = {"since": since, "history": [str(role) for role in HISTORY]}
        stopped = await drift.stopped_kinds(connection)
        writing = Rewriting(
            connection, now, {kind for kind in stopped if not await _understood(connection, *kind, facts)}
        )
        await writing.begin(facts["history"] if since <= UNDATED else ())
        await _read_all(connection, writing, facts, show)
        await writing.finish(since)
        for source, kind, name in sorted(writing.missing):
            await drift.judge(connection, source, kind, [name])
        still = await (await connection.execute(STILL)).fetchall()
        rows, samples = await compare(connection)
        still_changed = [f"{kind}: {name}" for kind, name in still]
        changes = Changes(writing.pages, writing.unreadable, writing.links, rows, samples, still_changed)
    if writing.pages >= MANY and not dry_run:
        await connection.execute(SETTLE)
    return changes


async def _read_all(
    connection: Connection, writing: Rewriting, facts: dict[str, Any], show: Callable[[int, int], None]
) -> None:
    (total,) = await _row(connection, f"SELECT count(*) FROM ({STORED}) AS stored", facts)
    # Read on a connection of its own, which sees the pages as they were.
    info = connection.info
    conninfo = make_conninfo(info.dsn, password=info.password or None)  # the dsn leaves it out
    async with await AsyncConnection.connect(conninfo) as reading:
        # Pages and their dictionaries belong together.
        await reading.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        dictionaries = Dictionaries()
        await dictionaries.load(reading)
        async for batch in read_in_order(
            _stored(reading, facts), processes_for(total), of_stored_answers(dictionaries.contents)
        ):
            await writing.write(batch)
            show(writing.pages, total)


async def _understood(connection: Connection, source: str, kind: str, facts: dict[str, Any]) -> bool:
    """Whether the layout of a kind that is stopped can be read now; then it is stopped no longer.

    Where pages of it are set aside that are not to be read now, the stop stands, though those that are can be read.
    """
    facts = facts | {"source": source, "kind": kind, "window": drift.WINDOW}
    last = [_answer(row) async for row in await connection.execute(LAST_OF_A_KIND, facts | {"since": date.min})]
    dictionaries = Dictionaries()
    await dictionaries.load(connection)
    use(dictionaries.contents)
    gone = {field async for (field,) in await connection.execute(FIELDS, facts)}
    without = [derived for derived in read_batch(last) if derived.failure or gone & set(derived.missing)]
    if drift.is_too_many(len(without), len(last)):
        return False
    (left_out,) = await _row(connection, LEFT_OUT, facts | {"ids": [answer.page.id for answer in last]})
    if last and not left_out:
        await connection.execute(LIFT, facts)
    return True


async def _row(connection: Connection, query: LiteralString, facts: dict[str, Any]) -> tuple[Any, ...]:
    row = await (await connection.execute(query, facts)).fetchone()
    assert row is not None
    return row


def _answer(row: tuple[Any, ...]) -> Answer:
    *known, at, history, held, status, code, error, missing, media_type, encoding, content = row
    page = DuePage.from_row(known)
    return Answer(page, at, bool(history), held, status, code, error, missing or [], media_type, encoding, content)


async def _stored(connection: Connection, facts: dict[str, Any]) -> AsyncIterator[list[Answer]]:
    """The stored answers in batches, limited by their number and by their bytes."""
    batch, size = list[Answer](), 0
    async with connection.cursor(name="stored", binary=True) as cursor:
        cursor.itersize = FETCHED
        await cursor.execute(STORED, facts)
        async for row in cursor:
            batch.append(_answer(row))
            size += len(batch[-1].content)
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch
