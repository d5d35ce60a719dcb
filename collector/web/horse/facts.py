"""What the pages of a horse, a photo, a race and an issue show: read from the tables."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from collector.politeness.accepted import PERMISSIONS
from collector.sources.registry import is_own, sources
from collector.storage.photo_ids import read_photo_id
from collector.storage.racing import Axis
from collector.storage.reader import Reader

# The photo of which another one shows a copy: encoded anew, or the very same bytes on another page.
FIRST: LiteralString = """COALESCE(photo.near_duplicate_of,
    (SELECT min(same.id) FROM photo AS same WHERE same.digest = photo.digest AND same.id < photo.id))"""
# A photo with all that is known of the race it was taken for.
PHOTOS: LiteralString = f"""
SELECT photo.photo_id AS photo, photo.source || ':' || photo.issue_code AS issue, photo.source, photo.issue_code,
    photo.number,
    photo.horse_name AS printed_name, photo.horse_key, photo.race_name AS printed_race, photo.page_url, photo.image_url,
    photo.origin, photo.rights,
    photo.observed_at, photo.digest, photo.media_type, photo.width, photo.height, photo.coat, photo.comment,
    photo.distance_said, photo.claims, photo.build_tags,
    photo.trainer, photo.shot_month, photo.shot_day, photo.taken_at, photo.camera,
    photo.racecourse AS shot_at, issue.issue_date, met.horse_id, met.rule, met.race_id,
    horse.name AS horse_name, copy.photo_id AS copy_of, COALESCE(horse.name, photo.horse_name) AS name,
    COALESCE(race.name, photo.race_name) AS race,
    race.race_date, race.racecourse, race.race_number, race.name AS race_name, race.grade, race.surface, race.distance,
    race.going, entry.horse_number, entry.bracket_number, entry.jockey, entry.finish,
    entry.finish_position, entry.finish_time, entry.horse_weight, entry.horse_weight_change, entry.favorite_rank,
    entry.odds, COALESCE(entry.age, photo.age) AS age, photo.sex AS printed_sex, photo.age AS printed_age,
    photo.pedigree, met.by_hand, met.decided_at, met.certainty, met.head_turned,
    entry.sex, entry.carried_weight, entry.margin, entry.last_3f,
    entry.source_url AS entry_url, entry.observed_at AS entry_observed_at
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match AS met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN photo AS copy ON copy.id = {FIRST}
LEFT JOIN horse ON horse.horse_id = met.horse_id
LEFT JOIN race ON race.race_id = met.race_id
LEFT JOIN entry ON entry.race_id = met.race_id AND entry.horse_id = met.horse_id
"""
OF_HORSE = f"""{PHOTOS} WHERE photo.digest IS NOT NULL AND (photo.source, photo.issue_code, photo.number) IN
    (SELECT source, issue_code, number FROM photo_match WHERE horse_id = %(horse_id)s)
ORDER BY issue.issue_date, photo.taken_at NULLS FIRST, photo.photo_id"""
OF_NAME = f"""{PHOTOS} WHERE photo.digest IS NOT NULL AND photo.horse_key = %(key)s AND met.horse_id IS NULL
ORDER BY issue.issue_date, photo.photo_id"""
OF_ISSUE = f"""{PHOTOS} WHERE photo.source = %(source)s AND photo.issue_code = %(code)s
ORDER BY race.race_date NULLS LAST, met.race_id NULLS LAST, entry.horse_number NULLS LAST,
    entry.finish_position NULLS LAST, photo.taken_at NULLS FIRST, photo.number"""
OF_RACE = f"""{PHOTOS} WHERE (photo.source, photo.issue_code, photo.number) IN
    (SELECT source, issue_code, number FROM photo_match WHERE race_id = %(race_id)s)
ORDER BY entry.horse_number NULLS LAST, entry.finish_position NULLS LAST, photo.taken_at NULLS FIRST, photo.number"""
ONE = f"{PHOTOS} WHERE photo.photo_id = %(photo)s"
# An old id is of the time when there was one source: where several have it, the program's own come first.
OLD_PHOTO = """
SELECT photo_id FROM photo WHERE issue_code = %(code)s AND number = %(number)s
ORDER BY array_position(%(sources)s::text[], source), source LIMIT 1
"""
OLD_ISSUE = """
SELECT source || ':' || code AS issue FROM issue WHERE code = %(code)s
ORDER BY array_position(%(sources)s::text[], source), source LIMIT 1
"""
HORSE = """
SELECT horse_id, name, horse_key, born, sex, coat, retired, sire, dam, damsire, licensed, source_url, observed_at,
    EXISTS (SELECT FROM horse AS parent WHERE parent.name = horse.sire) AS sire_known,
    EXISTS (SELECT FROM horse AS parent WHERE parent.name = horse.dam) AS dam_known
