"""The API as OpenAPI 3.1 describes it; the tests send what it allows and compare what comes back."""

from collector import __version__
from collector.storage.racing import Sex, Surface
from collector.web.api.schemas import (
    HORSE,
    ISSUE,
    PHOTO,
    PHOTO_NUMBER,
    RACE,
    SCHEMAS,
    SHARE,
    TEXT,
    Schema,
    one_of,
    ref,
    said,
)
from collector.web.codes import Code
from collector.web.horse.facts import MOST_ISSUES
from collector.web.pictures import SAFE_TYPES, WIDTHS
from collector.web.search.listed import LISTED, MOST_LISTED
from collector.web.search.query import CURSOR, LONGEST
from collector.web.server.problems import ProblemKind

ALWAYS = (
    Code.NO_TOKEN, Code.FROM_ELSEWHERE, Code.WRONG_HOST, Code.TOO_OFTEN, Code.FAILED, Code.COLLECTION_LOST,
)  # fmt: skip
NAME = said(TEXT, f"Part of a horse's name in katakana, hiragana or Latin letters; {LONGEST} characters are read.")
YEAR: Schema = {"type": "integer", "minimum": 1900, "maximum": 2099, "description": "Of the issue."}
# The state of the search page, field by field.
SEARCH: dict[str, Schema] = {
    "name": NAME,
    "year": YEAR,
    "race": said(TEXT, "Part of a race's name, as printed."),
    "course": said(TEXT, "Racecourse: 東京."),
    "surface": said(one_of(Surface), "Of the race."),
    "sex": one_of(Sex),
    "age": {"type": "integer", "minimum": 0, "maximum": 99, "description": "Years."},
    "low": said(SHARE, "Distance aptitude from here on, 0 short to 1 long; four digits behind the point at most."),
    "high": said(SHARE, "Distance aptitude up to here; four digits behind the point at most."),
    "labelled": {"enum": ["0", "1"], "description": "1: only horses that reviewers have rated."},
    "before": {"type": "string", "pattern": f"^{CURSOR.pattern}$", "description": "As `next` has it."},
}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match", "in": "header", "required": False, "schema": TEXT,
    "description": "The ETag of an answer that is held already: 304 if it is still the answer.",
}  # fmt: skip
TAG = {"ETag": {"schema": TEXT, "description": "Of this answer, for If-None-Match."}}


def limit(unless_asked: int, most: int) -> Schema:
    """How many are wanted at most."""
    return {"type": "integer", "minimum": 1, "maximum": most, "default": unless_asked}


def asked(fields: dict[str, Schema], place: str = "query") -> list[Schema]:
    """The parameters of an address."""
    needed = place == "path"
    return [{"name": name, "in": place, "required": needed, "schema": fields[name]} for name in fields]


def _problems(media_type: str, *more: ProblemKind) -> Schema:
    schema = ref("Problem") if media_type == "application/json" else TEXT
    content = {media_type: {"schema": schema}}
    kinds = (*more, *ALWAYS)
    return {str(kind.status): {"description": "Why there is no answer.", "content": content} for kind in kinds}


def _operation(name: str, summary: str, content: Schema, parameters: list[Schema], problems: Schema) -> Schema:
    told: Schema = {
        "200": {"description": "What was asked for.", "content": content, "headers": TAG},
        "304": {"description": "What is held already is still the answer."},
    }
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": [*parameters, IF_NONE_MATCH],
            "responses": told | problems,
        }
    }


def _get(name: str, summary: str, answer: str, parameters: list[Schema], *more: ProblemKind) -> Schema:
    content = {"application/json": {"schema": ref(answer)}}
    return _operation(name, summary, content, parameters, _problems("application/json", *more))


def _picture(name: str, summary: str, types: tuple[str, ...], parameters: list[Schema]) -> Schema:
    content: Schema = {media_type: {} for media_type in types}
    return _operation(name, summary, content, parameters, _problems("text/html", Code.NOT_FOUND))


