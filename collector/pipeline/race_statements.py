"""What race, horse and aptitude pages change in the tables: SQL for a set of pages, one statement a table.

Each statement takes a JSON array of pages (role, url, at, whole, items) and does what storing them one after the other
would do. For that, no two pages of a set may speak of the same thing (see `collector.pipeline.store_races`).
"""

from typing import LiteralString, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from collector.pipeline.licensed import STANDING_HORSES
from collector.pipeline.pages import PAGES
from collector.storage.items import AptitudeItem, EntryItem, HorseItem, RaceDayItem, RaceItem
from collector.storage.models import RUNNER, Aptitude, Entry, Horse, Race, RaceDay


def _columns(model: type[SQLModel], item: type[SQLModel]) -> dict[str, str]:
    """An item's fields with their types in Postgres."""
    table = cast(Table, model.__table__)  # pyright: ignore[reportAttributeAccessIssue]
    dialect = postgresql.dialect()
    return {name: str(table.c[name].type.compile(dialect=dialect)) for name in item.model_fields}


def _rows(columns: dict[str, str]) -> str:
    described = ", ".join(f"{name} {type_name}" for name, type_name in columns.items())
    return f"{PAGES}, jsonb_to_recordset(page.items) AS item ({described})"


# A card prints them, a result does not: nothing said is nothing changed.
KEPT_PRIZES = "COALESCE(NULLIF(EXCLUDED.prizes, '{}'), held.prizes)"


def _upsert(model: type[SQLModel], item: type[SQLModel], key: str, where: str = "true") -> LiteralString:
    """Insert the items, or change the rows that say otherwise; rows that are as they were keep their date.

    What another page says the same of counts as new: a result's word is worth more than a card's.
    """
    columns = _columns(model, item)
    names = ", ".join(columns)
    changing = (*columns, "source_url")
    held = ", ".join(f"held.{name}" for name in changing)
    new = ", ".join(f"EXCLUDED.{name}" for name in changing).replace("EXCLUDED.prizes", KEPT_PRIZES)
    return cast(
        LiteralString,
        f"""
        INSERT INTO {model.__tablename__} AS held ({names}, source_url, observed_at)
        SELECT {", ".join(f"item.{name}" for name in columns)}, page.url, page.at FROM {_rows(columns)} WHERE {where}
        ON CONFLICT ({key}) DO UPDATE SET ({names}, source_url, observed_at)
            = ({new}, EXCLUDED.observed_at)
        WHERE ({held}) IS DISTINCT FROM ({new})""",
    )


# Any result before a card, which is perhaps read (again) after the race; of two, the licensed one.
# A value, and not NOT EXISTS, for which Postgres would read all races that there are.
IN_TIME = """COALESCE((
    SELECT (known.role IS DISTINCT FROM 'card', before.licensed) <= (page.role <> 'card', item.licensed)
    FROM race AS before LEFT JOIN page AS known ON known.url = before.source_url
    WHERE before.race_id = item.race_id AND before.source_url <> page.url), true)"""
