"""What reading everything again changes in the tables of pages and photos: SQL."""

from typing import LiteralString

TABLES: tuple[LiteralString, ...] = (
    "CREATE TEMP TABLE derived (source text, issue_code text, number int) ON COMMIT DROP",
    "CREATE TEMP TABLE read_page (id bigint, digest text, well boolean) ON COMMIT DROP",
    """CREATE TEMP TABLE again (id bigint, digest text, was text, state text, due_at timestamptz, error_code text,
                                error text, missing text[]) ON COMMIT DROP""",
    """CREATE TEMP TABLE led_to (number bigint GENERATED ALWAYS AS IDENTITY, url text, host text, source text,
                                 kind text, role text, about text, dated date, priority int, found_on text)
       ON COMMIT DROP""",
)
FILL: dict[str, LiteralString] = {
    "derived": "INSERT INTO derived SELECT * FROM jsonb_to_recordset(%s) AS photo (source text, issue_code text,"
    " number int)",
    "read_page": "INSERT INTO read_page SELECT * FROM jsonb_to_recordset(%s) AS read (id bigint, digest text,"
    " well boolean)",
    "again": "INSERT INTO again SELECT * FROM jsonb_to_recordset(%s) AS again (id bigint, digest text, was text,"
    " state text, due_at timestamptz, error_code text, error text, missing text[])",
    "led_to": """INSERT INTO led_to (url, host, source, kind, role, about, dated, priority, found_on)
                 SELECT * FROM jsonb_to_recordset(%s) AS link (url text, host text, source text, kind text, role text,
                                                               about text, dated date, priority int, found_on text)
                 WHERE NOT EXISTS (SELECT FROM page WHERE page.url = link.url)""",
}
# Read after the facts were written: a crawl that changes the page later waits for us, where it touches them.
OVERTAKEN = """
SELECT id FROM jsonb_to_recordset(%s) AS read (id bigint, held text) JOIN page USING (id)
WHERE page.digest IS DISTINCT FROM held OR page.state = 'excluded'
"""
# A page that a crawl works on just now is left to it; to wait could be to wait for each other.
READ_AGAIN = """
WITH free AS (
    SELECT id FROM page WHERE id IN (SELECT id FROM again) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE page SET state = again.state, error_code = again.error_code, error = again.error, missing = again.missing,
    due_at = CASE WHEN again.state <> page.state THEN again.due_at
                  WHEN again.state = 'quarantined' THEN COALESCE(page.due_at, again.due_at) ELSE page.due_at END
FROM again JOIN free USING (id) WHERE page.id = again.id AND page.digest = again.digest AND page.state = again.was
"""
LINK = """
INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at, found_on)
SELECT DISTINCT ON (url) url, host, source, kind, role, about, dated, priority, clock_timestamp(), found_on
FROM led_to ORDER BY url, number
ON CONFLICT (url) DO NOTHING
"""
# A photo that no page speaks of any more. Those that may speak of it have all been read, and well.
STALE = """
WITH unnamed AS MATERIALIZED (
    SELECT photo.id, photo.page_url, photo.source_url
    FROM photo JOIN before_photo AS old USING (id, observed_at) JOIN page ON page.url = photo.page_url
    WHERE page.dated >= %s
    AND NOT EXISTS (SELECT FROM derived WHERE derived.source = photo.source
                    AND derived.issue_code = photo.issue_code AND derived.number = photo.number))
DELETE FROM photo USING unnamed
WHERE photo.id = unnamed.id
AND NOT EXISTS (SELECT FROM page AS said WHERE said.url IN (unnamed.page_url, unnamed.source_url)
                AND said.digest IS NOT NULL AND said.state <> 'excluded'
                AND NOT EXISTS (SELECT FROM read_page AS read
                                WHERE read.id = said.id AND read.digest = said.digest AND read.well))
"""
# Within one transaction Postgres goes on believing that tables are as small as they were: it would read all of them for
# every set of pages, which costs with the square of their number. The rows of a set are found by their keys.
BY_KEY: LiteralString = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
AS_BEFORE: LiteralString = "SET LOCAL enable_seqscan = on"
KNOW: LiteralString = "CREATE INDEX ON read_page (id); ANALYZE read_page; ANALYZE derived; ANALYZE again"