def _lists() -> Schema:
    wrong = Code.NOT_UNDERSTOOD
    return {
        "/api/horses": _get(
            "listPhotos", "Photos whose horse's name holds a part, by name, then the newest first.", "ListedPhotos",
            asked({"name": NAME, "limit": limit(LISTED, MOST_LISTED)}), wrong,
        ),
        "/api/backnumbers": _get(
            "listBacknumbers", "Ids of the back numbers, the newest first.", "Backnumbers",
            asked({"year": YEAR, "limit": limit(MOST_ISSUES, MOST_ISSUES)}), wrong,
        ),
        "/api/photos": _get(
            "search", "The search: photos by horse, the horse with the newest photo first.", "Found",
            asked(SEARCH), wrong,
        ),
        "/api/suggest": _get(
            "suggest", "Names that begin with what has been typed so far, or hold it.", "Suggestions",
            asked({"name": NAME}), wrong,
        ),
    }  # fmt: skip


def _things() -> Schema:
    horse = asked({"horse_id": HORSE}, "path")
    none = Code.NOT_FOUND
    return {
        "/api/horses/{horse_id}": _get("horse", "A horse, its photos, its aptitudes now.", "Horse", horse, none),
        "/api/horses/{horse_id}/entries": _get("entries", "Its races, the newest first.", "Entries", horse, none),
        "/api/horses/{horse_id}/aptitudes": _get("aptitudes", "Its aptitudes over time.", "History", horse, none),
        "/api/photos/{issue}/{number}": _get(
            "photo", "A photo: all that is known of it, whence, and what may be done with it.", "WholePhoto",
            asked({"issue": ISSUE, "number": PHOTO_NUMBER}, "path"), none,
        ),
        "/api/races/{race_id}": _get(
            "race", "A race, its field, and the photos of its horses.", "Race", asked({"race_id": RACE}, "path"), none
        ),
        "/api/issues/{issue}": _get(
            "issue", "A back number and its photos.", "Issue", asked({"issue": ISSUE}, "path"), none
        ),
    }  # fmt: skip


def _pictures() -> Schema:
    photo = asked({"issue": ISSUE, "number": PHOTO_NUMBER}, "path")
    width: Schema = {"enum": list(WIDTHS), "description": "px; a photo that is narrower keeps its own width."}
    return {
        "/photos/{issue}/{number}/original": _picture(
            "original", "A photo as it came.", (*SAFE_TYPES, "application/octet-stream"), photo
        ),
        "/photos/{issue}/{number}/{width}.jpg": _picture(
            "small", "A photo made small.", ("image/jpeg",), [*photo, *asked({"width": width}, "path")]
        ),
    }


def _decision(name: str, summary: str, answer: str, fields: dict[str, Schema], *more: ProblemKind) -> Schema:
    asked: Schema = {
        "type": "object", "properties": fields, "required": list(fields), "additionalProperties": False,
    }  # fmt: skip
    problems = _problems(
        "application/json", Code.NOT_UNDERSTOOD, Code.READ_ONLY, Code.TOO_LARGE, *more
    )  # fmt: skip
    content = {"application/json": {"schema": ref(answer)}}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
            "responses": {"200": {"description": "What was decided.", "content": content}} | problems,
            "security": [{"token": []}],
        }
    }


def _decisions() -> Schema:
    horse = said(TEXT, "Its id, or its name where just one horse bears it.")
    url = said(TEXT, "Of a photo's page or picture.")
    return {
        "/api/decisions/match": _decision(
            "match", "This photo shows this horse, for good; needs the token of `collector serve --admin`.", "Matched",
            {"photo": PHOTO, "horse": horse}, Code.NOT_DECIDED,
        ),
        "/api/decisions/forget": _decision(
            "forget", "Remove a photo for good and never ask for it again; needs the token as well.", "Forgotten",
            {"url": url}, Code.NOT_DECIDED, Code.READING,
        ),
    }  # fmt: skip


def _itself() -> Schema:
    health = _get("health", "Whether it answers, and its database; needs no token.", "Health", [])
    health["get"]["security"] = []
    numbers: Schema = {
        "operationId": "metrics",
        "summary": "How the server is doing, for Prometheus.",
        "responses": {"200": {"description": "Numbers.", "content": {"text/plain": {"schema": TEXT}}}}
        | _problems("application/json"),
    }
    return {
        "/healthz": health,
        "/metrics": {"get": numbers},
        "/openapi.json": _get("openapi", "This document.", "Document", []),
    }


def document() -> Schema:
    """The whole document."""
    words = (
        "Paddock photos of racehorses, by horse. Dates and times are as ISO 8601 has them; units stand in the names. "
        "The photos belong to those who took them: they are held for private study."
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Paddock photo search", "version": __version__, "description": words},
        "paths": _lists() | _things() | _pictures() | _decisions() | _itself(),
        "components": {"schemas": SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }
