"""`collector horse`: what is known of one horse, and how opinion of it moved."""

from collections.abc import Sequence
from typing import Any, LiteralString

from rich.console import Console
from rich.table import Column, Table

from collector.console import JST
from collector.politeness import Connection
from collector.racing import Axis

HORSE = "SELECT horse_id, name, born, sex, coat, retired, sire, dam, damsire FROM horse WHERE horse_id = %s"
ENTRIES = """
SELECT race_date, racecourse, race.name, grade, surface, distance, going, horse_number, finish, finish_position,
       finish_time, horse_weight, race_id
FROM entry JOIN race USING (race_id) WHERE horse_id = %s ORDER BY race_date, race_id
"""
PHOTOS = """
SELECT issue_code || '-' || lpad(number::text, 2, '0'), race_name, race_id, rule, page_url, digest IS NOT NULL
FROM photo JOIN photo_match USING (source, issue_code, number) WHERE horse_id = %s ORDER BY issue_code, number
"""
OPINIONS = """
SELECT axis, observed_at, left_px, right_px, value, reviews, evidence, source_url FROM aptitude
WHERE horse_id = %s ORDER BY axis, observed_at
"""
ENDS = {
    Axis.SURFACE: ("turf", "dirt"),
    Axis.DISTANCE: ("short", "long"),
    Axis.RUNNING_STYLE: ("front", "behind"),
    Axis.MATURITY: ("early", "late"),
    Axis.WET_GOING: ("good in the wet", "bad in the wet"),
}
WIDTH = 40  # characters of the plot


async def about(connection: Connection, horse_id: str) -> dict[str, Any]:
    """Everything known of a horse, as `--json` prints it."""

    async def rows(query: LiteralString, names: Sequence[str]) -> list[dict[str, Any]]:
        found = await (await connection.execute(query, (horse_id,))).fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]

    names = ("horse_id", "name", "born", "sex", "coat", "retired", "sire", "dam", "damsire")
    (horse,) = await rows(HORSE, names)
    entry = (
        "race_date", "racecourse", "race", "grade", "surface", "distance_m", "going", "horse_number", "finish",
        "finish_position", "finish_time_s", "horse_weight_kg", "race_id",
    )  # fmt: skip
    opinion = ("axis", "observed_at", "left_px", "right_px", "value", "reviews", "evidence", "source_url")
    return horse | {
        "entries": await rows(ENTRIES, entry),
        "photos": await rows(PHOTOS, ("photo", "race_name", "race_id", "rule", "page_url", "held")),
        "aptitudes": await rows(OPINIONS, opinion),
    }


def print_horse(console: Console, facts: dict[str, Any]) -> None:
    """The same for a person: two tables, and a line for each axis."""
    said = [facts["sex"], f"born {facts['born']}" if facts["born"] else None, facts["coat"]]
    said += [f"by {facts['sire']} out of {facts['dam']}" if facts["sire"] and facts["dam"] else None]
    said += ["retired" if facts["retired"] else None]
    console.print(f"{facts['name']} ({facts['horse_id']})  {', '.join(filter(None, said))}")
    if facts["entries"]:
        console.print(_entries(facts["entries"]))
    if facts["photos"]:
        console.print(_photos(facts["photos"]))
    if not facts["aptitudes"]:
        console.print("No aptitude yet: `collector refresh-labels` asks for it.")
        return
    for axis in Axis:
        history = [row for row in facts["aptitudes"] if row["axis"] == axis]
        if history:
            console.print(plot(axis, history), highlight=False, soft_wrap=True)


def _entries(entries: list[dict[str, Any]]) -> Table:
    table = Table(
        "date", "race", "distance", "number", "place", "weight", title="Entries", title_justify="left", box=None
    )
    for row in entries:
        grade = f" ({row['grade']})" if row["grade"] and not row["race"].endswith(")") else ""  # as printed, mostly
        place = row["finish_position"] or row["finish"] or "-"
        weight = f"{row['horse_weight_kg']} kg" if row["horse_weight_kg"] else "-"
        distance = f"{row['surface'] or ''} {row['distance_m']} m".strip()
        race = f"{row['racecourse']} {row['race']}{grade}"
        table.add_row(str(row["race_date"]), race, distance, str(row["horse_number"] or "-"), str(place), weight)
    return table


def _photos(photos: list[dict[str, Any]]) -> Table:
    columns = ("photo", "taken for", "found by", Column("page", overflow="fold"))  # an address is no good when cut
    table = Table(*columns, title="Photos", title_justify="left", box=None)
    for row in photos:
        table.add_row(row["photo"], row["race_name"] or "-", row["rule"], row["page_url"])
    return table


def plot(axis: Axis, history: list[dict[str, Any]]) -> str:
    """One axis over time: a line a change, the value where it stands between the two ends."""
    left, right = ENDS[axis]
    lines = [f"{axis.replace('_', ' ')}: {left} (0) to {right} (1)"]
    for row in history:
        day = f"  {row['observed_at'].astimezone(JST):%Y-%m-%d}  "
        if row["value"] is None:
            lines.append(f"{day}{'·' * WIDTH}  no label: {row['evidence']}")
            continue
        at = min(WIDTH - 1, int(row["value"] * WIDTH))
        reviews = f"  {row['reviews']} reviews" if row["reviews"] is not None else ""
        lines.append(f"{day}{'─' * at}●{'─' * (WIDTH - 1 - at)}  {row['value']:.3f}{reviews}")
    return "\n".join(lines)
