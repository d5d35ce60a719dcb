"""A small collection with everything that is hard to write: quotes, line breaks, what is not known, what is empty."""

import psycopg
import pytest

from tests.databases import filled_once
from tests.filled import SMALL, fill

ODD = "Q\"uote, comma; 'single'\nline\r\nand\ttab \\ back\u2028sep 馬🐎"
ROWS = (
    "INSERT INTO race_day (race_date, racecourses, source_url, observed_at) VALUES "
    "('2016-01-05', '{}', 'http://a/', '2016-01-05 00:00:00.000001+09'), "
    "('2016-01-06', ARRAY[%(odd)s, '', 'null', '東京'], 'http://b/', '1999-12-31 23:59:59+00')",
    "INSERT INTO race (race_id, race_date, racecourse, race_number, name, distance, start_time, prizes, source_url, "
    "observed_at) VALUES ('201601010101', '2016-01-05', '', 1, %(odd)s, 1200, '15:40', '{550.5, 0.1, 1e15}', '', "
    "now())",
    "INSERT INTO entry (race_id, horse_id, horse_name, horse_key, positions_at_bends, odds, carried_weight, jockey, "
    "margin, source_url, observed_at) VALUES ('201601010101', NULL, %(odd)s, '鍵', '{3,3,2,1}', 1.1, 57.5, '', NULL, "
    "'http://c/', now())",
    "INSERT INTO horse (horse_id, name, horse_key, born, retired, sire, source_url, observed_at) VALUES "
    "('2014000000', %(odd)s, 'a', '2014-02-28', true, '', '', now()), "
    "('2014000001', 'NULL', 'b', NULL, false, 'nan', '', now())",
    "INSERT INTO difference (sort, thing, runner, field, licensed, other, source_url, observed_at) VALUES "
    "('entry', '201601010101', '7', 'jockey', %(odd)s, NULL, 'http://c/', now()), "
    "('race', '201601010101', '', 'going', '', 'good', 'http://c/', now()), "
    "('horse', '2014000000', '', 'coat', '鹿毛', '栗毛', 'http://c/', now())",
    "INSERT INTO photo_note (photo_id, stars, note) "
    "SELECT photo_id, NULLIF(id %% 2, 0), %(odd)s FROM photo WHERE id < 4",
    "INSERT INTO collection (name) VALUES (%(odd)s), ('empty')",
    "INSERT INTO collected (collection, photo_id) SELECT %(odd)s, photo_id FROM photo WHERE id < 3",
    "INSERT INTO photo_mark SELECT digest, 0.1, 1e-9, 0, 1, now() FROM photo WHERE id = 1",
    "UPDATE photo SET comment = %(odd)s::varchar, pedigree = ARRAY[%(odd)s::varchar, ''] WHERE id = 1",
    "UPDATE photo SET comment = '' WHERE id = (SELECT max(id) FROM photo)",
    "UPDATE photo_match SET horse_id = NULL, race_id = NULL, rule = 'several_horses', "
    "candidates = '{2014000000,2014000001}' WHERE id = (SELECT max(id) FROM photo_match)",
)  # fmt: skip


def _fill(conninfo: str) -> None:
    fill(conninfo, SMALL)
    with psycopg.connect(conninfo) as connection:
        for statement in ROWS:
            connection.execute(statement.encode(), {"odd": ODD})


@pytest.fixture
def template(cluster: str) -> str:
    """The collection, filled once."""
    return filled_once(cluster, "template_taken", _fill)
