"""What a page, a photo, a picture and a failure change in the tables: SQL, one statement a step."""

import re
from typing import LiteralString, cast

# What each fact is; text unless named here.
TYPES: dict[str, str] = {
    **dict.fromkeys(("id", "epoch"), "bigint"),
    **dict.fromkeys(("at", "due_at", "taken_at"), "timestamptz"),
    "clock": "timestamp",
    **dict.fromkeys(("delay", "took"), "float8"),
    **dict.fromkeys(("asked", "answered"), "boolean"),
    **dict.fromkeys(
        ("status", "size", "blob_size", "failures", "number", "age", "shot_month", "shot_day", "width", "height"), "int"
    ),
    **dict.fromkeys(("missing", "pedigree"), "text[]"),
    **dict.fromkeys(("claims", "build_tags"), "jsonb"),
    "race_days": "date[]",
    "issue_date": "date",
}


def typed(query: str) -> LiteralString:
    """A query that finds its facts in one JSON document ($1), and a page's bytes beside it ($2).

    Forty parameters of their own would cost the client more than everything else about a page.
    """

    def fact(match: re.Match[str]) -> str:
        name = match[1]
        if name == "content":
            return "$2::bytea"
        return f"($1::jsonb->>'{name}')" + (f"::{TYPES[name]}" if name in TYPES else "")

    return cast(LiteralString, " ".join(re.sub(r"%\((\w+)\)s", fact, query).split()))


# The part that every page has: the gate, the bytes, the log, the links, the page's own state. With an old epoch
# the gate raises, and nothing of the rest is written. Reviews are counted anew where an opinion has changed, all other
# links are followed once. Of a page that is forgotten just then only the request is kept. A refusal with status 200 (a
# block page) is kept as what the request brought, and not as what the page says. Bytes that come again replace
# those that are held, which may be damaged. What a page means is one more part of the same statement.
PAGE_PARTS = """
WITH gate AS MATERIALIZED (
    SELECT CASE WHEN %(asked)s THEN finish_slot(%(host)s, %(epoch)s, %(at)s, %(delay)s, %(why)s)
           ELSE release_slot(%(host)s, %(epoch)s, %(at)s) END AS gap),
paged AS (
    UPDATE page SET state = %(state)s, due_at = %(due_at)s, etag = %(etag)s, last_modified = %(last_modified)s,
        last_status = COALESCE(%(status)s, last_status), failures = %(failures)s,
        missing = COALESCE(%(missing)s, missing),
        error = CASE WHEN %(state)s = 'quarantined' AND %(error_code)s IS NULL THEN error ELSE %(error)s END,
        error_code = CASE WHEN %(state)s = 'quarantined' THEN COALESCE(%(error_code)s, error_code)
                          ELSE %(error_code)s END,
        last_fetched_at = CASE WHEN %(answered)s THEN %(at)s ELSE last_fetched_at END,
        changed_at = CASE WHEN %(answered)s AND %(digest)s IS DISTINCT FROM digest AND %(digest)s IS NOT NULL
                          THEN %(at)s ELSE changed_at END,
        digest = CASE WHEN %(answered)s THEN COALESCE(%(digest)s, digest) ELSE digest END,
        media_type = CASE WHEN %(answered)s THEN COALESCE(%(read_as)s, media_type) ELSE media_type END
    FROM gate WHERE id = %(id)s AND state <> 'excluded' RETURNING id),
kept AS (
    INSERT INTO blob (digest, media_type, size, encoding, content)
    SELECT %(digest)s, %(media_type)s, %(blob_size)s, %(encoding)s, %(content)s FROM paged
    WHERE %(content)s IS NOT NULL
    ON CONFLICT (digest) DO UPDATE SET encoding = EXCLUDED.encoding, content = EXCLUDED.content
    WHERE (blob.encoding, blob.content) IS DISTINCT FROM (EXCLUDED.encoding, EXCLUDED.content)),
logged AS (
    INSERT INTO fetch_log (page_id, host, url, at, took, gap, status, size, outcome, error_code, error, digest,
                           media_type)
    SELECT %(id)s, %(host)s, %(url)s, %(at)s, %(took)s, gap, %(status)s, %(size)s, %(outcome)s,
           %(error_code)s, %(error)s,
           (SELECT %(digest)s FROM paged), %(read_as)s
    FROM gate WHERE %(asked)s),
linked AS (
    INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at, found_on)
    SELECT link.url, %(host)s, %(source)s, link.kind, link.role, link.about, link.dated, link.priority, %(at)s, %(url)s
    FROM paged, jsonb_to_recordset($1::jsonb->'links') AS link (
        url text, kind text, role text, about text, dated date, priority int)
    ON CONFLICT (url) DO UPDATE SET due_at = EXCLUDED.due_at
    WHERE page.role = 'reviews' AND page.state <> 'excluded')"""
