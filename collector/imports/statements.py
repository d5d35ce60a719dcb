"""What a set of captures changes in the archive and the frontier: SQL, one statement a table."""

from typing import LiteralString

CAPTURES: LiteralString = """
jsonb_to_recordset($1::jsonb) AS wanted (n int, url text, host text, source text, kind text, role text, about text,
    dated date, priority int, digest text, at timestamptz)"""
KNOW_HOSTS: LiteralString = "INSERT INTO host (name) SELECT DISTINCT host FROM " + CAPTURES + " ON CONFLICT DO NOTHING"
# A robots.txt is due: the copy that was imported is not in force.
KNOW_PAGES: LiteralString = f"""
INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at)
SELECT DISTINCT ON (url) url, host, source, kind, role, about, dated, priority,
       CASE WHEN role = 'robots' THEN clock_timestamp() END
FROM {CAPTURES} ORDER BY url ON CONFLICT (url) DO NOTHING
"""
# A page that a crawl writes just now is left to it, and looked at again later.
TAKE: LiteralString = f"""
WITH wanted AS MATERIALIZED (SELECT * FROM {CAPTURES}),
free AS MATERIALIZED (
    SELECT id FROM page WHERE url IN (SELECT url FROM wanted) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
SELECT wanted.n, clock_timestamp(),
       (page.digest = wanted.digest AND wanted.at IS NULL) IS TRUE OR EXISTS (
           SELECT FROM fetch_log AS log WHERE log.digest = wanted.digest AND log.page_id = page.id
           AND (wanted.at IS NULL OR date_trunc('second', log.at) = date_trunc('second', wanted.at))),
       page.id, page.url, page.source, page.kind, page.role, page.dated, page.state, page.etag, page.last_modified,
       page.digest, page.failures, page.last_fetched_at
FROM wanted JOIN page USING (url) JOIN free USING (id) ORDER BY wanted.n
"""
CLOSED: LiteralString = "SELECT name FROM host WHERE excluded_at IS NOT NULL"
# What robots.txt says of training, as it was when it was last asked for.
ROBOTS: LiteralString = """
SELECT page.host, blob.content, blob.encoding FROM page JOIN blob USING (digest)
WHERE page.role = 'robots' AND page.state = 'fetched' AND page.host = ANY ($1)
"""
STORE_BYTES: LiteralString = """
INSERT INTO blob (digest, media_type, size, encoding, content)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bytea[]) ON CONFLICT DO NOTHING
"""
# Labels are asked for of horses that photos show; what is known of others waits (see `collector.engine.refresh`).
UNWANTED: LiteralString = """{page}.role IN ('horse', 'aptitude', 'reviews') AND NOT EXISTS (
    SELECT FROM photo_match WHERE photo_match.horse_id = {page}.about)"""
LOG: LiteralString = """
INSERT INTO fetch_log (page_id, host, url, at, took, status, size, outcome, error_code, error, digest, media_type,
                       file, file_digest, captured_at)
SELECT page_id, host, url, at, 0, status, size, 'imported', error_code, error, digest, media_type, file, file_digest,
       captured_at
FROM jsonb_to_recordset($1::jsonb) AS log (page_id bigint, host text, url text, at timestamptz, status int, size int,
    error_code text, error text, digest text, media_type text, file text, file_digest text, captured_at timestamptz)
"""
CHANGE_PAGES: LiteralString = f"""
UPDATE page SET state = new.state,
    due_at = CASE WHEN {UNWANTED.format(page="page")} THEN NULL ELSE new.due_at END,
    etag = new.etag, last_modified = new.last_modified,
    last_status = 200, failures = 0, missing = COALESCE(new.missing, page.missing), error_code = new.error_code,
    error = new.error, last_fetched_at = new.at, digest = new.digest, media_type = new.media_type,
    changed_at = CASE WHEN new.digest IS DISTINCT FROM page.digest THEN new.at ELSE page.changed_at END
FROM jsonb_to_recordset($1::jsonb) AS new (id bigint, state text, due_at timestamptz, etag text, last_modified text,
    missing text[], error_code text, error text, at timestamptz, digest text, media_type text)
WHERE page.id = new.id
"""
CONFIRM_PAGES: LiteralString = f"""
UPDATE page SET last_fetched_at = new.at,
    due_at = CASE WHEN {UNWANTED.format(page="page")} THEN NULL ELSE new.due_at END
FROM jsonb_to_recordset($1::jsonb) AS new (id bigint, at timestamptz, due_at timestamptz) WHERE page.id = new.id
"""
KEEP_OUT_PAGES: LiteralString = """
UPDATE page SET state = 'excluded', due_at = NULL, error_code = new.error_code, error = new.error
FROM jsonb_to_recordset($1::jsonb) AS new (id bigint, error_code text, error text) WHERE page.id = new.id
"""
LINK: LiteralString = f"""
INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at, found_on)
SELECT DISTINCT ON (url) url, host, source, kind, role, about, dated, priority,
       CASE WHEN NOT ({UNWANTED.format(page="link")}) THEN clock_timestamp() END, found_on
FROM jsonb_to_recordset($1::jsonb) AS link (url text, host text, source text, kind text, role text, about text,
    dated date, priority int, found_on text)
ORDER BY url ON CONFLICT (url) DO NOTHING
"""
# Whose opinion was asked for after one of these moments.
OLDER_OPINIONS: LiteralString = """
SELECT DISTINCT said.horse_id FROM jsonb_to_recordset($1::jsonb) AS said (horse_id text, at timestamptz)
WHERE EXISTS (SELECT FROM page WHERE page.about = said.horse_id AND page.role = ANY ($2)
              AND page.last_fetched_at > said.at)
"""
IMPORTED: LiteralString = """
SELECT log.file, log.digest, log.captured_at FROM fetch_log AS log JOIN page ON page.id = log.page_id
WHERE log.digest = ANY ($1) AND log.outcome = 'imported' AND ($2::text IS NULL OR (page.source, page.kind) = ($2, $3))
"""
