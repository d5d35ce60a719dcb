"""What is new of the horses that are followed: read from the tables, and made into one list by a pure function."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import LiteralString

from collector.console.wording import JST
from collector.sources.registry import is_own
from collector.storage.reader import Reader
from collector.web.horse.facts import Row

SPAN = timedelta(days=14)  # that the feed looks back, unless something else is asked for
MOST = 200  # pieces of news, and of each kind
RACE: LiteralString = "race.race_id, race.race_date, race.racecourse, race.race_number, race.name AS race_name"
# A copy is not news. A photo is news when it came in, or when its horse was found, whichever was later.
PHOTOS: LiteralString = f"""
SELECT GREATEST(photo.observed_at, met.decided_at) AS at, horse_id, horse.name, photo.horse_name AS printed_name,
    photo.photo_id AS photo, photo.source, photo.page_url AS source_url, photo.race_name AS printed_race,
    issue.issue_date, photo.taken_at, {RACE}
FROM photo_match AS met JOIN photo USING (source, issue_code, number)
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN horse USING (horse_id) LEFT JOIN race ON race.race_id = met.race_id
WHERE met.horse_id = ANY (%(horses)s) AND photo.digest IS NOT NULL AND photo.near_duplicate_of IS NULL
    AND GREATEST(photo.observed_at, met.decided_at) >= %(since)s
ORDER BY at DESC, photo LIMIT %(most)s
"""
# Of a race that has been run there is nothing to come; who does not start is said until then.
ENTRIES: LiteralString = f"""
SELECT entry.observed_at AS at, horse_id, horse.name, entry.horse_name AS printed_name, entry.horse_number,
    entry.jockey, entry.finish, entry.source_url, race.surface, race.distance, race.start_time, {RACE}
FROM entry JOIN race USING (race_id) LEFT JOIN horse USING (horse_id)
WHERE entry.horse_id = ANY (%(horses)s) AND race.race_date >= %(today)s
    AND (entry.finish IS NULL OR entry.finish IN ('scratched', 'excluded'))
ORDER BY race.race_date, race.race_id, entry.id LIMIT %(most)s
"""
# A bar may move without moving the value: opinion has not changed then. No axis has more than one row a moment.
OPINIONS: LiteralString = """
SELECT now.observed_at AS at, horse_id, horse.name, now.axis, now.value, before.value AS old_value, now.reviews,
    now.source_url
FROM aptitude AS now LEFT JOIN horse USING (horse_id)
LEFT JOIN LATERAL (
    SELECT value FROM aptitude AS earlier WHERE (earlier.horse_id, earlier.axis) = (now.horse_id, now.axis)
    AND earlier.observed_at < now.observed_at ORDER BY earlier.observed_at DESC LIMIT 1) AS before ON true
WHERE now.horse_id = ANY (%(horses)s) AND now.observed_at >= %(since)s AND now.value IS DISTINCT FROM before.value
ORDER BY at DESC, horse_id, now.axis LIMIT 5 * %(most)s
"""
# Their ids go into the other statements as values: how many they are decides how Postgres reads the large tables.
FOLLOWED: LiteralString = "SELECT horse_id, followed_at FROM followed"


class NewsKind(StrEnum):
    """What sort of news it is."""

    PHOTO = "photo"
    ENTRY = "entry"  # a race to come
    OPINION = "opinion"  # on one axis or several


@dataclass(frozen=True, slots=True)
class News:
    """Something that is new of a horse. Nobody's remark is in it, and no picture."""

    kind: NewsKind
    key: str  # that stays: what the news is about
    at: datetime  # when it came in, or changed last
    horse_id: str
    name: str
    path: str  # of the page that shows it
    source_url: str | None  # where it was published; None: a person's own photo
    facts: Sequence[Row]  # the rows behind it: one, or one an axis

    def as_json(self) -> Row:
        """As `--json` prints it."""
        left_out = {"at", "horse_id", "name", "printed_name", "source", "source_url"}
        facts = [{key: value for key, value in row.items() if key not in left_out} for row in self.facts]
        known = {"kind": self.kind, "at": self.at, "horse_id": self.horse_id, "name": self.name}
        known |= {"path": self.path, "source_url": self.source_url}
        return known | ({"axes": facts} if self.kind is NewsKind.OPINION else facts[0])


@dataclass(frozen=True, slots=True)
class Feed:
    """All that is new, and since when there has been something to follow."""

    news: list[News]  # the newest first
    followed_at: datetime | None  # when a horse was followed last; None: none is followed


async def recent(reader: Reader) -> Feed:
    """What is new by now.

    Raises:
        TryLater: the database cannot be reached.
    """
    now = datetime.now(UTC)
    return await read_feed(reader, now - SPAN, now.astimezone(JST).date())


async def read_feed(reader: Reader, since: datetime, today: date, most: int = MOST) -> Feed:
    """What is new of the followed horses since a moment, and their entries from a day on.

    Raises:
        TryLater: the database cannot be reached.
    """
    followed = await reader.rows(FOLLOWED)
    if not followed:
        return Feed([], None)
    values = {"horses": [row["horse_id"] for row in followed], "since": since, "today": today, "most": most}
    followed_at = max(row["followed_at"] for row in followed)
    photos, entries = await reader.rows(PHOTOS, values), await reader.rows(ENTRIES, values)
    return Feed(news_of(photos, entries, await reader.rows(OPINIONS, values))[:most], followed_at)


def news_of(photos: Sequence[Row], entries: Sequence[Row], opinions: Sequence[Row]) -> list[News]:
    """The news that rows come to, the newest first; opinions of one horse and moment are one piece of news. Pure."""
    found = [_news(NewsKind.PHOTO, row["photo"], f"/photos/{row['photo']}", [row]) for row in photos]
    found += [
        _news(NewsKind.ENTRY, f"{row['race_id']}/{row['horse_id']}", f"/races/{row['race_id']}", [row])
        for row in entries
    ]
    for (horse_id, at), rows in groupby(sorted(opinions, key=_moment_of), _moment_of):
        found.append(_news(NewsKind.OPINION, f"{horse_id}/{at.timestamp():.6f}", f"/horses/{horse_id}", list(rows)))
    return sorted(found, key=lambda news: (news.at, news.key), reverse=True)


def _moment_of(row: Row) -> tuple[str, datetime]:
    return row["horse_id"], row["at"]


def _news(kind: NewsKind, key: str, path: str, rows: list[Row]) -> News:
    first = rows[0]
    address = None if is_own(first.get("source", "")) else first["source_url"]
    name = first["name"] or first.get("printed_name") or first["horse_id"]
    return News(kind, key, first["at"], first["horse_id"], name, path, address, rows)