STORE_PAGE = typed(f"{PAGE_PARTS} SELECT 1")

STORE_ISSUE = typed("""
INSERT INTO issue AS held (source, code, issue_date, race_days, source_url, observed_at)
VALUES (%(source)s, %(code)s, %(issue_date)s, %(race_days)s, %(url)s, %(at)s)
ON CONFLICT (source, code) DO UPDATE SET issue_date = EXCLUDED.issue_date, race_days = EXCLUDED.race_days,
    source_url = EXCLUDED.source_url, observed_at = EXCLUDED.observed_at
WHERE (held.issue_date, held.race_days) IS DISTINCT FROM (EXCLUDED.issue_date, EXCLUDED.race_days)
""")

# The list's name stands until the photo's own page has been read; a forgotten photo does not come back.
STORE_LISTED = typed("""
INSERT INTO photo AS held (source, issue_code, number, listed_name, race_name, horse_name, horse_key, page_url,
                           source_url, observed_at)
SELECT DISTINCT ON (source, issue_code, number) source, issue_code, number, listed_name, race_name, listed_name,
       horse_key, page_url, %(url)s, %(at)s
FROM jsonb_to_recordset($1::jsonb->'listed') AS item (source text, issue_code text, number int, listed_name text,
                                                      race_name text, page_url text, horse_key text)
WHERE NOT EXISTS (SELECT FROM page WHERE url = item.page_url AND state = 'excluded')
ON CONFLICT (source, issue_code, number) DO UPDATE SET
    listed_name = EXCLUDED.listed_name, race_name = EXCLUDED.race_name, page_url = EXCLUDED.page_url,
    horse_name = CASE WHEN held.image_url IS NULL THEN EXCLUDED.horse_name ELSE held.horse_name END,
    horse_key = CASE WHEN held.image_url IS NULL THEN EXCLUDED.horse_key ELSE held.horse_key END,
    observed_at = EXCLUDED.observed_at
WHERE (held.listed_name, held.race_name, held.page_url)
      IS DISTINCT FROM (EXCLUDED.listed_name, EXCLUDED.race_name, EXCLUDED.page_url)
""")

PHOTO_FACTS = (
    "horse_name", "horse_key", "page_url", "image_url", "coat", "sex", "age", "trainer", "shot_month", "shot_day",
    "comment", "distance_said", "claims", "build_tags", "pedigree", "stated_horse_id", "stated_race_id", "origin",
    "rights", "taken_at", "clock", "camera", "racecourse",
)  # fmt: skip

# A picture that another photo already shows is not asked for again, so its measures come from there.
PHOTO = f"""
INSERT INTO photo AS held (source, issue_code, number, {", ".join(PHOTO_FACTS)}, source_url, observed_at,
                           digest, media_type, width, height, phash)
SELECT %(source)s, %(issue_code)s, %(number)s, {", ".join(f"%({name})s" for name in PHOTO_FACTS)}, %(url)s, %(at)s,
       shown.digest, shown.media_type, shown.width, shown.height, shown.phash
FROM {{page}} LEFT JOIN LATERAL (
    SELECT digest, media_type, width, height, phash FROM photo
    WHERE image_url = %(image_url)s AND digest IS NOT NULL LIMIT 1) AS shown ON true
WHERE NOT EXISTS (SELECT FROM page WHERE url = %(page_url)s AND state = 'excluded')
ON CONFLICT (source, issue_code, number) DO UPDATE SET
    ({", ".join(PHOTO_FACTS)}, source_url, observed_at, digest, media_type, width, height, phash)
    = ({", ".join(f"EXCLUDED.{name}" for name in PHOTO_FACTS)}, EXCLUDED.source_url, EXCLUDED.observed_at,
       EXCLUDED.digest, EXCLUDED.media_type, EXCLUDED.width, EXCLUDED.height, EXCLUDED.phash)
WHERE ({", ".join(f"held.{name}" for name in PHOTO_FACTS)})
      IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in PHOTO_FACTS)})
"""
STORE_PHOTO = typed(PHOTO.format(page="(VALUES (1)) AS page"))
STORE_PHOTO_PAGE = typed(PAGE_PARTS + PHOTO.format(page="paged"))

