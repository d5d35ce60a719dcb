"""What the API answers with, as JSON Schema: `shapes` made known. Units stand in the names."""

from enum import StrEnum
from typing import Any

from collector.storage.photo_ids import EXAMPLE, ISSUE_ID, PHOTO_ID
from collector.storage.photo_ids import NUMBER as PHOTO_NUMBERS
from collector.storage.racing import HORSE_ID, RACE_ID, Axis, Direction, Finish, Going, Grade, Sex, Surface, Weather
from collector.web.codes import Code
from collector.web.server.problems import problem_kinds

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
YES_OR_NO: Schema = {"type": "boolean"}
DATE: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time", "description": "UTC."}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
PHOTO: Schema = {
    "type": "string",
    "pattern": f"^{PHOTO_ID.pattern}$",
    "description": f"Source, issue and number: {EXAMPLE}.",
}
PHOTO_NUMBER: Schema = {
    "type": "string", "pattern": f"^{PHOTO_NUMBERS}$", "description": "Of the photo within the issue: 01.",
}  # fmt: skip
ISSUE: Schema = {"type": "string", "pattern": f"^{ISSUE_ID.pattern}$", "description": "Source and the issue's code."}
HORSE: Schema = {"type": "string", "pattern": HORSE_ID, "description": "Of a horse, as the source of races has it."}
RACE: Schema = {
    "type": "string", "pattern": RACE_ID, "description": "Year, racecourse, meeting, day, race.",
}  # fmt: skip
BORN: Schema = {"type": ["integer", "null"], "description": "Of the horse; null: not known."}
SOURCE: Schema = {"source_url": TEXT | {"description": "Where this was read."}, "observed_at": MOMENT}


def said(schema: Schema, words: str) -> Schema:
    """A schema with what it means."""
    return schema | {"description": words}


def maybe(schema: Schema) -> Schema:
    """The same, or null: not known."""
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if "type" in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(words: type[StrEnum]) -> Schema:
    """One of a closed set of words."""
    return {"enum": [word.value for word in words]}


