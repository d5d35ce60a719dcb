"""The API as OpenAPI 3.1 describes it; the tests send what it allows and compare what comes back."""

from functools import cache
from typing import Any

from collector.exports.columns import Table
from collector.exports.tables import TABLES
from collector.web.api import decided, found, things
from collector.web.api.entries import Entries, History
from collector.web.api.fields import IN_PATHS, SEARCH, Name, Year, limit
from collector.web.api.paging import CSV, PAGING, PARQUET, listed
from collector.web.api.things import Health
from collector.web.codes import Code
from collector.web.feed.atom import MEDIA_TYPE
from collector.web.horse.facts import MOST_ISSUES
from collector.web.pictures import SAFE_TYPES
from collector.web.search.listed import LISTED, MOST_LISTED
from collector.web.server.guards import FEED
from collector.web.server.openapi import JSON, NO_TOKEN, TOKEN, Api, Operation, Schema
from collector.web.server.problems import ProblemKind

ALWAYS = (
    Code.NO_TOKEN, Code.FROM_ELSEWHERE, Code.WRONG_HOST, Code.TOO_OFTEN, Code.FAILED, Code.COLLECTION_LOST,
)  # fmt: skip
WORDS = (
    "Paddock photos of racehorses, by horse. Dates and times are as ISO 8601 has them; units stand in the names, "
    "and in the descriptions of lists whose columns are those of `collector export`. "
    "The photos belong to those who took them: they are held for private study."
)
LISTING = {"name": Name, "limit": limit(LISTED, MOST_LISTED)}
BACKNUMBERS = {"year": Year, "limit": limit(MOST_ISSUES, MOST_ISSUES)}
TYPED = {"name": Name}


def _get(path: str, name: str, summary: str, answer: Any, *problems: ProblemKind, **more: Any) -> Operation:
    return Operation("get", path, name, summary, {JSON: answer}, problems, tagged=True, **more)


def _picture(path: str, name: str, summary: str, *types: str) -> Operation:
    content = dict.fromkeys(types)
    return Operation("get", path, name, summary, content, (Code.NOT_FOUND,), tagged=True, pages=True)


def _decision(name: str, summary: str, answer: Any, body: Any, *more: ProblemKind) -> Operation:
    problems = (Code.NOT_UNDERSTOOD, Code.READ_ONLY, Code.TOO_LARGE, Code.NOT_DECIDED, *more)
    return Operation(
        "post", f"/api/decisions/{name}", name, summary, {JSON: answer}, problems,
        body={JSON: body}, security=TOKEN, done="What was decided.",
    )  # fmt: skip


def _list(path: str, name: str, table: Table) -> Operation:
    """A list that goes on from page to page, also as CSV and Parquet."""
    answers = {JSON: listed(table), CSV: str, PARQUET: None}
    summary = f"{table.meaning} In the order of {', '.join(table.key)}; `Link` leads to the next page."
    problems = (Code.NOT_UNDERSTOOD, Code.NOT_ACCEPTABLE)
    return Operation("get", path, name, summary, answers, problems, query=PAGING, tagged=True)


# fmt: off
OPERATIONS = (
    _get("/api/horses", "listPhotos", "Photos whose horse's name holds a part, by name, then the newest first.",
         found.ListedPhotos, Code.NOT_UNDERSTOOD, query=LISTING),
    _get("/api/backnumbers", "listBacknumbers", "Ids of the back numbers, the newest first.",
         found.Backnumbers, Code.NOT_UNDERSTOOD, query=BACKNUMBERS),
    _get("/api/photos", "search", "The search: photos by horse, the horse with the newest photo first.",
         found.Found, Code.NOT_UNDERSTOOD, query=SEARCH),
    _get("/api/suggest", "suggest", "Names that begin with what has been typed so far, or hold it.",
         found.Suggestions, Code.NOT_UNDERSTOOD, query=TYPED),
    _get("/api/horses/{horse_id}", "horse", "A horse, its photos, its aptitudes now.", things.Horse, Code.NOT_FOUND),
    _get("/api/horses/{horse_id}/entries", "entries", "Its races, the newest first.", Entries, Code.NOT_FOUND),
    _get("/api/horses/{horse_id}/aptitudes", "aptitudes", "Its aptitudes over time.", History, Code.NOT_FOUND),
    _get("/api/photos/{issue}/{number}", "photo",
         "A photo: all that is known of it, whence, and what may be done with it.", things.WholePhoto, Code.NOT_FOUND),
    _get("/api/races/{race_id}", "race", "A race, its field, and the photos of its horses.",
         things.Race, Code.NOT_FOUND),
    _get("/api/issues/{issue}", "issue", "A back number and its photos.", things.Issue, Code.NOT_FOUND),
    _list("/api/races", "listRaces", TABLES["race"]),
    _list("/api/entries", "listEntries", TABLES["entry"]),
    _list("/api/aptitudes", "listAptitudes", TABLES["aptitude"]),
    _picture("/photos/{issue}/{number}/original", "original", "A photo as it came.",
             *SAFE_TYPES, "application/octet-stream"),
    _picture("/photos/{issue}/{number}/{width}.jpg", "small", "A photo made small.", "image/jpeg"),
    Operation("get", FEED, "feed", "What is new of the followed horses, as Atom; its token may be in the address.",
              {MEDIA_TYPE: None}, (Code.NOT_UNDERSTOOD,), query={"token": str}, tagged=True),
    _decision("match", "This photo shows this horse, for good; needs the token of `collector serve --admin`.",
              decided.Matched, decided.ToMatch),
    _decision("forget", "Remove a photo for good and never ask for it again; needs the token as well.",
              decided.Forgotten, decided.ToForget, Code.READING),
    _get("/healthz", "health", "Whether it answers, and its database; needs no token.", Health, security=NO_TOKEN),
    Operation("get", "/metrics", "metrics", "How the server is doing, for Prometheus.", {"text/plain": str},
              done="Numbers."),
    _get("/openapi.json", "openapi", "This document.", dict[str, Any]),
)
# fmt: on


@cache
def document() -> Schema:
    """The whole document."""
    return Api("Paddock photo search", WORDS, OPERATIONS, Code, ALWAYS, IN_PATHS).document()