STORE_RACE_DAYS = _upsert(RaceDay, RaceDayItem, "race_date")
# A day that its month's calendar no longer lists was called off, or moved.
FORGET_RACE_DAYS: LiteralString = f"""
DELETE FROM race_day USING {PAGES} WHERE race_day.source_url = page.url
AND race_date NOT IN (SELECT listed.race_date FROM jsonb_to_recordset(page.items) AS listed (race_date date))
"""
STORE_RACES = _upsert(Race, RaceItem, "race_id", IN_TIME)
STORE_ENTRIES = _upsert(Entry, EntryItem, "race_id, runner", IN_TIME)
STORE_HORSES = _upsert(Horse, HorseItem, "horse_id", STANDING_HORSES)
# A horse is known from its first entry on; its own page says more.
MEET_HORSES = cast(
    LiteralString,
    f"""
    INSERT INTO horse (horse_id, name, horse_key, sex, source_url, observed_at)
    SELECT DISTINCT ON (horse_id) horse_id, horse_name, horse_key, sex, page.url, page.at
    FROM {_rows(dict.fromkeys(("horse_id", "horse_name", "horse_key", "sex"), "text"))}
    WHERE horse_id IS NOT NULL AND NOT EXISTS (SELECT FROM horse WHERE horse.horse_id = item.horse_id)
    ORDER BY horse_id, page.number ON CONFLICT DO NOTHING""",
)
FIND_HORSES = cast(
    LiteralString,
    f"""
    INSERT INTO horse ({", ".join(HorseItem.model_fields)}, source_url, observed_at)
    SELECT {", ".join(f"item.{name}" for name in HorseItem.model_fields)}, page.url, page.at
    FROM {_rows(_columns(Horse, HorseItem))} ON CONFLICT DO NOTHING""",
)
# A horse that is no longer on a race's page does not run in it. Where a row could not be read, only those are forgotten
# that the page knows otherwise now: by its number, say, and before the draw by its name.
# The array lets Postgres find the races' entries by their index; joined alone, it reads all entries there are.
FORGET_ENTRIES: LiteralString = f"""
WITH listed AS MATERIALIZED (
    SELECT item.race_id, item.horse_key, {RUNNER} AS runner, page.whole, {IN_TIME} AS in_time
    FROM {PAGES}, jsonb_to_recordset(page.items)
        AS item (race_id text, horse_id text, horse_number int, horse_key text, licensed boolean))
DELETE FROM entry USING (SELECT DISTINCT race_id, whole FROM listed WHERE in_time) AS said
WHERE entry.race_id = ANY (ARRAY(SELECT race_id FROM listed)) AND entry.race_id = said.race_id
AND NOT EXISTS (SELECT FROM listed WHERE listed.race_id = entry.race_id AND listed.runner = entry.runner)
AND (said.whole OR EXISTS (SELECT FROM listed
                           WHERE listed.race_id = entry.race_id AND listed.horse_key = entry.horse_key))
"""
# The history of public opinion: a new row only when a bar has moved, or a first review has come. The number of
# reviews is kept on the row that it belongs to.
STORE_APTITUDES = cast(
    LiteralString,
    f"""
    WITH item AS (SELECT item.*, page.url, page.at FROM {_rows(_columns(Aptitude, AptitudeItem))}),
    compared AS (
        SELECT item.*, last.id AS last_id, (last.left_px, last.right_px) = (item.left_px, item.right_px) AS same
        FROM item LEFT JOIN LATERAL (
            SELECT * FROM aptitude WHERE horse_id = item.horse_id AND axis = item.axis AND observed_at <= item.at
            ORDER BY observed_at DESC LIMIT 1) AS last ON true),
    counted AS (
        UPDATE aptitude SET reviews = compared.reviews, value = compared.value, evidence = compared.evidence
        FROM compared
        WHERE same AND aptitude.id = last_id AND compared.reviews IS DISTINCT FROM aptitude.reviews
        AND compared.reviews IS NOT NULL)
    INSERT INTO aptitude ({", ".join(AptitudeItem.model_fields)}, source_url, observed_at)
    SELECT {", ".join(AptitudeItem.model_fields)}, url, at FROM compared WHERE same IS NOT TRUE
    ON CONFLICT (horse_id, axis, observed_at) DO UPDATE SET left_px = EXCLUDED.left_px,
        right_px = EXCLUDED.right_px, value = EXCLUDED.value, reviews = EXCLUDED.reviews,
        evidence = EXCLUDED.evidence""",
)


# The number belongs to the opinion that stands. It also decides what bars in the middle mean: with reviews an
# opinion, without any no label.
STORE_REVIEWS: LiteralString = f"""
UPDATE aptitude AS held SET reviews = item.reviews,
    value = CASE WHEN item.reviews > 0 THEN COALESCE(held.value, 0.5) ELSE held.value END,
    evidence = CASE WHEN held.value IS NOT NULL OR item.reviews > 0 THEN NULL
                    ELSE '0 reviews, 58/58 on all five axes' END
FROM {PAGES}, jsonb_to_recordset(page.items) AS item (horse_id text, reviews int)
WHERE held.horse_id = item.horse_id AND held.reviews IS DISTINCT FROM item.reviews
AND NOT EXISTS (SELECT FROM aptitude AS later WHERE later.horse_id = held.horse_id AND later.axis = held.axis
                AND later.observed_at > held.observed_at)
"""
