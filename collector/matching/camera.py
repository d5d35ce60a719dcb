"""Gives the photos of one's own camera their race: derived from their time, so that races that come later count too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, LiteralString

from collector.codes import MatchRule
from collector.console.wording import JST
from collector.matching.paddock_times import Start, race_of
from collector.matching.walks import take_walks
from collector.politeness.gate import Connection

# Of photos whose horse nobody has named; a person's decision stays, and so does a horse that was found by others.
UNNAMED: LiteralString = """
SELECT photo.source, photo.issue_code, photo.number, photo.taken_at, photo.racecourse, met.race_id, met.rule
FROM photo LEFT JOIN photo_match AS met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
WHERE photo.taken_at IS NOT NULL AND photo.horse_key IS NULL AND met.by_hand IS NOT TRUE
AND (met.horse_id IS NULL OR met.rule = 'walk')
ORDER BY photo.id
"""
STARTS: LiteralString = """
SELECT race_id, racecourse, (race_date + start_time) AT TIME ZONE 'Asia/Tokyo' FROM race
WHERE race_date = ANY (%s) AND start_time IS NOT NULL ORDER BY race_id
"""
KEEP: LiteralString = """
INSERT INTO photo_match AS held (source, issue_code, number, race_id, rule, decided_at)
SELECT source, issue_code, number, race_id, rule, clock_timestamp()
FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[])
    AS new (source, issue_code, number, race_id, rule)
ON CONFLICT (source, issue_code, number) DO UPDATE SET race_id = EXCLUDED.race_id, rule = EXCLUDED.rule,
    horse_id = NULL, candidates = '{}', certainty = NULL, decided_at = EXCLUDED.decided_at
WHERE NOT held.by_hand
"""


@dataclass(slots=True)
class Starts:
    """The races of some days whose start is known, by racecourse and day."""

    of: dict[tuple[str, date], list[Start]] = field(default_factory=dict)

    @classmethod
    async def read(cls, connection: Connection, moments: Iterable[datetime]) -> "Starts":
        """Those of the days on which these moments are."""
        days = {day_of(moment) for moment in moments}
        found = cls()
        for row in await (await connection.execute(STARTS, (list(days),))).fetchall():
            start = Start(*row)
            found.of.setdefault((start.racecourse, day_of(start.at)), []).append(start)
        return found

    def at(self, racecourse: str | None, moment: datetime) -> list[Start]:
        """Those of a racecourse on the day of a moment."""
        return self.of.get((racecourse, day_of(moment)), []) if racecourse else []


def day_of(moment: datetime) -> date:
    """The day in Japan."""
    return moment.astimezone(JST).date()


async def place_photos(connection: Connection) -> None:
    """Give each photo whose horse is not named the race whose paddock it was, as far as races are known."""
    rows = await (await connection.execute(UNNAMED)).fetchall()
    starts = await Starts.read(connection, (row[3] for row in rows))
    placed = [(row, _race_of(row, starts)) for row in rows]
    if changed := [(row, race_id) for row, race_id in placed if row[6] is None or race_id != row[5]]:
        columns = zip(*((*row[:3], race_id, MatchRule.NOT_NAMED) for row, race_id in changed), strict=True)
        async with connection.transaction():
            await take_walks(connection, (row[5] for row, _ in changed if row[5]))
            await connection.execute(KEEP, [list(column) for column in columns])


def _race_of(row: Sequence[Any], starts: Starts) -> str | None:
    start = race_of(row[3], row[4], starts.at(row[4], row[3]))
    return start.race_id if start else None
