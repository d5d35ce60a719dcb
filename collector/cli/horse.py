"""One horse: which one a person means, by id, name or a part of it in any script; what is known of it, and how opinion
of it moved.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from rich.console import Console
from rich.table import Column, Table

from collector.codes import MatchRule, Said
from collector.console.code_words import describe, describe_claim
from collector.console.typed import half_width
from collector.console.wording import JST, counted
from collector.errors import UsageError
from collector.politeness.gate import Connection
from collector.remarks.build import tag_in_words
from collector.storage.racing import Axis
from collector.web.search.names import as_key, read_name, spelt_with
from collector.web.search.statements import AS_WRITTEN

HORSE = "SELECT horse_id, name, born, sex, coat, retired, sire, dam, damsire FROM horse WHERE horse_id = %s"
ENTRIES = """
SELECT race_date, racecourse, race.name, grade, surface, distance, going, horse_number, finish, finish_position,
       finish_time, horse_weight, race_id
FROM entry JOIN race USING (race_id) WHERE horse_id = %s ORDER BY race_date, race_id
"""
PHOTOS = """
SELECT photo_id, COALESCE(race_name, race.name), race_id, rule, page_url, digest IS NOT NULL, origin, rights,
       comment, distance_said, claims, build_tags
FROM photo JOIN photo_match USING (source, issue_code, number) LEFT JOIN race USING (race_id)
WHERE horse_id = %s ORDER BY issue_code, photo_id
"""
OPINIONS = """
SELECT axis, observed_at, left_px, right_px, value, reviews, evidence, source_url FROM aptitude
WHERE horse_id = %s ORDER BY axis, observed_at
"""
LABELS = """
SELECT axis, definition, value, variance, reliability, n, metres, evidence, computed_at FROM horse_label
WHERE horse_id = %s ORDER BY axis, definition
"""
ENDS = {
    Axis.SURFACE: ("turf", "dirt"),
    Axis.DISTANCE: ("short", "long"),
    Axis.RUNNING_STYLE: ("front", "behind"),
    Axis.MATURITY: ("early", "late"),
    Axis.WET_GOING: ("good in the wet", "bad in the wet"),
}
WIDTH = 40  # characters of the plot
MOST_NAMED = 20  # horses that a sentence lists
WHOLE: LiteralString = "horse_id = %(word)s OR horse_key = %(key)s"
PART: LiteralString = "horse_key LIKE %(part)s"
AMONG: LiteralString = "horse_key = ANY (%(keys)s)"
FIND: LiteralString = "SELECT horse_id, name, born FROM horse WHERE {which} ORDER BY horse_key, born, horse_id"


def check_word(word: str | None) -> None:
    """Refuse a word that names nothing, before anything is looked up.

    Raises:
        UsageError: the word is there and empty.
    """
    if word is not None and not word.strip():
        raise UsageError("Which horse? Give its name, a part of it, or its id.")


async def find_horses(connection: Connection, word: str) -> list[str]:
    """The ids of the horses that a person means: those of this id or name, else the only one whose name holds it.

    Raises:
        UsageError: nothing is named, there is none, or several names hold it; they are listed.
    """
    check_word(word)
    found = await _rows(connection, WHOLE, {"word": half_width(word), "key": as_key(word)})
    if found:
        return [row[0] for row in found]
    found = await _of_part(connection, word)
    if not found:
        raise UsageError(f"No horse {word} is known; horses come with the races: run `collector crawl` first.")
    if len(found) > 1:
        named = [f"{name} ({horse_id}{f', born {born}' if born else ''})" for horse_id, name, born in found]
        named[MOST_NAMED:] = [f"{len(named) - MOST_NAMED} more"] if len(named) > MOST_NAMED else []
        raise UsageError(
            f"{counted(len(found), 'horse')} have {word} in their names; give one of them: {', '.join(named)}."
        )
    return [found[0][0]]


async def _of_part(connection: Connection, word: str) -> list[tuple[Any, ...]]:
    typed = read_name(word)
    if typed is None:
        return []
    if not typed.latin:
        return await _rows(connection, PART, {"part": f"%{typed.part.translate(AS_WRITTEN)}%"})
    keys = [row[0] for row in await (await connection.execute("SELECT DISTINCT horse_key FROM horse")).fetchall()]
    return await _rows(connection, AMONG, {"keys": spelt_with(keys, typed.part)})


async def _rows(connection: Connection, which: LiteralString, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    return await (await connection.execute(FIND.format(which=which), facts)).fetchall()


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
    photo_names = (
        "photo", "race_name", "race_id", "rule", "page_url", "held", "origin", "rights", "comment", "distance_said",
        "claims", "build_tags",
    )  # fmt: skip
    opinion = ("axis", "observed_at", "left_px", "right_px", "value", "reviews", "evidence", "source_url")
    label = ("axis", "definition", "value", "variance", "reliability", "n", "metres", "evidence", "computed_at")
    return horse | {
        "entries": await rows(ENTRIES, entry),
        "photos": [
            photo
            | {
                "how": describe(MatchRule, photo["rule"]),
                "claims": [claim | {"words": describe_claim(claim)} for claim in photo["claims"]],
            }
            for photo in await rows(PHOTOS, photo_names)
        ],
        "aptitudes": await rows(OPINIONS, opinion),
        "labels": await rows(LABELS, label),
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
    if remarked := [photo for photo in facts["photos"] if photo["comment"]]:
        console.print(_remarks(remarked))
    for row in facts["labels"]:
        console.print(_label(row), highlight=False, soft_wrap=True)
    if not facts["aptitudes"]:
        console.print("No aptitude yet: `collector refresh-labels` asks for it.")
        return
    for axis in Axis:
        history = [row for row in facts["aptitudes"] if row["axis"] == axis]
        for line in plot(axis, history) if history else ():
            console.print(line, highlight=False, soft_wrap=True)


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
    columns = ("photo", "taken for", "found by", Column("from", overflow="fold"))  # a cut address is of no use
    table = Table(*columns, title="Photos", title_justify="left", box=None)
    for row in photos:
        table.add_row(row["photo"], row["race_name"] or "-", row["how"], row["origin"] or row["page_url"])
    return table


def _remarks(photos: list[dict[str, Any]]) -> Table:
    """What is written beside photos, each with what was read from it below."""
    table = Table("photo", Column("remark", overflow="fold"), title="Remarks", title_justify="left", box=None)
    for row in photos:
        read = [*(claim["words"] for claim in row["claims"]), *(tag_in_words(one["tag"]) for one in row["build_tags"])]
        if row["distance_said"] == Said.NOT_UNDERSTOOD:
            read.append(describe(Said, row["distance_said"]))
        table.add_row(row["photo"], row["comment"])
        table.add_row("", f"→ {'; '.join(read)}" if read else "")
    return table


def _label(row: dict[str, Any]) -> str:
    """A label by another definition than the poll, in a line."""
    metres = f" ({row['metres']:,.0f} m)" if row["metres"] else ""
    said = [counted(row["n"], "start")] if row["n"] is not None else []
    said += [f"reliability {row['reliability']:.2f}"] if row["reliability"] is not None else []
    return f"{row['axis'].replace('_', ' ')} by {row['definition']}: {row['value']:.3f}{metres}  {', '.join(said)}"


def plot(axis: Axis, history: list[dict[str, Any]]) -> list[str]:
    """One axis over time: a line a change, the value where it stands between the two ends."""
    left, right = ENDS[axis]
    lines = [f"{axis.replace('_', ' ')}: {left} (0) to {right} (1)"]
    for row in history:
        day = f"  {row['observed_at'].astimezone(JST):%Y-%m-%d}  "
        if row["value"] is None:
            lines.append(f"{day}{'·' * WIDTH}  no label: {row['evidence']}")
            continue
        at = min(WIDTH - 1, int(row["value"] * WIDTH))
        reviews = f"  {counted(row['reviews'], 'review')}" if row["reviews"] is not None else ""
        lines.append(f"{day}{'─' * at}●{'─' * (WIDTH - 1 - at)}  {row['value']:.3f}{reviews}")
    return lines
