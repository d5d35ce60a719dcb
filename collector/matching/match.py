"""Matches photos with horses in the database: reads what `rules.decide` needs, and keeps its decisions."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from collector.codes import MatchRule
from collector.console.code_words import describe
from collector.matching.camera import place_photos
from collector.matching.rules import Decision, PhotoFacts, Runner, days_of, decide
from collector.matching.walks import align_walks
from collector.politeness.gate import Connection
from collector.sources.text_tools.text import horse_key

# An issue whose races are not in the database can be matched only where photos state their horses' ids.
ISSUES = """
SELECT source, code, issue_date, race_days FROM issue
WHERE (EXISTS (SELECT FROM race WHERE race_date BETWEEN issue_date - 4 AND issue_date) OR EXISTS (
    SELECT FROM photo WHERE photo.source = issue.source AND issue_code = code AND stated_horse_id IS NOT NULL))
AND (%(again)s OR EXISTS (
    SELECT FROM photo LEFT JOIN photo_match AS met USING (source, issue_code, number)
    WHERE photo.source = issue.source AND issue_code = code AND met.horse_id IS NULL AND horse_key IS NOT NULL))
AND (%(source)s::text IS NULL OR (source, code) = (%(source)s, %(code)s))
ORDER BY issue_date
"""
PHOTOS = """
SELECT number, horse_key, listed_name, race_name, age, sex, stated_horse_id, stated_race_id FROM photo
WHERE source = %s AND issue_code = %s AND horse_key IS NOT NULL ORDER BY number
"""
RUNNERS = """
SELECT horse_id, horse_key, race_id, race.name, age, sex FROM entry JOIN race USING (race_id)
WHERE race_date = ANY (%s) ORDER BY race_id, horse_id
"""
UNREAD = """
SELECT EXISTS (SELECT FROM unnest(%(days)s::date[]) AS day WHERE NOT EXISTS (
           SELECT FROM page WHERE role = 'race_day' AND dated = day AND state IN ('fetched', 'gone')))
    OR EXISTS (SELECT FROM page WHERE role = 'result' AND dated = ANY (%(days)s) AND state IN ('due', 'failed'))
"""
# A horse's id begins with its year of birth. Ids with letters are of horses from abroad: they do not show the age.
KNOWN = """
SELECT horse_id FROM horse WHERE horse_key = ANY (%(keys)s)
AND (%(age)s::int IS NULL OR horse_id !~ '^[0-9]{10}$' OR left(horse_id, 4)::int = %(year)s - %(age)s)
ORDER BY horse_id
"""
SEARCHES = """
SELECT about FROM page WHERE role = 'horse_search' AND about IS NOT NULL
GROUP BY about HAVING bool_and(state IN ('fetched', 'gone'))
"""
KEEP = """
INSERT INTO photo_match AS held (source, issue_code, number, horse_id, race_id, rule, candidates, decided_at)
VALUES (%(source)s, %(issue_code)s, %(number)s, %(horse_id)s, %(race_id)s, %(rule)s, %(candidates)s, clock_timestamp())
ON CONFLICT (source, issue_code, number) DO UPDATE SET horse_id = EXCLUDED.horse_id, race_id = EXCLUDED.race_id,
    rule = EXCLUDED.rule, candidates = EXCLUDED.candidates, decided_at = EXCLUDED.decided_at
WHERE NOT held.by_hand AND (held.horse_id, held.race_id, held.rule, held.candidates)
      IS DISTINCT FROM (EXCLUDED.horse_id, EXCLUDED.race_id, EXCLUDED.rule, EXCLUDED.candidates)
"""
COUNTS = """
SELECT count(*) FILTER (WHERE horse_id IS NOT NULL), count(*) FILTER (WHERE race_id IS NOT NULL),
       count(*) FILTER (WHERE horse_id IS NULL AND NOT by_hand), count(*) FILTER (WHERE by_hand)
