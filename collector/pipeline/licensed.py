"""A licensed source and others speak of the same races and horses: whose word stands, and what the others say. SQL.

The word of a licensed result stands before that of another result, and any result before a card. What another result,
or a horse's own page, says of the same is kept as it is (`other_side`), so the order in which pages come, or are read
again, makes no difference. Where they differ is found by column (`difference`).

A licensed source names a horse by its number in the stud book. It is believed unless another source gives that number
to a horse of another name, sex or year of birth. Then the licensed rows lose the id, and the horse is listed
(`kept_apart`), until a correction comes.
"""

from typing import LiteralString

from collector.pipeline.pages import PAGES
from collector.storage.models import RUNNER

# Nothing of this is looked for where nothing is licensed, which the database sees at once.
SOME: LiteralString = "(SELECT EXISTS (SELECT FROM race WHERE licensed) OR EXISTS (SELECT FROM horse WHERE licensed))"
ITEMS: LiteralString = f"{PAGES}, jsonb_array_elements(page.items) AS said"
# The arrays let Postgres find rows by their index; joined alone, it reads all that there are.
RACE_HELD: LiteralString = f"""
JOIN race ON race.race_id = said ->> 'race_id' AND race.race_id = ANY (ARRAY(SELECT said ->> 'race_id' FROM {ITEMS}))"""
HORSE_HELD: LiteralString = f"""
JOIN horse ON horse.horse_id = said ->> 'horse_id'
    AND horse.horse_id = ANY (ARRAY(SELECT said ->> 'horse_id' FROM {ITEMS}))"""
OWN: LiteralString = "'{id,runner,source_url,observed_at}'::text[]"  # what a row has beside its item
PUT: LiteralString = "INSERT INTO other_side (sort, thing, runner, horse_id, said, source_url, observed_at)"
AGAIN: LiteralString = """
ON CONFLICT (sort, thing, runner) DO UPDATE SET (horse_id, said, source_url, observed_at)
    = (EXCLUDED.horse_id, EXCLUDED.said, EXCLUDED.source_url, EXCLUDED.observed_at)
WHERE (other_side.horse_id, other_side.said, other_side.source_url)
    IS DISTINCT FROM (EXCLUDED.horse_id, EXCLUDED.said, EXCLUDED.source_url)"""

# --- races and entries --------------------------------------------------------------------------------------

# A licensed result takes the place of another one, which is kept.
SET_ASIDE_RACES: LiteralString = f"""
WITH taken AS MATERIALIZED (
    SELECT race.* FROM {ITEMS} {RACE_HELD}
    LEFT JOIN page AS held ON held.url = race.source_url
    WHERE (said ->> 'licensed')::boolean AND page.role <> 'card' AND NOT race.licensed
    AND held.role IS DISTINCT FROM 'card')
{PUT}
SELECT 'race', race_id, '', NULL, to_jsonb(taken) - {OWN}, source_url, observed_at FROM taken
UNION ALL
SELECT 'entry', entry.race_id, entry.runner, entry.horse_id, to_jsonb(entry) - {OWN}, entry.source_url,
    entry.observed_at
FROM taken JOIN entry USING (race_id) WHERE NOT entry.licensed {AGAIN}
"""
# A result of a race of which a licensed result is held.
OTHERWISE: LiteralString = f"""
{ITEMS} {RACE_HELD}
WHERE {SOME} AND race.licensed AND page.role <> 'card' AND NOT (said ->> 'licensed')::boolean"""
SAY_OTHERWISE_OF_RACES: LiteralString = f"""
{PUT} SELECT 'race', race.race_id, '', NULL, said, page.url, page.at FROM {OTHERWISE} {AGAIN}
"""
FORGET_OTHERWISE: LiteralString = f"""
DELETE FROM other_side USING (SELECT DISTINCT race.race_id FROM {OTHERWISE}) AS race
WHERE sort = 'entry' AND thing = race.race_id
"""
SAY_OTHERWISE_OF_ENTRIES: LiteralString = f"""
{PUT} SELECT DISTINCT ON (2, 3) 'entry', race.race_id, {RUNNER}, horse_id, said, page.url, page.at
FROM {PAGES}, jsonb_array_elements(page.items) AS said
CROSS JOIN jsonb_to_record(said)
    AS item (race_id text, horse_id text, horse_number int, horse_key text, licensed boolean)
{RACE_HELD}
WHERE {SOME} AND race.licensed AND page.role <> 'card' AND NOT item.licensed ORDER BY 2, 3 {AGAIN}
"""

# --- horses ---------------------------------------------------------------------------------------------------

