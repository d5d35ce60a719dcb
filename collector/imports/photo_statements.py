"""What is held of a person's own photos, and how one gets another day: SQL."""

from typing import LiteralString

RACES: LiteralString = "SELECT race_id, race_date FROM race WHERE race_id = ANY (%s)"
HELD: LiteralString = """
SELECT asked.digest, record.digest, picture.state, photo.issue_code, photo.number,
    photo.comment, photo.taken_at
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (record_url, picture_url, digest)
LEFT JOIN page AS record ON record.url = asked.record_url
LEFT JOIN page AS picture ON picture.url = asked.picture_url
LEFT JOIN photo ON photo.image_url = asked.picture_url AND photo.page_url = asked.record_url
"""
FORGOTTEN: LiteralString = "SELECT url FROM page WHERE url = ANY ($1::text[]) AND state = 'excluded'"
# The numbers of photos that were forgotten count too, as far as something was decided of them.
LAST_NUMBER: LiteralString = """
SELECT GREATEST((SELECT max(number) FROM photo WHERE source = $1 AND issue_code = $2),
                (SELECT max(number) FROM photo_match WHERE source = $1 AND issue_code = $2), 0)
"""
MOVE_PHOTO: LiteralString = """
UPDATE photo SET issue_code = $4, number = $5 WHERE (source, issue_code, number) = ($1, $2, $3)
"""
# What a rule found is found again by what is stated now; a person's decision names the horse, and the day its race.
UNMATCH: LiteralString = """
DELETE FROM photo_match WHERE (source, issue_code, number) = ($1, $2, $3) AND NOT by_hand AND NOT head_turned
"""
# The races in whose walks photos are.
WALKS: LiteralString = """
SELECT DISTINCT race_id FROM photo_match
WHERE source = $1 AND (issue_code, number) IN (SELECT * FROM unnest($2::text[], $3::int[])) AND race_id IS NOT NULL
"""
# That its head is turned, a person has said too.
ONLY_TURNED: LiteralString = """
UPDATE photo_match SET horse_id = NULL, race_id = NULL, rule = $4, certainty = NULL, candidates = '{}'
WHERE (source, issue_code, number) = ($1, $2, $3) AND NOT by_hand
"""
MOVE_MATCH: LiteralString = """
UPDATE photo_match SET issue_code = $4, number = $5, race_id = (
    SELECT race_id FROM entry JOIN race USING (race_id) WHERE entry.horse_id = photo_match.horse_id AND race_date = $6
    LIMIT 1)
WHERE (source, issue_code, number) = ($1, $2, $3)
"""
MOVE_PAGES: LiteralString = "UPDATE page SET dated = $2 WHERE url = ANY ($1)"
