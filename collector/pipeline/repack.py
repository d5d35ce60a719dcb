"""`collector archive repack`: pages that are held are compressed with a dictionary of their kind.

It works in small steps, each a transaction of its own: killed anywhere, it goes on where it was. Only bytes that become
the same page again replace those that are held.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from collector.politeness.gate import Connection
from collector.storage.archive import WORTH_PACKING, Damaged, Known, Packed, digest_of, pack, unpack, zstd
from collector.storage.dictionaries import FEWEST, LACKING, SAMPLE, SAMPLES, STORE, WITHOUT, Dictionaries, train
from collector.storage.roles import Role

BATCH = 200  # pages that are compressed and stored at once
ENOUGH = 0.2  # share of the table that is free then, before it is written anew
PATIENCE = "10s"  # to wait for those that are at work on the table

# What a crawl of an earlier version, or one before there was a dictionary, has stored.
TO_DO: LiteralString = """
CREATE TEMP TABLE to_repack AS
SELECT DISTINCT ON (blob.digest) blob.digest, page.source, page.kind
FROM blob
JOIN (SELECT page_id, digest FROM fetch_log WHERE digest IS NOT NULL UNION SELECT id, digest FROM page) AS held
    USING (digest)
JOIN page ON page.id = held.page_id
LEFT JOIN dictionary USING (source, kind)
WHERE blob.size >= %(worth)s AND page.role <> %(picture)s AND blob.media_type NOT LIKE 'image/%%'
AND blob.encoding <> CASE WHEN dictionary.id IS NULL THEN 'zstd' ELSE 'zstd:' || dictionary.id END
ORDER BY blob.digest, page.source, page.kind
"""
INDEX: LiteralString = "CREATE INDEX ON to_repack (digest); ANALYZE to_repack"
NEXT: LiteralString = """
SELECT digest, source, kind, media_type, encoding, content FROM to_repack JOIN blob USING (digest)
WHERE digest > %s ORDER BY digest LIMIT %s
"""
# A page that a crawl, a `forget` or another repacking has changed meanwhile is theirs.
REPLACE: LiteralString = """
UPDATE blob SET encoding = new.encoding, content = new.content
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[]) AS new (digest, was, encoding, content)
WHERE blob.digest = new.digest AND blob.encoding = new.was
"""
BYTES: LiteralString = "SELECT pg_total_relation_size('blob')"


@dataclass(slots=True)
class Repacked:
    """What became of the archive."""

    dictionaries: int = 0  # trained now
    pages: int = 0  # compressed anew
    bytes_before: int = 0  # of the table on disk
    bytes_after: int = 0
    damaged: list[str] = field(default_factory=list)  # digests that no longer become their page; left as they are
    freed: int = 0  # bytes that the pages take less
    is_shrunk: bool = True  # False: others were at work on the table, so the disk does not have that space back yet

    def as_json(self) -> dict[str, Any]:
        """The counts as `--json` prints them."""
        return {
            "dictionaries": self.dictionaries,
            "pages": self.pages,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "bytes_freed": self.freed,
            "damaged": self.damaged,
            "given_back": self.is_shrunk,
        }


async def repack(connection: Connection, show: Callable[[int, int], None]) -> Repacked:
    """Compress what is held as well as it can be; `show(done, total)` is called after each step."""
    result = Repacked(bytes_before=await _bytes(connection))
    dictionaries = Dictionaries()
    result.dictionaries = await bring_up_to_date(connection, dictionaries)
    await connection.execute("DROP TABLE IF EXISTS pg_temp.to_repack")
    total = (await connection.execute(TO_DO, {"worth": WORTH_PACKING, "picture": Role.PICTURE})).rowcount
    await connection.execute(INDEX)
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        after, done = "", 0
        while batch := await _next(connection, after):
            after, done = batch[-1].digest, done + len(batch)
            await _repack(connection, batch, dictionaries, threads, result)
            show(done, total)
    await connection.execute("DROP TABLE to_repack")
    if result.freed > ENOUGH * result.bytes_before:
        result.is_shrunk = await _give_back(connection)
    result.bytes_after = await _bytes(connection)
    return result


async def bring_up_to_date(connection: Connection, dictionaries: Dictionaries) -> int:
    """Train the dictionaries that are missing, and know all that there are; how many were trained."""
    trained = await train_missing(connection)
    await dictionaries.load(connection)
    return trained


async def train_missing(connection: Connection) -> int:
    """Train a dictionary for each kind of pages that is held often enough and has none; how many were trained."""
    facts = {"without": [str(role) for role in WITHOUT], "fewest": FEWEST}
    lacking = await (await connection.execute(LACKING, facts)).fetchall()
    trained = 0
    for source, kind in lacking:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(SAMPLE, {"source": source, "kind": kind, "samples": SAMPLES})
            rows = await cursor.fetchall()
        dictionary = await asyncio.to_thread(lambda rows=rows: train(_bodies(rows)))
        if dictionary is not None:
            facts = {"id": dictionary.dict_id, "source": source, "kind": kind, "content": dictionary.dict_content}
            trained += (await connection.execute(STORE, facts)).rowcount
    return trained


def _bodies(rows: Iterable[tuple[str, bytes]]) -> list[bytes]:
    found = []
    for encoding, content in rows:
        try:
            found.append(unpack(content, encoding))
        except Damaged:
            continue
    return found


@dataclass(frozen=True, slots=True)
class _Held:
    digest: str
    source: str
    kind: str
    media_type: str
    encoding: str
    content: bytes


async def _next(connection: Connection, after: str) -> list[_Held]:
    async with connection.cursor(binary=True) as cursor:
        return [_Held(*row) for row in await (await cursor.execute(NEXT, (after, BATCH))).fetchall()]


async def _repack(
    connection: Connection,
    batch: list[_Held],
    dictionaries: Dictionaries,
    threads: ThreadPoolExecutor,
    result: Repacked,
) -> None:
    loop = asyncio.get_running_loop()
    packed = await asyncio.gather(*(loop.run_in_executor(threads, _packed, one, dictionaries) for one in batch))
    changed = [(held, new) for held, new in zip(batch, packed, strict=True) if new and new.encoding != held.encoding]
    result.damaged += [held.digest for held, new in zip(batch, packed, strict=True) if new is None]
    columns = [list(column) for column in zip(*((held.digest, held.encoding, new.encoding, new.content)
                                                for held, new in changed), strict=True)]  # fmt: skip
    if columns:
        result.freed += sum(len(held.content) - len(new.content) for held, new in changed)
        result.pages += (await connection.execute(REPLACE, columns)).rowcount


def _packed(held: _Held, dictionaries: Dictionaries) -> Packed | None:
    """The same page, compressed as it should be; None where what is held is damaged."""
    known: Known = dictionaries.by_number
    dictionary: zstd.ZstdDict | None = dictionaries.of_kind.get((held.source, held.kind))
    try:
        body = unpack(held.content, held.encoding, known)
        if digest_of(body) != held.digest:
            return None
        packed = pack(body, held.media_type, held.digest, dictionary)
        return packed if unpack(packed.content, packed.encoding, known) == body else None
    except Damaged:
        return None


async def _give_back(connection: Connection) -> bool:
    """Write the table anew, so that the disk has its space back; False where others are at work on it."""
    await connection.execute(f"SET lock_timeout = '{PATIENCE}'")
    try:
        await connection.execute("VACUUM (FULL, ANALYZE) blob")
    except psycopg.errors.LockNotAvailable:
        return False
    finally:
        await connection.execute("RESET lock_timeout")
    return True


async def _bytes(connection: Connection) -> int:
    row = await (await connection.execute(BYTES)).fetchone()
    assert row is not None
    return row[0]
