"""Where a licensed source and another one differ, column by column. SQL.

What one of them leaves open does not differ, and neither do widths of letters, nor digits that are not printed.
"""

from typing import LiteralString

from collector.pipeline.licensed import HORSE_HELD, ITEMS, OWN, RACE_HELD, SOME

OF_RACES: LiteralString = """'{race_date,surface,direction,distance,weather,going,start_time,grade,prizes,
    meeting_number,meeting_day}'::text[]"""
OF_ENTRIES: LiteralString = """'{horse_id,horse_key,bracket_number,horse_number,sex,age,carried_weight,jockey_id,
    trainer_id,finish,finish_position,finish_time,positions_at_bends,last_3f,odds,favorite_rank,horse_weight,
    horse_weight_change,prize}'::text[]"""
OF_HORSES: LiteralString = "'{horse_key,born,sex,coat,sire,dam,damsire}'::text[]"
HALF: LiteralString = "0.0501"  # of the last digit that is printed: tenths
DIFFER: LiteralString = f"""
CROSS JOIN LATERAL (SELECT ours -> field AS one, theirs -> field AS other) AS its
WHERE one NOT IN ('null', '[]', '""') AND other NOT IN ('null', '[]', '""')
AND CASE jsonb_typeof(one) || jsonb_typeof(other)
    WHEN 'numbernumber' THEN abs(one::numeric - other::numeric) > {HALF}
    WHEN 'stringstring' THEN replace(normalize(one #>> '{{}}', NFKC), ' ', '')
                          <> replace(normalize(other #>> '{{}}', NFKC), ' ', '')
    ELSE one <> other END"""
INTO: LiteralString = """
INSERT INTO difference (sort, thing, runner, field, licensed, other, source_url, observed_at)
SELECT DISTINCT ON (1, 2, 3, 4)"""
WRITTEN: LiteralString = "one #>> '{}', other #>> '{}'"
RACES: LiteralString = f"SELECT DISTINCT race.race_id FROM {ITEMS} {RACE_HELD} WHERE {SOME}"
HORSES: LiteralString = f"SELECT DISTINCT horse.horse_id FROM {ITEMS} {HORSE_HELD} WHERE {SOME}"

FORGET_OF_RACES: LiteralString = f"""
DELETE FROM difference USING ({RACES}) AS asked WHERE sort IN ('race', 'entry') AND thing = asked.race_id
"""
FIND_IN_RACES: LiteralString = f"""
{INTO} 'race', race_id, '', field, {WRITTEN}, source_url, observed_at
FROM (SELECT race_id, to_jsonb(race) - {OWN} AS ours, held.said AS theirs, held.source_url, held.observed_at
      FROM ({RACES}) AS asked JOIN race USING (race_id)
      JOIN other_side AS held ON held.sort = 'race' AND held.thing = race_id WHERE race.licensed) AS both_sides
CROSS JOIN unnest({OF_RACES}) AS field {DIFFER}
"""
PAIRS: LiteralString = f"""
WITH asked AS MATERIALIZED ({RACES} AND race.licensed),
ours AS (
    SELECT race_id, COALESCE(horse_number::text, horse_key) AS key, runner, horse_name,
        to_jsonb(entry) - {OWN} || jsonb_build_object('horse_id', stated_horse_id) AS ours
    FROM entry JOIN asked USING (race_id) WHERE licensed),
theirs AS (
    SELECT thing AS race_id, COALESCE(said ->> 'horse_number', said ->> 'horse_key') AS key, runner,
        said ->> 'horse_name' AS horse_name, said AS theirs, source_url, observed_at
    FROM other_side JOIN asked ON thing = race_id WHERE sort = 'entry'),
page AS (
    SELECT thing AS race_id, source_url, observed_at FROM other_side JOIN asked ON thing = race_id
    WHERE sort = 'race'),
pairs AS (
    SELECT race_id, COALESCE(ours.runner, theirs.runner) AS runner, ours.horse_name AS our_name,
        theirs.horse_name AS their_name, ours, theirs, page.source_url, page.observed_at
    FROM ours FULL JOIN theirs USING (race_id, key) JOIN page USING (race_id))"""
FIND_IN_ENTRIES: LiteralString = f"""
{PAIRS} {INTO} 'entry', race_id, runner, field, licensed, other, source_url, observed_at FROM (
    SELECT race_id, runner, field, one #>> '{{}}' AS licensed, other #>> '{{}}' AS other, source_url, observed_at
    FROM pairs CROSS JOIN unnest({OF_ENTRIES}) AS field {DIFFER}
    UNION ALL
    SELECT race_id, runner, 'entry', our_name, their_name, source_url, observed_at FROM pairs
    WHERE ours IS NULL OR theirs IS NULL) AS found
"""
FORGET_OF_HORSES: LiteralString = f"""
DELETE FROM difference USING ({HORSES}) AS asked WHERE sort = 'horse' AND thing = asked.horse_id
"""
FIND_IN_HORSES: LiteralString = f"""
{INTO} 'horse', horse_id, '', field, {WRITTEN}, source_url, observed_at
FROM (SELECT asked.horse_id, to_jsonb(horse) - {OWN} AS ours, held.said AS theirs, held.source_url, held.observed_at
      FROM ({HORSES}) AS asked JOIN horse USING (horse_id)
      JOIN other_side AS held ON held.sort = 'horse' AND held.thing = asked.horse_id WHERE horse.licensed) AS both_sides
CROSS JOIN unnest({OF_HORSES}) AS field {DIFFER}
"""
