"""Entries of horses that have no id of their own, or share one, are kept under their race and number.

An id of zeros stands for all horses that have none: it is no horse, shown by no photo, asked for on no page. Over
hurdles, and where there are no 600 m, what was kept as the last 600 m was something else.
"""

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"

UPGRADE = """
ALTER TABLE entry ALTER horse_id DROP NOT NULL;
UPDATE entry SET horse_id = NULL WHERE horse_id ~ '^0+$';
UPDATE entry SET last_3f = NULL FROM race
WHERE race.race_id = entry.race_id AND last_3f IS NOT NULL
AND (race.surface = 'jump' OR race.distance < 600 OR last_3f NOT BETWEEN 28 AND 200);
DELETE FROM horse WHERE horse_id ~ '^0+$';
DELETE FROM aptitude WHERE horse_id ~ '^0+$';
UPDATE photo_match SET horse_id = NULL, race_id = NULL, by_hand = false, rule = 'open: its horse has no id'
WHERE horse_id ~ '^0+$';
UPDATE photo_match SET candidates = array_remove(candidates, '0000000000') WHERE '0000000000' = ANY (candidates);
UPDATE page SET state = 'gone', due_at = NULL
WHERE kind IN ('horse', 'aptitude', 'reviews') AND url ~ '[/=]0000000000(/|&|$)' AND state <> 'excluded';
ALTER TABLE entry DROP CONSTRAINT uq_entry_race_id_horse_id,
    ADD runner text GENERATED ALWAYS AS (COALESCE(horse_id, horse_number::text, horse_key)) STORED NOT NULL,
    ADD CONSTRAINT uq_entry_race_id_runner UNIQUE (race_id, runner);
"""
# What has no id is read again from the archive.
DOWNGRADE = """
ALTER TABLE entry DROP COLUMN runner;
DELETE FROM entry WHERE horse_id IS NULL;
ALTER TABLE entry ALTER horse_id SET NOT NULL, ADD CONSTRAINT uq_entry_race_id_horse_id UNIQUE (race_id, horse_id);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