FROM horse WHERE horse_id = %(horse_id)s
"""
# Horses of a name, and those that a photo shows under that name: a link to it leads on once its photos are matched.
BEARERS = """
SELECT horse_id, name, born FROM horse WHERE horse_key = %(key)s OR horse_id IN (
    SELECT horse_id FROM photo JOIN photo_match USING (source, issue_code, number) WHERE photo.horse_key = %(key)s)
ORDER BY horse_id
"""
ENTRIES = """
SELECT race.race_id, race_date, racecourse, race_number, race.name AS race_name, grade, surface, distance, going,
    horse_number, bracket_number, jockey, carried_weight, finish, finish_position, finish_time, margin, last_3f, odds,
    favorite_rank, horse_weight, horse_weight_change, entry.source_url, entry.observed_at
FROM entry JOIN race USING (race_id) WHERE horse_id = %(horse_id)s ORDER BY race_date DESC, race_id DESC
"""
APTITUDES = """
SELECT axis, value, reviews, evidence, left_px, right_px, observed_at, source_url FROM aptitude
WHERE horse_id = %(horse_id)s ORDER BY axis, observed_at
"""
LABELS = """
SELECT axis, definition, value, variance, reliability, n, metres, computed_at FROM horse_label
WHERE horse_id = %(horse_id)s ORDER BY axis, definition
"""
FOLLOWED = "SELECT followed_at FROM followed WHERE horse_id = %(horse_id)s"
RACE = """
SELECT race_id, race_date, racecourse, meeting_number, meeting_day, race_number, name, grade, race_class, conditions,
    surface, direction, course, distance, weather, going, start_time, licensed, source_url,
    observed_at
FROM race WHERE race_id = %(race_id)s
"""
FIELD = """
SELECT horse_id, horse_name, bracket_number, horse_number, sex, age, carried_weight, jockey, trainer, finish,
    finish_position, finish_time, margin, last_3f, odds, favorite_rank, horse_weight, horse_weight_change
FROM entry WHERE race_id = %(race_id)s ORDER BY horse_number NULLS LAST, finish_position NULLS LAST, horse_id
"""
ISSUE = """
SELECT source || ':' || code AS issue, source, code, issue_date, race_days, source_url, observed_at,
    source || ':' || before AS before, source || ':' || after AS after
FROM (SELECT *, lag(code) OVER dated AS before, lead(code) OVER dated AS after FROM issue WHERE source = %(source)s
      WINDOW dated AS (ORDER BY issue_date, code)) AS issue
WHERE code = %(code)s
"""
ISSUES = """
SELECT issue.source || ':' || code AS issue, code, issue_date, count(photo.digest) AS photos FROM issue
LEFT JOIN photo ON photo.source = issue.source AND photo.issue_code = issue.code
WHERE (%(year)s::int IS NULL OR extract(year FROM issue_date) = %(year)s)
GROUP BY issue.id ORDER BY issue_date DESC, code DESC, issue.source LIMIT %(most)s
"""
MOST_ISSUES = 3000  # more than a magazine of sixty years has
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What reviewers thought of a horse at a time."""

    value: float | None  # 0 .. 1; None: no label
    reviews: int | None
    evidence: str | None  # why there is no label
    at: datetime
    source_url: str
    left_px: int
    right_px: int


@dataclass(frozen=True, slots=True)
class HorseFacts:
    """All that is known of a horse; or of a name on photos whose horse is open."""

    name: str
    horse: Row | None  # None: a name
    photos: list[Row]  # by time
    entries: list[Row]  # the newest first
    opinions: dict[Axis, list[Opinion]]  # by time; an axis that was never asked for is missing
    labels: list[Row] = field(default_factory=list)  # by definitions other than the poll
    bearers: list[Row] = field(default_factory=list)  # horses of that name, where it is a name
    stated: bool = False  # photos state its id, and nothing else is known of it
    followed_at: datetime | None = None  # None: nobody follows it

    @property
    def horse_id(self) -> str | None:
        """Its id; None: a name."""
        return self.horse["horse_id"] if self.horse else self.photos[0]["horse_id"] if self.stated else None


