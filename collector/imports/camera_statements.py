"""What is held and what was forgotten of a person's own camera photos: SQL."""

from typing import LiteralString

from collector.pipeline.forget import CLOCK, SECOND

# Without moments all of them: a picture without one may be a copy of any.
KEPT: LiteralString = f"""
SELECT photo_id, digest, camera, {CLOCK}, media_type, width, height, phash::text FROM photo
WHERE source = $1 AND digest IS NOT NULL AND phash IS NOT NULL AND taken_at IS NOT NULL
AND ($2::timestamp IS NULL OR {CLOCK} BETWEEN $2 AND $3::timestamp OR digest = ANY ($4::text[]))
ORDER BY id
"""
FORGOTTEN: LiteralString = f"""
SELECT camera, clock, gone.microsecond, gone.media_type, gone.width, gone.height, gone.phash::text
FROM (SELECT DISTINCT camera, clock FROM unnest($1::text[], $2::timestamp[]) AS asked (camera, clock)) AS asked
JOIN forgotten_shot AS gone ON gone.second = {SECOND}
"""
MEASURED: LiteralString = """
SELECT digest FROM photo WHERE source = $1 AND digest = ANY ($2::text[]) AND phash IS NOT NULL AND taken_at IS NOT NULL
"""