HORSE: LiteralString = "name, horse_key, born, sex, coat, retired, sire, dam, damsire, licensed"
OF_SAID: LiteralString = """said ->> 'name', said ->> 'horse_key', (said ->> 'born')::date, said ->> 'sex',
    said ->> 'coat', (said ->> 'retired')::boolean, said ->> 'sire', said ->> 'dam', said ->> 'damsire',
    COALESCE((said ->> 'licensed')::boolean, false)"""
OWN_PAGE: LiteralString = "EXISTS (SELECT FROM page AS held WHERE held.url = horse.source_url AND held.role = 'horse')"
SET_ASIDE_HORSES: LiteralString = f"""
{PUT} SELECT DISTINCT ON (horse.horse_id) 'horse', horse.horse_id, '', horse.horse_id, to_jsonb(horse) - {OWN},
    horse.source_url, horse.observed_at
FROM {ITEMS} {HORSE_HELD}
WHERE (said ->> 'licensed')::boolean AND NOT horse.licensed AND {OWN_PAGE}
AND NOT EXISTS (SELECT FROM kept_apart WHERE kept_apart.horse_id = horse.horse_id) {AGAIN}
"""
# A licensed horse that is kept apart is kept under a sort of its own.
SAY_OTHERWISE_OF_HORSES: LiteralString = f"""
{PUT} SELECT DISTINCT ON (1, horse.horse_id) CASE WHEN horse.licensed THEN 'horse' ELSE 'licensed' END,
    horse.horse_id, '', horse.horse_id, said, page.url, page.at
FROM {ITEMS} {HORSE_HELD}
WHERE {SOME} AND horse.licensed <> (said ->> 'licensed')::boolean
AND (horse.licensed OR EXISTS (SELECT FROM kept_apart WHERE kept_apart.horse_id = horse.horse_id)) {AGAIN}
"""
STANDING_HORSES: LiteralString = """
NOT EXISTS (SELECT FROM horse AS before
            WHERE before.horse_id = item.horse_id AND before.licensed AND NOT item.licensed)
AND NOT (item.licensed AND EXISTS (SELECT FROM kept_apart WHERE kept_apart.horse_id = item.horse_id))"""

# --- whether a number is believed -----------------------------------------------------------------------------