async def horse_facts(reader: Reader, horse_id: str) -> HorseFacts | None:
    """All that is known of a horse.

    Raises:
        TryLater: the database cannot be reached.
    """
    values = {"horse_id": horse_id}
    found, photos = await reader.rows(HORSE, values), await reader.rows(OF_HORSE, values)
    followed = await reader.rows(FOLLOWED, values)
    followed_at = followed[0]["followed_at"] if followed else None
    if not found:
        if not photos:
            return None
        return HorseFacts(photos[0]["name"], None, photos, [], {}, stated=True, followed_at=followed_at)
    return HorseFacts(
        found[0]["name"],
        found[0],
        photos,
        await reader.rows(ENTRIES, values),
        _opinions(await reader.rows(APTITUDES, values)),
        await reader.rows(LABELS, values),
        followed_at=followed_at,
    )


async def name_facts(reader: Reader, key: str) -> HorseFacts | None:
    """The photos of a name whose horse is open, and the horses that bear it.

    Raises:
        TryLater: the database cannot be reached.
    """
    photos = await reader.rows(OF_NAME, {"key": key})
    bearers = await reader.rows(BEARERS, {"key": key})
    if not photos and not bearers:
        return None
    return HorseFacts(photos[0]["printed_name"] if photos else key, None, photos, [], {}, bearers=bearers)


def _opinions(rows: list[Row]) -> dict[Axis, list[Opinion]]:
    opinions: dict[str, list[Opinion]] = {}
    for row in rows:
        names = ("value", "reviews", "evidence", "observed_at", "source_url", "left_px", "right_px")
        opinions.setdefault(row["axis"], []).append(Opinion(*(row[name] for name in names)))
    return {axis: opinions[axis] for axis in Axis if axis in opinions}  # one of a later version is passed over


async def photo_facts(reader: Reader, photo: str) -> Row | None:
    """What is known of a photo, by its id; an old id is understood.

    Raises:
        TryLater: the database cannot be reached.
    """
    name = await current_photo_id(reader, photo)
    rows = await reader.rows(ONE, {"photo": name}) if name else []
    if not rows:
        return None
    permissions = {row["source"]: row["permission"] for row in await reader.rows(PERMISSIONS)}
    return rows[0] | {"permitted": permissions.get(rows[0]["source"])}


async def current_photo_id(reader: Reader, text: str) -> str | None:
    """The id of the photo that a text names, by its id or by an old one; None where it names none."""
    key = read_photo_id(text)
    if key is None or key.source:
        return text if key else None
    rows = await reader.rows(OLD_PHOTO, {"code": key.code, "number": key.number, "sources": list(sources())})
    return rows[0]["photo_id"] if rows else None


async def current_issue_id(reader: Reader, code: str) -> str | None:
    """The id of the issue that an old one means."""
    rows = await reader.rows(OLD_ISSUE, {"code": code, "sources": list(sources())})
    return rows[0]["issue"] if rows else None


@dataclass(frozen=True, slots=True)
class RaceFacts:
    """A race, its field in draw order, and the photos of its horses."""

    race: Row
    field: list[Row]
    photos: list[Row]


async def race_facts(reader: Reader, race_id: str) -> RaceFacts | None:
    """All that is known of a race.

    Raises:
        TryLater: the database cannot be reached.
    """
    values = {"race_id": race_id}
    found = await reader.rows(RACE, values)
    if not found:
        return None
    return RaceFacts(found[0], await reader.rows(FIELD, values), await reader.rows(OF_RACE, values))


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """A back number and its photos, race by race in draw order."""

    issue: Row
    photos: list[Row]

    @property
    def published(self) -> bool:
        """Whether its source is a site that shows it."""
        return not is_own(self.issue["source"])


async def issue_facts(reader: Reader, issue: str) -> IssueFacts | None:
    """All that is known of a back number.

    Raises:
        TryLater: the database cannot be reached.
    """
    source, _, code = issue.partition(":")
    values = {"source": source, "code": code}
    found = await reader.rows(ISSUE, values)
    return IssueFacts(found[0], await reader.rows(OF_ISSUE, values)) if found else None


async def issues(reader: Reader, year: int | None, most: int) -> list[Row]:
    """The back numbers, of a year or of all, the newest first.

    Raises:
        TryLater: the database cannot be reached.
    """
    return await reader.rows(ISSUES, {"year": year, "most": most})
