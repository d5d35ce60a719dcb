"""`collector forget`: takes photos out for good, on a request to opt out, and never asks for them again."""

from dataclasses import dataclass

from collector.errors import Busy, UsageError
from collector.politeness.gate import Connection, host_name
from collector.storage.photo_ids import PHOTO_ID

ARCHIVE_LOCK = 7_220_002  # an advisory lock: what is forgotten while pages are read again would be put back

# A photo is its page, its picture, and every other page that shows the same bytes. The pictures that its page showed
# earlier go with it, where no other photo shows them now; what else has their bytes stays, as they may have been wrong.
TARGETS = """
WITH RECURSIVE named AS (
    SELECT url FROM page WHERE url = %(url)s
    UNION
    SELECT other.url FROM named
    JOIN page AS known ON known.url = named.url
    JOIN photo ON photo.page_url = named.url OR photo.image_url = named.url
        OR (photo.digest = known.digest AND known.role = 'picture')
    CROSS JOIN LATERAL (VALUES (photo.page_url), (photo.image_url)) AS other (url)
    WHERE other.url IS NOT NULL),
earlier AS (
    SELECT before.url FROM named JOIN page AS before ON before.found_on = named.url AND before.role = 'picture'
    JOIN page AS by ON by.url = named.url AND by.role = 'photo_page'
    WHERE NOT EXISTS (SELECT FROM photo WHERE photo.image_url = before.url))
SELECT array_agg(url) FROM (SELECT url FROM named UNION SELECT url FROM earlier) AS target
"""
NEAR = """
SELECT array_agg(DISTINCT near.image_url) FROM photo JOIN photo AS near
    ON near.near_duplicate_of = photo.id OR photo.near_duplicate_of = near.id
WHERE (photo.page_url = ANY (%(urls)s) OR photo.image_url = ANY (%(urls)s))
  AND NOT near.image_url = ANY (%(urls)s)
"""
UNKNOWN = """
INSERT INTO page (url, host, source, kind, role, dated, state, error_code)
VALUES (%(url)s, %(host)s, 'unknown', 'image', 'picture', CURRENT_DATE, 'excluded', 'forgotten')
ON CONFLICT DO NOTHING
"""
# What the camera's clock showed, however it is corrected; of a photo without that, when it was taken in Japan.
CLOCK = "COALESCE(photo.clock, photo.taken_at AT TIME ZONE 'Asia/Tokyo')"
# The second of a shot, of which neither the moment nor the camera is written anywhere.
SECOND = "encode(sha256(convert_to(concat(camera, ' ', to_char(clock, 'YYYY-MM-DD HH24:MI:SS')), 'UTF8')), 'hex')"
# A photo of one's own camera is the same shot in other bytes too: as its RAW file, smaller, or encoded anew.
KEEP_SHOTS = f"""
INSERT INTO forgotten_shot (second, microsecond, phash, media_type, width, height)
SELECT {SECOND}, mod(extract(microseconds FROM clock)::int, 1000000), phash, media_type, width, height
FROM (SELECT camera, {CLOCK} AS clock, phash, media_type, width, height FROM photo
      WHERE (page_url = ANY (%(urls)s) OR image_url = ANY (%(urls)s))
      AND taken_at IS NOT NULL AND phash IS NOT NULL) AS shot
ON CONFLICT DO NOTHING
"""
# With the photos goes what a person keeps of them.
DROP_PHOTOS = """
WITH gone AS (DELETE FROM photo WHERE page_url = ANY (%(urls)s) OR image_url = ANY (%(urls)s) RETURNING photo_id),
noted AS (DELETE FROM photo_note WHERE photo_id IN (SELECT photo_id FROM gone)),
kept AS (DELETE FROM collected WHERE photo_id IN (SELECT photo_id FROM gone))
SELECT count(*) FROM gone
"""
EXCLUDE = """
UPDATE page SET state = 'excluded', due_at = NULL, digest = NULL, etag = NULL, last_modified = NULL, media_type = NULL,
    missing = '{}', error_code = 'forgotten', error = NULL WHERE url = ANY (%(urls)s)
"""
DROP_FAILURES = "DELETE FROM parse_failure USING page WHERE page.id = page_id AND page.url = ANY (%(urls)s)"
# The bytes of what is named, those of earlier answers too; locked, so that no crawl takes one of them up meanwhile.
NAMED_BLOBS = """
CREATE TEMP TABLE named_blob ON COMMIT DROP AS SELECT digest FROM blob WHERE digest IN (
    SELECT digest FROM page WHERE url = ANY (%(urls)s)
    UNION SELECT log.digest FROM fetch_log AS log JOIN page ON page.id = log.page_id WHERE page.url = ANY (%(urls)s)
    UNION SELECT digest FROM photo WHERE page_url = ANY (%(urls)s) OR image_url = ANY (%(urls)s))
ORDER BY digest FOR UPDATE
"""
UNLOG = """
UPDATE fetch_log SET digest = NULL FROM page
WHERE page.id = page_id AND page.url = ANY (%(urls)s) AND fetch_log.digest IS NOT NULL
"""
DROP_BLOBS = """
DELETE FROM blob USING named_blob WHERE blob.digest = named_blob.digest
AND NOT EXISTS (SELECT FROM page WHERE page.digest = blob.digest)
AND NOT EXISTS (SELECT FROM fetch_log AS log WHERE log.digest = blob.digest)
AND NOT EXISTS (SELECT FROM photo WHERE photo.digest = blob.digest)
"""
# A horse of which nothing is known any more is not followed either.
UNFOLLOW = """
DELETE FROM followed WHERE NOT EXISTS (SELECT FROM horse WHERE horse.horse_id = followed.horse_id) AND NOT EXISTS (
    SELECT FROM photo_match AS met JOIN photo USING (source, issue_code, number)
    WHERE met.horse_id = followed.horse_id)
"""
KNOWN = "SELECT count(*) FROM page WHERE url = ANY (%(urls)s) AND state <> 'excluded'"
SHOWN = """
SELECT photo_id || COALESCE(' (' || horse_name || ')', '') FROM photo
WHERE page_url = ANY (%(urls)s) OR image_url = ANY (%(urls)s) ORDER BY issue_code, photo_id
"""