# Everything that any source says of these horses, under their numbers: name, sex, year of birth.
SAYING: LiteralString = (
    """
    SELECT stated_horse_id AS horse_id, true AS licensed, horse_key, entry.sex,
        extract(year FROM race_date)::int - age AS born, entry.source_url
    FROM entry JOIN race USING (race_id)
    WHERE stated_horse_id = ANY (ARRAY(SELECT horse_id FROM known)) AND entry.licensed
    UNION ALL
    SELECT entry.horse_id, false, horse_key, entry.sex, extract(year FROM race_date)::int - age, entry.source_url
    FROM entry JOIN race USING (race_id)
    WHERE entry.horse_id = ANY (ARRAY(SELECT horse_id FROM known)) AND NOT entry.licensed
    UNION ALL
    SELECT horse_id, other.sort = 'licensed', said ->> 'horse_key', said ->> 'sex',
        CASE WHEN other.sort = 'entry' THEN left(thing, 4)::int - (said ->> 'age')::int
             ELSE left(said ->> 'born', 4)::int END, other.source_url
    FROM other_side AS other WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM known))
    UNION ALL
    SELECT horse_id, licensed, horse_key, sex, extract(year FROM born)::int, source_url
    FROM horse WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM known)) AND (licensed OR """
    + OWN_PAGE
    + ")"
)
JUDGE: LiteralString = f"""
WITH asked AS MATERIALIZED (
    SELECT said ->> 'horse_id' AS horse_id FROM {ITEMS} WHERE {SOME}
    UNION SELECT horse_id FROM kept_apart JOIN {PAGES} ON page.url IN (licensed_url, other_url) WHERE {SOME}),
theirs AS MATERIALIZED (
    SELECT horse_id FROM entry WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM asked)) AND NOT licensed
    UNION SELECT horse_id FROM other_side WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM asked))
    UNION SELECT horse_id FROM horse
    WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM asked)) AND NOT licensed AND {OWN_PAGE}),
known AS MATERIALIZED (
    SELECT stated_horse_id AS horse_id FROM entry WHERE stated_horse_id = ANY (ARRAY(SELECT horse_id FROM theirs))
    UNION SELECT horse_id FROM horse WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM theirs)) AND licensed
    UNION SELECT horse_id FROM kept_apart WHERE horse_id = ANY (ARRAY(SELECT horse_id FROM asked))),
saying AS MATERIALIZED ({SAYING}),
apart AS MATERIALIZED (
    SELECT DISTINCT ON (ours.horse_id) ours.horse_id, differing.field, differing.licensed, differing.other,
        ours.source_url AS licensed_url, theirs.source_url AS other_url
    FROM saying AS ours JOIN saying AS theirs USING (horse_id)
    CROSS JOIN LATERAL (VALUES
        (1, 'name', ours.horse_key, theirs.horse_key, ours.horse_key <> theirs.horse_key),
        (2, 'sex', ours.sex, theirs.sex, (ours.sex = 'female') <> (theirs.sex = 'female')),
        (3, 'born', ours.born::text, theirs.born::text, ours.born <> theirs.born)
    ) AS differing (place, field, licensed, other, differs)
    WHERE ours.licensed AND NOT theirs.licensed AND differs
    ORDER BY ours.horse_id, place, ours.source_url, theirs.source_url, differing.licensed, differing.other),
believed AS (
    DELETE FROM kept_apart USING known WHERE kept_apart.horse_id = known.horse_id
    AND NOT EXISTS (SELECT FROM apart WHERE apart.horse_id = known.horse_id)),
listed AS (
    INSERT INTO kept_apart AS held (horse_id, field, licensed, other, licensed_url, other_url) SELECT * FROM apart
    ON CONFLICT (horse_id) DO UPDATE SET (field, licensed, other, licensed_url, other_url)
        = (EXCLUDED.field, EXCLUDED.licensed, EXCLUDED.other, EXCLUDED.licensed_url, EXCLUDED.other_url))
UPDATE entry SET horse_id = CASE WHEN apart.horse_id IS NULL THEN stated_horse_id END
FROM known LEFT JOIN apart USING (horse_id)
WHERE entry.stated_horse_id = known.horse_id AND entry.licensed
AND entry.stated_horse_id = ANY (ARRAY(SELECT horse_id FROM known))
AND entry.horse_id IS DISTINCT FROM CASE WHEN apart.horse_id IS NULL THEN stated_horse_id END
"""
# A horse that is kept apart is again what others say: on its own page, or else in a race.
TAKE_BACK: LiteralString = f"""
WITH was AS MATERIALIZED (SELECT horse.* FROM kept_apart JOIN horse USING (horse_id) WHERE horse.licensed),
kept AS (
    {PUT} SELECT 'licensed', horse_id, '', horse_id, to_jsonb(was) - {OWN}, source_url, observed_at FROM was {AGAIN}),
own AS (DELETE FROM other_side USING was WHERE sort = 'horse' AND thing = was.horse_id RETURNING other_side.*),
others AS (
    SELECT DISTINCT ON (horse_id) * FROM (
        SELECT 1 AS place, horse_id, said, source_url, observed_at FROM own
        UNION ALL
        SELECT 2, other.horse_id, jsonb_build_object('name', other.said -> 'horse_name', 'horse_key',
            other.said -> 'horse_key', 'sex', other.said -> 'sex'), other.source_url, other.observed_at
        FROM other_side AS other JOIN was ON was.horse_id = other.horse_id AND other.sort = 'entry'
        UNION ALL
        SELECT 3, entry.horse_id, jsonb_build_object('name', horse_name, 'horse_key', entry.horse_key, 'sex',
            entry.sex), entry.source_url, entry.observed_at
        FROM entry JOIN was ON was.horse_id = entry.horse_id WHERE NOT entry.licensed) AS found
    ORDER BY horse_id, place, source_url)
UPDATE horse SET ({HORSE}, source_url, observed_at) = ({OF_SAID}, others.source_url, others.observed_at)
FROM others WHERE horse.horse_id = others.horse_id
"""
GIVE_BACK: LiteralString = f"""
WITH back AS MATERIALIZED (
    DELETE FROM other_side WHERE sort = 'licensed'
    AND NOT EXISTS (SELECT FROM kept_apart WHERE kept_apart.horse_id = thing) RETURNING other_side.*),
kept AS (
    {PUT} SELECT 'horse', horse.horse_id, '', horse.horse_id, to_jsonb(horse) - {OWN}, horse.source_url,
        horse.observed_at
    FROM horse JOIN back ON back.thing = horse.horse_id WHERE NOT horse.licensed AND {OWN_PAGE} {AGAIN})
UPDATE horse SET ({HORSE}, source_url, observed_at) = ({OF_SAID}, back.source_url, back.observed_at)
FROM back WHERE horse.horse_id = back.thing
"""
