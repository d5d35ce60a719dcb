"""What is held of a person's own camera photos: SQL."""

from typing import LiteralString

# Without days all of them: a picture without a moment may be a copy of any.
KEPT: LiteralString = """
SELECT photo_id, digest, taken_at, camera, media_type, width, height, phash::text FROM photo
WHERE source = $1 AND digest IS NOT NULL AND phash IS NOT NULL AND taken_at IS NOT NULL
AND ($2::timestamptz IS NULL OR taken_at BETWEEN $2 AND $3::timestamptz OR digest = ANY ($4::text[]))
ORDER BY id
"""
MEASURED: LiteralString = """
SELECT digest FROM photo WHERE source = $1 AND digest = ANY ($2::text[]) AND phash IS NOT NULL AND taken_at IS NOT NULL
"""