FROM photo JOIN photo_match USING (source, issue_code, number)
"""
OPEN = """
SELECT photo_id, issue_code, number, horse_name, race_name, rule, candidates, page_url
FROM photo JOIN photo_match USING (source, issue_code, number)
WHERE horse_id IS NULL AND NOT by_hand ORDER BY issue_code, photo_id
"""


@dataclass(frozen=True, slots=True)
class Matched:
    """How many photos are matched, and how many are open."""

    horses: int  # photos whose horse is known
    races: int  # photos whose horse and race are known
    open: int
    by_hand: int

    def as_json(self) -> dict[str, int]:
        return {"matched": self.horses, "with_race": self.races, "open": self.open, "by_hand": self.by_hand}


async def match_photos(connection: Connection, *, again: bool = False) -> Matched:
    """Match the photos that are open; with `again`, all photos but those decided by hand."""
    await _match_issues(connection, {"again": again, "source": None, "code": None})
    await place_photos(connection)
    await align_walks(connection)
    row = await (await connection.execute(COUNTS)).fetchone()
    assert row is not None
    return Matched(*row)


async def match_issue(connection: Connection, source: str, code: str) -> None:
    """Match the photos of one issue anew, but those decided by hand."""
    await _match_issues(connection, {"again": True, "source": source, "code": code})


async def _match_issues(connection: Connection, which: dict[str, Any]) -> None:
    issues = await (await connection.execute(ISSUES, which)).fetchall()
    looked_up = await _looked_up(connection) if issues else set[str]()
    for source, code, issue_date, race_days in issues:
        await _match_issue(connection, source, code, issue_date, days_of(issue_date, race_days), looked_up)


async def _looked_up(connection: Connection) -> set[str]:
    """The names whose search is complete, to the last page of the answer."""
    return {name for (name,) in await (await connection.execute(SEARCHES)).fetchall()}


async def _match_issue(
    connection: Connection, source: str, code: str, issue_date: date, days: Sequence[date], looked_up: Set[str]
) -> None:
    photos = [_facts_of(row) for row in await (await connection.execute(PHOTOS, (source, code))).fetchall()]
    rows = await (await connection.execute(RUNNERS, (list(days),))).fetchall()
    runners = [Runner(*row) for row in rows if row[0]]
    without_id = {row[1] for row in rows} - {runner.horse_key for runner in runners}
    unread = await (await connection.execute(UNREAD, {"days": list(days)})).fetchone()
    assert unread is not None
    decided: list[dict[str, Any]] = []
    for photo in photos:
        others = [key for other in photos if other is not photo for key in other.keys]
        known = await _known(connection, photo, issue_date.year) if looked_up >= set(photo.keys) else None
        if without_id.intersection(photo.keys):  # the horse ran, so the name is not a misprint of another one
            decision = Decision(None, None, MatchRule.NO_HORSE_ID)
        else:
            decision = decide(photo, runners, others, all_read=not unread[0], known=known)
        decided.append(_row(source, code, photo.number, decision))
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(KEEP, decided)


def _facts_of(row: Sequence[Any]) -> PhotoFacts:
    number, own_key, listed_name, *others = row
    listed = horse_key(listed_name) if listed_name else own_key
    return PhotoFacts(number, tuple(dict.fromkeys((own_key, listed))), *others)


async def _known(connection: Connection, photo: PhotoFacts, year: int) -> list[str]:
    """All horses with a photo's name and age."""
    parameters = {"keys": list(photo.keys), "age": photo.age, "year": year}
    return [row[0] for row in await (await connection.execute(KNOWN, parameters)).fetchall()]


def _row(source: str, code: str, number: int, decision: Decision) -> dict[str, Any]:
    return {
        "source": source,
        "issue_code": code,
        "number": number,
        "horse_id": decision.horse_id,
        "race_id": decision.race_id,
        "rule": decision.rule,
        "candidates": list(decision.candidates),
    }


async def open_photos(connection: Connection) -> list[dict[str, Any]]:
    """The open photos, each with its candidates (horse ids) and the reason why it is open."""
    rows = await (await connection.execute(OPEN)).fetchall()
    names = ("photo", "issue_code", "number", "horse_name", "race_name", "rule", "candidates", "page_url")
    return [dict(zip(names, row, strict=True)) | {"why": describe(MatchRule, row[5])} for row in rows]
