"""What reading everything again changes: the tables as they were beside the tables as they are now."""

from dataclasses import dataclass
from typing import Any, LiteralString, cast

from collector.politeness.gate import Connection
from collector.storage.items import AptitudeItem, EntryItem, HorseItem, RaceItem

SAMPLES = 5  # of each sort of change
NAMED_BY = ("source", "code", "issue_code", "number", "race_id", "runner", "horse_id", "axis")

# What is compared, by its key; not by when a fact was observed.
FACTS: dict[LiteralString, tuple[LiteralString, LiteralString]] = {
    "issue": ("source, code", "issue_date, race_days"),
    "photo": (
        "source, issue_code, number",
        "listed_name, race_name, horse_name, horse_key, page_url, image_url, coat, sex, age, trainer, shot_month,"
        " shot_day, comment, distance_said, claims, build_tags, pedigree, stated_horse_id, stated_race_id, origin,"
        " rights, taken_at, clock, camera, racecourse, digest, media_type, width, height, phash",
    ),
    "race_day": ("race_date", "racecourses"),
    "race": ("race_id", cast(LiteralString, ", ".join(RaceItem.model_fields))),
    "entry": ("race_id, runner", cast(LiteralString, ", ".join(EntryItem.model_fields))),
    "horse": ("horse_id", cast(LiteralString, ", ".join(HorseItem.model_fields))),
    "aptitude": ("horse_id, axis, observed_at", cast(LiteralString, ", ".join(AptitudeItem.model_fields))),
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What reading everything again changes."""

    pages: int
    unreadable: int
    links: int  # pages found that were not known
    rows: dict[str, dict[str, int]]  # table -> added, changed, removed
    samples: list[str]
    still_changed: list[str]  # page kinds whose layout is still not understood

    def as_json(self) -> dict[str, Any]:
        """The changes as `--json` prints them."""
        return {
            "pages": self.pages,
            "unreadable": self.unreadable,
            "links_found": self.links,
            **self.rows,
            "samples": self.samples,
            "layout_changed": self.still_changed,
        }


async def remember(connection: Connection) -> None:
    """Keep the tables as they are, as `before_...`, until the transaction ends."""
    for table in FACTS:
        await connection.execute(f"CREATE TEMP TABLE before_{table} ON COMMIT DROP AS SELECT * FROM {table}")


async def compare(connection: Connection) -> tuple[dict[str, dict[str, int]], list[str]]:
    """How many rows of each table were added, changed and removed since, and some of them in words."""
    rows: dict[str, dict[str, int]] = {}
    samples: list[str] = []
    for table, (key, facts) in FACTS.items():
        query = f"""
            WITH differing AS (
                SELECT CASE WHEN old.id IS NULL THEN 'added' WHEN new.id IS NULL THEN 'removed' ELSE 'changed' END
                       AS change, {key}, old, new
                FROM before_{table} AS old FULL JOIN {table} AS new USING ({key})
                WHERE ({_of("old", facts)}) IS DISTINCT FROM ({_of("new", facts)})),
            counted AS (
                SELECT *, count(*) OVER (PARTITION BY change) AS count,
                       row_number() OVER (PARTITION BY change ORDER BY {key}) AS row
                FROM differing)
            SELECT change, count, to_jsonb(old) - 'observed_at', to_jsonb(new) - 'observed_at' FROM counted
            WHERE row <= %s ORDER BY change, row"""
        rows[table] = {"added": 0, "changed": 0, "removed": 0}
        async with connection.cursor() as cursor:
            await cursor.execute(query, (SAMPLES,))
            async for change, count, old, new in cursor:
                rows[table][change] = count
                samples.append(_sample(table, change, old, new))
    return rows, samples


def _of(row: LiteralString, columns: LiteralString) -> LiteralString:
    return ", ".join(f"{row}.{column.strip()}" for column in columns.split(","))


def _sample(table: str, change: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
    shown = new or old or {}
    name = " ".join(str(shown[key]) for key in NAMED_BY if key in shown)
    if not (old and new):
        return f"{table} {name}: {change}"
    differing = [f"{key} {old[key]!r} -> {new[key]!r}" for key in new if old.get(key) != new[key]]
    return f"{table} {name}: {', '.join(differing)}"