# Within this many of the 256 bits, two different pictures are the same photo, encoded anew.
NEAR = 12

# Whichever of the two comes first: the one with the smaller number in the collection is the original. Of two photos
# whose moments are known neither is a copy, however much they look the same: they are of one burst, perhaps of one
# second, and their import has left out those that show one shot.
PICTURE = f"""
measured AS (
    SELECT id, taken_at, ('x' || %(phash)s)::bit(256) AS phash FROM photo WHERE image_url = %(image_url)s),
near AS (
    SELECT measured.id, other.id AS other_id FROM measured, photo AS other
    WHERE other.digest <> %(digest)s AND bit_count(other.phash # measured.phash) <= {NEAR}
    AND (other.taken_at IS NULL OR measured.taken_at IS NULL)),
copies AS (
    UPDATE photo SET near_duplicate_of = near.id FROM near
    WHERE photo.id = near.other_id AND near.other_id > near.id AND photo.near_duplicate_of IS NULL)
UPDATE photo SET digest = %(digest)s, media_type = %(picture_type)s, width = %(width)s, height = %(height)s,
    phash = measured.phash, observed_at = %(at)s,
    near_duplicate_of = (SELECT min(other_id) FROM near WHERE near.id = photo.id AND other_id < photo.id)
FROM measured
WHERE photo.id = measured.id AND (photo.digest, photo.media_type, photo.width, photo.height, photo.phash)
      IS DISTINCT FROM (%(digest)s, %(picture_type)s, %(width)s, %(height)s, measured.phash)
"""
STORE_PICTURE = typed(f"WITH {PICTURE}")
STORE_IMAGE = typed(f"{PAGE_PARTS}, {PICTURE}")

# What is kept out, by its own wish or on request, leaves nothing that could be shown or asked for. The list's word that
# there is such a photo stays.
KEEP_OUT = typed("""
WITH failed AS (DELETE FROM parse_failure USING page WHERE page.id = page_id AND page.url = %(url)s),
shown AS (DELETE FROM photo WHERE page_url = %(url)s AND image_url IS NOT NULL RETURNING image_url),
emptied AS (UPDATE photo SET digest = NULL, media_type = NULL, width = NULL, height = NULL, phash = NULL,
                             near_duplicate_of = NULL WHERE image_url = %(url)s AND digest IS NOT NULL)
UPDATE page SET state = 'excluded', due_at = NULL, error_code = %(error_code)s, error = %(error)s FROM shown
WHERE page.url = shown.image_url AND state <> 'excluded'
AND NOT EXISTS (SELECT FROM photo AS other WHERE other.image_url = page.url AND other.page_url <> %(url)s)
""")

# What cannot be read any more is shown nowhere; the bytes stay.
UNSET_PICTURE = typed("""
UPDATE photo SET digest = NULL, media_type = NULL, width = NULL, height = NULL, phash = NULL, near_duplicate_of = NULL
WHERE image_url = %(url)s AND digest = %(digest)s
""")
STORE_FAILURE = typed("""
INSERT INTO parse_failure (page_id, digest, field, reason, observed_at)
SELECT %(id)s, %(digest)s, %(field)s, %(reason)s, %(at)s
WHERE NOT EXISTS (SELECT FROM page WHERE id = %(id)s AND state = 'excluded')
ON CONFLICT (page_id, field) DO UPDATE SET digest = EXCLUDED.digest, reason = EXCLUDED.reason,
                                           observed_at = EXCLUDED.observed_at
""")
FORGET_FAILURES: LiteralString = "DELETE FROM parse_failure WHERE page_id = ANY ($1::bigint[])"
