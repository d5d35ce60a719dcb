"""What a licensed source and another one say differently, by column, and the horses that are kept apart."""

from dataclasses import dataclass
from typing import LiteralString

from collector.storage.reader import Reader
from collector.web.horse.facts import Row

EXAMPLES = 5  # of a column
MOST = 200  # horses that are kept apart

COLUMNS: LiteralString = (
    "SELECT sort, field, count(*) AS count FROM difference GROUP BY sort, field ORDER BY 3 DESC, 1, 2"
)
SOME: LiteralString = """
SELECT difference.*, COALESCE(entry.horse_name, horse.name, race.name) AS name
FROM unnest(%(sorts)s::text[], %(fields)s::text[]) AS wanted (sort, field)
CROSS JOIN LATERAL (
    SELECT * FROM difference WHERE difference.sort = wanted.sort AND difference.field = wanted.field
    ORDER BY thing DESC, runner LIMIT %(most)s) AS difference
LEFT JOIN entry ON difference.sort = 'entry' AND (entry.race_id, entry.runner) = (thing, difference.runner)
LEFT JOIN horse ON difference.sort = 'horse' AND horse.horse_id = thing
LEFT JOIN race ON difference.sort = 'race' AND race.race_id = thing
"""
APART: LiteralString = """
SELECT kept_apart.*, horse.name FROM kept_apart LEFT JOIN horse USING (horse_id) ORDER BY horse_id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Differing:
    """Columns, the one with the most differences first, each with examples; and horses whose id is not believed."""

    columns: list[tuple[Row, list[Row]]]
    apart: list[Row]


async def differing(reader: Reader) -> Differing:
    """What differs, the newest races first.

    Raises:
        TryLater: the database cannot be reached.
    """
    columns = await reader.rows(COLUMNS)
    names = {"sorts": [row["sort"] for row in columns], "fields": [row["field"] for row in columns]}
    examples = dict[tuple[str, str], list[Row]]()
    for row in await reader.rows(SOME, names | {"most": EXAMPLES}):
        examples.setdefault((row["sort"], row["field"]), []).append(row)
    shown = [(row, examples.get((row["sort"], row["field"]), [])) for row in columns]
    return Differing(shown, await reader.rows(APART, {"most": MOST}))