@dataclass(frozen=True, slots=True)
class Doomed:
    """What would go, were it forgotten now."""

    photos: list[str]  # issue, number, and the horse's name
    pages: int  # addresses that are known and not forgotten yet
    near_duplicates: list[str]  # URLs of pictures that look the same, and would stay

    @property
    def known(self) -> bool:
        """Whether anything would go."""
        return bool(self.photos or self.pages)


async def address_of(connection: Connection, named: str) -> str:
    """The address of a photo's page, where it is named by its id; an address is itself.

    Raises:
        UsageError: no photo has that id.
    """
    if not PHOTO_ID.fullmatch(named):
        return named
    query = "SELECT page_url FROM photo WHERE photo_id = %s"
    row = await (await connection.execute(query, (named,))).fetchone()
    if row is None:
        raise UsageError(f"The photo {named} is not known; name it by its address to have it never asked for.")
    return row[0]


async def foresee(connection: Connection, *, url: str | None = None, host: str | None = None) -> Doomed:
    """Say what would go with an address or a host, and take nothing out."""
    query = TARGETS if url is not None else "SELECT array_agg(url) FROM page WHERE host = %(host)s"
    row = await (await connection.execute(query, {"url": url, "host": host})).fetchone()
    named = {"urls": (row[0] if row else None) or []}
    photos = await (await connection.execute(SHOWN, named)).fetchall()
    pages = await (await connection.execute(KNOWN, named)).fetchone()
    near = await (await connection.execute(NEAR, named)).fetchone()
    return Doomed([name for (name,) in photos], pages[0] if pages else 0, (near[0] if near else None) or [])


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What has gone."""

    photos: int
    pages: int  # never asked for again
    blobs: int
    near_duplicates: list[str]  # URLs of pictures that look the same and are still held

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "photos": self.photos,
            "pages": self.pages,
            "blobs": self.blobs,
            "near_duplicates": self.near_duplicates,
        }


async def take_archive(connection: Connection) -> None:
    """Let nobody else forget anything, or read the archive again, until this transaction ends.

    Raises:
        Busy: somebody does.
    """
    row = await (await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))).fetchone()
    if row != (True,):
        raise Busy("The archive is being read again, or something is being forgotten; try again when that is done.")


async def forget(connection: Connection, *, url: str | None = None, host: str | None = None) -> Forgotten:
    """Take out one photo by its address, or everything that came from a host.

    Raises:
        Busy: the archive is being read again.
    """
    if url is not None:
        return await forget_url(connection, url)
    assert host is not None
    return await forget_host(connection, host)


async def forget_url(connection: Connection, url: str) -> Forgotten:
    """Take out one photo, named by its page or its picture; an unknown address is noted so it is never asked for.

    Raises:
        Busy: the archive is being read again.
    """
    async with connection.transaction():
        await take_archive(connection)
        name = host_name(url)
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
        await connection.execute(UNKNOWN, {"url": url, "host": name})
        row = await (await connection.execute(TARGETS, {"url": url})).fetchone()
        return await _take_out(connection, (row[0] if row else None) or [url])


async def forget_host(connection: Connection, host: str) -> Forgotten:
    """Take out everything that came from a host, and never ask it for anything again.

    Raises:
        Busy: the archive is being read again.
    """
    async with connection.transaction():
        await take_archive(connection)
        await connection.execute(
            "INSERT INTO host (name, excluded_at) VALUES (%s, clock_timestamp())"
            " ON CONFLICT (name) DO UPDATE SET excluded_at = clock_timestamp()",
            (host,),
        )
        row = await (await connection.execute("SELECT array_agg(url) FROM page WHERE host = %s", (host,))).fetchone()
        return await _take_out(connection, (row[0] if row else None) or [])


async def _take_out(connection: Connection, urls: list[str]) -> Forgotten:
    named = {"urls": urls}
    row = await (await connection.execute(NEAR, named)).fetchone()
    near = (row[0] if row else None) or []
    await connection.execute("SELECT FROM page WHERE url = ANY (%(urls)s) ORDER BY id FOR UPDATE", named)
    await connection.execute(NAMED_BLOBS, named)
    await connection.execute(KEEP_SHOTS, named)
    dropped = await (await connection.execute(DROP_PHOTOS, named)).fetchone()
    await connection.execute(UNFOLLOW)
    await connection.execute(DROP_FAILURES, named)
    pages = (await connection.execute(EXCLUDE, named)).rowcount
    await connection.execute(UNLOG, named)
    blobs = (await connection.execute(DROP_BLOBS)).rowcount
    return Forgotten(dropped[0] if dropped else 0, pages, blobs, near)
