"""What the API tells of photos, horses, races and issues: rows become JSON, with units in the names. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from yarl import URL

from collector.codes import MatchRule
from collector.console.catalogue import PAGES
from collector.console.code_words import describe
from collector.storage.racing import Axis
from collector.web.horse.facts import HorseFacts, IssueFacts, Opinion, RaceFacts, Row
from collector.web.search.query import Query
from collector.web.search.results import MOST_COUNTED, Found, Group, Suggestion
from collector.web.server.addresses import host_of

Json = dict[str, Any]
WIDTH = 640  # px of the picture that is named beside a photo
JAPAN = ZoneInfo("Asia/Tokyo")
# What may be done with a photo, as every page says it.
PERMISSION: Json = {"private_study": True, "publish": False, "pass_on": False, "words": PAGES.read("en")["owners"]}

# Name here -> name of the column.
RACE = {
    "race_id": "race_id", "date": "race_date", "racecourse": "racecourse", "race_number": "race_number",
    "grade": "grade", "surface": "surface", "distance_m": "distance", "going": "going",
}  # fmt: skip
RESULT = {
    "bracket_number": "bracket_number", "horse_number": "horse_number", "carried_weight_kg": "carried_weight",
    "jockey": "jockey", "finish": "finish", "finish_position": "finish_position", "finish_time_s": "finish_time",
    "margin": "margin", "last_3f_s": "last_3f", "odds": "odds", "favorite_rank": "favorite_rank",
    "horse_weight_kg": "horse_weight", "horse_weight_change_kg": "horse_weight_change",
}  # fmt: skip
HORSE = ("horse_id", "name", "born", "sex", "coat", "retired", "sire", "dam", "damsire", "source_url", "observed_at")
PRINTED = {
    "name": "printed_name", "race": "printed_race", "sex": "printed_sex", "age_years": "printed_age", "coat": "coat",
    "trainer": "trainer", "comment": "comment", "pedigree": "pedigree", "shot_month": "shot_month",
    "shot_day": "shot_day",
}  # fmt: skip


def encoded(facts: Any) -> bytes:
    """Facts as JSON: dates as ISO has them, times in UTC and saying so."""
    return json.dumps(facts, ensure_ascii=False, default=_as_iso).encode()


def _as_iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _named(row: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    return {name: row[column] for name, column in names.items()}


def _here(photo: str, *, held: bool = True) -> Json:
    """Where this server shows a photo."""
    page = f"/photos/{photo}"
    picture, original = (f"{page}/{WIDTH}.jpg", f"{page}/original") if held else (None, None)
    return {"page": page, "picture": picture, "original": original}


def listed_photo(row: Row) -> Json:
    """A photo as the first search had it, and ours beside it."""
    return {
        "name": row["horse_name"],
        "url": row["page_url"],
        "date": row["dated"],
        "image_url": row["image_url"],
        "race": row["race_name"],
        "photo": row["photo"],
        "horse_id": row["horse_id"],
        "picture": _here(row["photo"])["picture"],
    }


def found_photos(found: Found, query: Query) -> Json:
    """A page of the search, and where the next one is."""
    onward = query.words() | {"before": str(found.more)}
    return {
        "count": found.horses,
        "capped": found.horses >= MOST_COUNTED,
        "groups": [_group(group) for group in found.groups],
        "next": str(URL.build(path="/api/photos", query=onward)) if found.more else None,
    }


def _group(group: Group) -> Json:
    return {
        "shows": group.shows,
        "horse_id": group.horse_id,
        "name": group.name,
        "born_year": group.born,
        "page": str(URL.build(path=f"/horses/{group.shows}")),
        "photos_in_all": group.photos,
        "distance_aptitude": group.value,
        "photos": [
            {"photo": one.photo, "date": one.dated, "race": one.race_name, "width_px": one.width,
             "height_px": one.height, "digest": one.digest, **_here(one.photo)}
            for one in group.shown
        ],
    }  # fmt: skip


def suggestion(one: Suggestion) -> Json:
    """A name for what has been typed so far."""
    return {"shows": one.shows, "name": one.name, "born_year": one.born, "photos": one.photos, "newest": one.newest}


def photo(row: Row) -> Json:
    """A photo in a list."""
    return {
        "photo": row["photo"],
        "issue": row["issue"],
        "number": row["number"],
        "date": row["issue_date"],
        "name": row["horse_name"] or row["printed_name"],
        "horse_id": row["horse_id"],
        "race": row["race_name"] or row["printed_race"],
        "race_id": row["race_id"],
        "horse_number": row["horse_number"],
        "age_years": row["age"],
        "url": row["page_url"],
        "image_url": row["image_url"],
        "width_px": row["width"],
        "height_px": row["height"],
        "copy_of": row["copy_of"],
        **_here(row["photo"], held=row["digest"] is not None),
    }


def whole_photo(row: Row) -> Json:
    """All that is known of a photo: what is printed beside it, whom it shows and why, and where all that is from."""
    how = describe(MatchRule, row["rule"])
    match = {"rule": row["rule"], "how": how, "by_hand": row["by_hand"], "decided_at": row["decided_at"]}
    provenance = {
        "page": row["page_url"],
        "site": host_of(row["page_url"]) or None,
        "observed_at": row["observed_at"],
        "digest": row["digest"],
        "media_type": row["media_type"],
    }
    return photo(row) | {
        "printed": _named(row, PRINTED),
        "match": match if row["rule"] else None,
        "entry": _entry_of(row),
        "provenance": provenance,
        "permission": PERMISSION,
    }


def _entry_of(row: Row) -> Json | None:
    """The entry that a photo was taken for, where it is known."""
    if row["entry_url"] is None:
        return None
    sources = {"source_url": row["entry_url"], "observed_at": row["entry_observed_at"]}
    return _named(row, RACE) | {"race": row["race_name"]} | _named(row, RESULT) | sources


def entry(row: Row) -> Json:
    """An entry of a horse, with its race."""
    sources = {"source_url": row["source_url"], "observed_at": row["observed_at"]}
    return _named(row, RACE) | {"race": row["race_name"]} | _named(row, RESULT) | sources


def opinion(one: Opinion) -> Json:
    """What reviewers thought at a time."""
    return {
        "value": one.value,
        "reviews": one.reviews,
        "evidence": one.evidence,
        "left_px": one.left_px,
        "right_px": one.right_px,
        "source_url": one.source_url,
        "observed_at": one.at,
    }


def horse(known: HorseFacts) -> Json:
    """A horse, its photos in time order, and its aptitudes now."""
    assert known.horse is not None
    now = {axis.value: opinion(known.opinions[axis][-1]) if axis in known.opinions else None for axis in Axis}
    return {name: known.horse[name] for name in HORSE} | {
        "page": f"/horses/{known.horse['horse_id']}",
        "photos": [photo(row) for row in known.photos],
        "aptitudes": now,
    }


def history(opinions: Mapping[Axis, Sequence[Opinion]]) -> Json:
    """What reviewers thought over time, by axis, the oldest first."""
    return {axis.value: [opinion(one) for one in opinions.get(axis, ())] for axis in Axis}


def race(known: RaceFacts) -> Json:
    """A race, its field in draw order, and the photos of its horses."""
    row = known.race
    more = ("name", "meeting_number", "meeting_day", "race_class", "conditions", "direction", "course", "weather")
    return _named(row, RACE) | {name: row[name] for name in more} | {
        "starts_at": _start(row["race_date"], row["start_time"]),
        "page": f"/races/{row['race_id']}",
        "source_url": row["source_url"],
        "observed_at": row["observed_at"],
        "field": [_in_field(one) for one in known.field],
        "photos": [photo(one) for one in known.photos],
    }  # fmt: skip


def _start(day: date, at: time | None) -> str | None:
    return datetime.combine(day, at, JAPAN).isoformat() if at else None


def _in_field(row: Row) -> Json:
    facts = {"horse_id": row["horse_id"], "name": row["horse_name"], "sex": row["sex"], "age_years": row["age"]}
    return facts | {"trainer": row["trainer"]} | _named(row, RESULT)


def issue(known: IssueFacts) -> Json:
    """A back number and its photos, race by race in draw order."""
    row = known.issue
    return {
        "issue": row["issue"],
        "code": row["code"],
        "date": row["issue_date"],
        "race_days": row["race_days"],
        "page": f"/issues/{row['issue']}",
        "source_url": row["source_url"],
        "observed_at": row["observed_at"],
        "photos": [photo(one) for one in known.photos],
    }