def ref(name: str) -> Schema:
    """What stands among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """Many of them."""
    return {"type": "array", "items": items}


def _object(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


HERE: dict[str, Schema] = {
    "page": said(TEXT, "Its page on this server."),
    "picture": said(maybe(TEXT), "The photo on this server, 640 px wide at most; null: it is not held."),
    "original": said(maybe(TEXT), "Its bytes as they came, on this server."),
}
LISTED = _object(
    {
        "name": said(TEXT, "The horse's."),
        "url": said(TEXT, "Page of the photo, at its source."),
        "date": said(DATE, "Of the issue."),
        "image_url": said(maybe(TEXT), "Address of the picture, at its source."),
        "race": maybe(TEXT),
        "photo": PHOTO,
        "horse_id": said(maybe(HORSE), "null: which horse of that name it is is open."),
        "picture": said(TEXT, "The photo on this server, 640 px wide at most."),
    }
)
SHOWN = _object(
    {"photo": PHOTO, "date": said(DATE, "Of the issue."), "race": maybe(TEXT), "width_px": COUNT, "height_px": COUNT,
     "digest": said(TEXT, "SHA-256 of its bytes."), **HERE}
)  # fmt: skip
GROUP = _object(
    {
        "shows": said(TEXT, "What the horse's page is called: its id, or its name where the horse is open."),
        "horse_id": maybe(HORSE),
        "name": TEXT,
        "born_year": BORN,
        "page": said(TEXT, "On this server."),
        "photos_in_all": said(COUNT, "Of this horse, whether asked for or not."),
        "distance_aptitude": said(maybe(SHARE), "What reviewers think now: 0 short to 1 long."),
        "photos": said(array(ref("ShownPhoto")), "The newest of those asked for."),
    }
)
FOUND = _object(
    {
        "count": said(COUNT, "Horses found."),
        "capped": said(YES_OR_NO, "Whether there may be more than `count`, which is as far as is counted."),
        "groups": array(ref("Group")),
        "next": said(maybe(TEXT), "Where the next page is; null: this is the last one."),
    }
)
SUGGESTION = _object(
    {
        "shows": said(TEXT, "What its page is called: /horses/{shows}."),
        "name": TEXT,
        "born_year": BORN,
        "photos": COUNT,
        "newest": DATE,
    }
)
PHOTO_IN_LIST: dict[str, Schema] = {
    "photo": PHOTO,
    "issue": ISSUE,
    "number": said(WHOLE, "Of the photo within the issue."),
    "date": said(DATE, "Of the issue."),
    "name": said(TEXT, "The horse's; as printed, where the horse is open."),
    "horse_id": maybe(HORSE),
    "race": said(maybe(TEXT), "Name of the race it was taken for."),
    "race_id": maybe(RACE),
    "horse_number": said(maybe(WHOLE), "Of the horse in that race."),
    "age_years": maybe(WHOLE),
    "url": said(TEXT, "Its page, at its source."),
    "image_url": said(maybe(TEXT), "The picture, at its source."),
    "width_px": maybe(COUNT),
    "height_px": maybe(COUNT),
    "copy_of": said(maybe(PHOTO), "The earlier photo of which this is a copy."),
    **HERE,
}
RACE_FACTS: dict[str, Schema] = {
    "race_id": RACE,
    "date": DATE,
    "racecourse": said(TEXT, "As printed: 東京."),
    "race_number": WHOLE,
    "grade": maybe(one_of(Grade)),
    "surface": maybe(one_of(Surface)),
    "distance_m": WHOLE,
    "going": maybe(one_of(Going)),
}
RESULT: dict[str, Schema] = {
    "bracket_number": maybe(WHOLE),
    "horse_number": maybe(WHOLE),
    "carried_weight_kg": maybe(NUMBER),
    "jockey": maybe(TEXT),
    "finish": said(maybe(one_of(Finish)), "null: the race has not been run."),
    "finish_position": maybe(WHOLE),
    "finish_time_s": maybe(NUMBER),
    "margin": said(maybe(TEXT), "To the horse before it, as printed: クビ."),
    "last_3f_s": said(maybe(NUMBER), "Seconds over the last 600 m."),
    "odds": said(maybe(NUMBER), "To win, per unit staked."),
    "favorite_rank": maybe(WHOLE),
    "horse_weight_kg": maybe(WHOLE),
    "horse_weight_change_kg": said(maybe(WHOLE), "Since its last race."),
}
ENTRY = _object(RACE_FACTS | {"race": said(TEXT, "Its name.")} | RESULT | SOURCE)
IN_FIELD = _object(
    {
        "horse_id": said(maybe(HORSE), "null: the site gives it none of its own."),
        "name": TEXT,
        "sex": maybe(one_of(Sex)),
        "age_years": maybe(WHOLE),
        "trainer": maybe(TEXT),
    }
    | RESULT
)
WHOLE_PHOTO = _object(
    PHOTO_IN_LIST
    | {
        "printed": said(ref("Printed"), "What the magazine prints beside it."),
        "match": said(maybe(ref("Match")), "How it was found out whom it shows; null: nobody has looked."),
        "entry": said(maybe(ref("Entry")), "What it was taken for; null: open."),
        "provenance": ref("Provenance"),
        "permission": said(ref("Permission"), "What may be done with it."),
    }
)
PRINTED = _object(
    {"name": TEXT, "race": maybe(TEXT), "sex": said(maybe(TEXT), "牡, 牝 or セ."), "age_years": maybe(WHOLE),
     "coat": maybe(TEXT), "trainer": maybe(TEXT), "comment": maybe(TEXT), "pedigree": array(TEXT),
     "shot_month": maybe(WHOLE), "shot_day": said(maybe(WHOLE), "Of that month; the year is not printed.")}
)  # fmt: skip
MATCH = _object(
    {
        "rule": said(TEXT, "The rule that decided it, or why it is open: `name_and_race`, `by_hand`, `not_read`, ..."),
        "how": said(TEXT, "The same in words."),
        "by_hand": said(YES_OR_NO, "Whether a person decided it."),
        "decided_at": MOMENT,
    }
)
PROVENANCE = _object(
    {
        "page": said(TEXT, "Where it was published."),
        "site": maybe(TEXT),
        "observed_at": said(MOMENT, "When it was fetched, in UTC."),
        "digest": said(maybe(TEXT), "SHA-256 of the picture's bytes."),
        "media_type": maybe(TEXT),
    }
)
PERMISSION = _object({"private_study": YES_OR_NO, "publish": YES_OR_NO, "pass_on": YES_OR_NO, "words": TEXT})
OPINION = _object(
    {
        "value": said(maybe(SHARE), "0 the left mark to 1 the right one; null: no opinion."),
        "reviews": said(maybe(COUNT), "How many people."),
        "evidence": said(maybe(TEXT), "Why there is no opinion."),
        "left_px": WHOLE,
        "right_px": said(WHOLE, "The two bars: the value is right / (left + right)."),
        **SOURCE,
    }
)
AXES = "surface: turf to dirt; distance: short to long; running_style: front to back; maturity: early to late; "
AXES += "wet_going: good at it to bad."
APTITUDES = _object({axis.value: maybe(ref("Opinion")) for axis in Axis})
HISTORY = _object({axis.value: said(array(ref("Opinion")), "The oldest first.") for axis in Axis})
WHOLE_HORSE = _object(
    {
        "horse_id": HORSE,
        "name": TEXT,
        "born": maybe(DATE),
        "sex": maybe(one_of(Sex)),
        "coat": maybe(TEXT),
        "retired": maybe(YES_OR_NO),
        "sire": maybe(TEXT),
        "dam": maybe(TEXT),
        "damsire": maybe(TEXT),
        **SOURCE,
        "page": said(TEXT, "On this server."),
        "photos": said(array(ref("Photo")), "The oldest first."),
        "aptitudes": said(ref("Aptitudes"), f"Now; null: never asked for. {AXES}"),
    }
)
WHOLE_RACE = _object(
    RACE_FACTS
    | {"name": TEXT, "meeting_number": maybe(WHOLE), "meeting_day": maybe(WHOLE), "race_class": maybe(TEXT),
       "conditions": maybe(TEXT), "direction": maybe(one_of(Direction)), "course": maybe(TEXT),
       "weather": maybe(one_of(Weather)), "starts_at": maybe(said(MOMENT, "In Japan's time.")),
       "page": said(TEXT, "On this server."), **SOURCE, "field": said(array(ref("InField")), "In draw order."),
       "photos": said(array(ref("Photo")), "In draw order.")}
)  # fmt: skip
WHOLE_ISSUE = _object(
    {
        "issue": ISSUE,
        "code": said(TEXT, "As the source has it."),
        "date": DATE,
        "race_days": said(array(DATE), "As printed; empty where none is."),
        "page": said(TEXT, "On this server."),
        **SOURCE,
        "photos": said(array(ref("Photo")), "Race by race, in draw order."),
    }
)
HEALTH = _object(
    {
        "status": {"const": "ok"},
        "database": {"const": "ok"},
        "search_renewed_at": said(maybe(MOMENT), "When the search was last what the tables said; null: not yet."),
    }
)
PROBLEM = _object({"error": said(TEXT, "One sentence."), "code": {"enum": [kind.word for kind in problem_kinds(Code)]}})
MATCHED = _object({"photo": PHOTO, "horse_id": HORSE})
FORGOTTEN = _object(
    {
        "photos": said(COUNT, "That are gone."),
        "pages": said(COUNT, "Never asked for again."),
        "blobs": said(COUNT, "Pages and pictures whose bytes are gone."),
        "near_duplicates": said(array(TEXT), "Addresses of pictures that look the same and are still held."),
    }
)
SCHEMAS: dict[str, Schema] = {
    "ListedPhotos": array(LISTED), "Backnumbers": array(ISSUE), "Found": FOUND, "Group": GROUP, "ShownPhoto": SHOWN,
    "Suggestions": array(SUGGESTION), "Horse": WHOLE_HORSE, "Aptitudes": APTITUDES, "Opinion": OPINION,
    "History": HISTORY, "Entries": array(ref("Entry")), "Entry": ENTRY, "Photo": _object(PHOTO_IN_LIST),
    "WholePhoto": WHOLE_PHOTO, "Printed": PRINTED, "Match": MATCH, "Provenance": PROVENANCE, "Permission": PERMISSION,
    "Race": WHOLE_RACE, "InField": IN_FIELD, "Issue": WHOLE_ISSUE, "Health": HEALTH, "Problem": PROBLEM,
    "Document": {"type": "object"}, "Matched": MATCHED, "Forgotten": FORGOTTEN,
}  # fmt: skip
