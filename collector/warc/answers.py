"""The answers of the archive in the order in which they came, and their bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

import psycopg

from collector.errors import Busy
from collector.pipeline.forget import ARCHIVE_LOCK
from collector.politeness.accepted import PERMISSIONS
from collector.storage.archive import unpack_whole
from collector.storage.dictionaries import LOAD, Dictionaries

FETCHED = 500  # rows that come from the database at once; bytes come one answer at a time

# When the bytes were answered, as far as it is known.
MOMENT: LiteralString = "log.at"
# "Not modified", and the same bytes again, say what the page said before; of a refusal (a block page) they say nothing.
# An answer repeats the one before it, of the same page. The same bytes elsewhere are written again: a program that
# knows nothing of repetitions loses nothing.
ANSWERS: LiteralString = f"""
WITH answer AS (
    SELECT log.id, log.page_id, log.url, {MOMENT} AS at, log.status, log.outcome, log.digest, log.media_type,
           page.source, page.kind, page.role, page.digest AS shown, page.etag, page.last_modified,
           CASE WHEN log.outcome <> 'refused' THEN log.digest END AS own
    FROM fetch_log AS log JOIN page ON page.id = log.page_id JOIN host ON host.name = page.host
    WHERE (log.digest IS NOT NULL OR log.outcome IN ('unchanged', 'not_modified'))
      AND page.state <> 'excluded' AND host.excluded_at IS NULL AND page.source <> ALL (%(left_out)s)
      AND (page.role <> 'picture' OR (%(photos)s AND page.source <> ALL (%(withheld)s)))
      AND (%(since)s::date IS NULL OR {MOMENT} >= %(since)s::timestamp AT TIME ZONE 'Asia/Tokyo')
      AND (%(kinds)s::text[] IS NULL OR page.kind = ANY (%(kinds)s))
      AND (%(sources)s::text[] IS NULL OR page.source = ANY (%(sources)s))),
counted AS (
    SELECT *, count(own) OVER (PARTITION BY page_id ORDER BY at, id) AS version FROM answer),
said AS (
    SELECT id, page_id, url, at, status, outcome, media_type, source, kind, role, shown, etag, last_modified,
           COALESCE(digest, first_value(own) OVER (PARTITION BY page_id, version ORDER BY at, id)) AS digest,
           digest IS NULL OR (digest = lag(digest) OVER (PARTITION BY page_id ORDER BY at, id)) IS TRUE AS repeats
    FROM counted)
SELECT url, at, status, outcome = 'not_modified' AS not_modified, digest, COALESCE(said.media_type, blob.media_type),
       CASE WHEN shown = digest THEN etag END, CASE WHEN shown = digest THEN last_modified END, source, kind, role,
       first_value(url) OVER same AS first_url, first_value(at) OVER same AS first_at, repeats
FROM said JOIN blob USING (digest)
WINDOW same AS (PARTITION BY page_id, digest ORDER BY at, said.id)
ORDER BY at, url, said.id
"""
EXTENT: LiteralString = f"""
SELECT count(*), min(at), max(at), array_agg(DISTINCT source ORDER BY source) FROM ({ANSWERS}) AS wanted
"""
LEFT_OUT: LiteralString = """
SELECT source, count(*) FROM page WHERE source = ANY (%(left_out)s) AND digest IS NOT NULL GROUP BY source ORDER BY 1
"""
BYTES: LiteralString = "SELECT content, encoding FROM blob WHERE digest = %s"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are wanted; None: all."""

    since: date | None = None  # the first day, in Japan, on which they came
    kinds: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    photos: bool = False
    withheld: tuple[str, ...] = ()  # sources whose pictures are left out all the same
    left_out: tuple[str, ...] = ()  # sources of which nothing is wanted


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a site, without its bytes."""

    url: str
    at: datetime
    status: int | None
    not_modified: bool
    digest: str  # SHA-256 of the bytes, hexadecimal
    media_type: str  # with the charset, as this answer had it
    etag: str | None
    last_modified: str | None
    source: str
    kind: str
    role: str
    first_url: str  # of the page's first answer with the same bytes
    first_at: datetime
    repeats: bool  # whether the answer before it brought its bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """What the wanted answers cover."""

    count: int
    first_at: datetime | None
    last_at: datetime | None
    sources: tuple[str, ...]
    permissions: Mapping[str, str]  # by source: who permitted the copying, and when
    left_out: Mapping[str, int]  # pages that are held, by source of which nothing is wanted


class Answers:
    """The wanted answers of one moment of the database; nothing is forgotten meanwhile."""

    def __init__(self, connection: psycopg.Connection[Any], wanted: Wanted) -> None:
        """Begin to read, on a connection of one's own.

        Raises:
            Busy: the archive is being read again, or something is being forgotten.
        """
        self._connection = connection
        self._facts = {
            "photos": wanted.photos,
            "withheld": list(wanted.withheld),
            "left_out": list(wanted.left_out),
            "since": wanted.since,
            "kinds": wanted.kinds and list(wanted.kinds),
            "sources": wanted.sources and list(wanted.sources),
        }
        row = connection.execute("SELECT pg_try_advisory_lock_shared(%s)", (ARCHIVE_LOCK,)).fetchone()
        if row != (True,):
            raise Busy("The archive is being read again, or something is being forgotten; try again when that is done.")
        connection.commit()  # what is read begins after that
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        self._dictionaries = Dictionaries()
        self._dictionaries.add(connection.execute(LOAD, ([],)).fetchall())

    def extent(self) -> Extent:
        """How many there are, of which sources, and from when to when."""
        row = self._connection.execute(EXTENT, self._facts).fetchone()
        assert row is not None
        count, first_at, last_at, sources = row
        permissions = dict(self._connection.execute(PERMISSIONS).fetchall())
        left_out = dict(self._connection.execute(LEFT_OUT, self._facts).fetchall())
        return Extent(count, first_at, last_at, tuple(sources or ()), permissions, left_out)

    def __iter__(self) -> Iterator[Answer]:
        with self._connection.cursor(name="answers") as cursor:
            cursor.itersize = FETCHED
            cursor.execute(ANSWERS, self._facts)
            for row in cursor:
                yield Answer(*row)

    def body(self, digest: str) -> bytes | None:
        """The bytes as they came; None where they are damaged."""
        row = self._connection.execute(BYTES, (digest,)).fetchone()
        assert row is not None
        content, encoding = row
        return unpack_whole(content, encoding, digest, self._dictionaries.by_number)
