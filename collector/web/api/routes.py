"""The API for programs: what the first photo search (2017) answered, under its names, and all else that is known."""

import re
from collections.abc import Collection
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from collector.exports.columns import Table
from collector.exports.tables import TABLES
from collector.storage.racing import Axis
from collector.web.api import found, lists, things
from collector.web.api.entries import Entries, History
from collector.web.api.fields import SEARCH
from collector.web.api.openapi import BACKNUMBERS, LISTING, TYPED, document
from collector.web.api.paging import CSV, MOST_ROWS, PAGING, PARQUET, ROWS_UNLESS_ASKED, read_page
from collector.web.codes import Code
from collector.web.horse import facts
from collector.web.paths import HORSE, ISSUE, OLD_ISSUE, OLD_PHOTO, PHOTO, RACE, photo_of
from collector.web.search.address import read_query
from collector.web.search.asked import Asked
from collector.web.search.listed import LISTED, MOST_LISTED, photos_named
from collector.web.search.results import find, suggest
from collector.web.server.accept import accepted
from collector.web.server.answers import encoded
from collector.web.server.conditional import tagged
from collector.web.server.openapi import JSON
from collector.web.server.problems import Problem
from collector.web.service import Service

LISTS = {"/api/races": TABLES["race"], "/api/entries": TABLES["entry"], "/api/aptitudes": TABLES["aptitude"]}
OFFERED = (JSON, CSV, PARQUET)
WHOLE = re.compile(r"[0-9]{1,6}")
Known = TypeVar("Known")


def answer(request: web.Request, kind: Any, known: object) -> web.Response:
    """What is known, as a JSON answer of a kind, with its tag."""
    return tagged(request, encoded(kind, known), "application/json")


def only(request: web.Request, fields: Collection[str]) -> None:
    """Let nothing be asked for that would be passed over: a misspelt field would find everything.

    Raises:
        Problem: there is such a field.
    """
    strange = sorted(set(request.query) - set(fields))
    if strange:
        raise Problem(Code.NOT_UNDERSTOOD, f"{strange[0][:40]!r} is not among {', '.join(fields)}")


def asked_name(request: web.Request) -> str:
    """Part of a name, without what no name holds."""
    return read_query({"name": request.query.get("name", "")}).name


def asked_limit(request: web.Request, unless_asked: int, most: int) -> int:
    """How many are wanted at most.

    Raises:
        Problem: that cannot be understood, or is too many.
    """
    text = request.query.get("limit", "").strip()
    if not text:
        return unless_asked
    if not WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise Problem(Code.NOT_UNDERSTOOD, f"limit is to be a whole number from 1 to {most}")
    return int(text)


def there(known: Known | None) -> Known:
    """What is known.

    Raises:
        Problem: nothing is.
    """
    if known is None:
        raise Problem(Code.NOT_FOUND)
    return known


class Api:
    """What is answered with JSON."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def horses(self, request: web.Request) -> web.Response:
        """Photos whose horse's name holds a part, as the first search had them."""
        only(request, LISTING)
        limit = asked_limit(request, LISTED, MOST_LISTED)
        rows = await photos_named(self.service.reader, asked_name(request), limit)
        return answer(request, found.ListedPhotos, rows)

    async def backnumbers(self, request: web.Request) -> web.Response:
        """The ids of the back numbers."""
        only(request, BACKNUMBERS)
        limit = asked_limit(request, facts.MOST_ISSUES, facts.MOST_ISSUES)
        year = read_query({"year": request.query.get("year", "")}).year
        rows = await facts.issues(self.service.reader, year, limit)
        return answer(request, found.Backnumbers, [row["issue"] for row in rows])

    async def photos(self, request: web.Request) -> web.Response:
        """The search: photos by horse."""
        only(request, SEARCH)
        query = read_query(request.query)
        asked = Asked(await self.service.held.index(), query)
        return answer(request, found.Found, found.page_of(await find(self.service.reader, asked), query))

    async def suggest(self, request: web.Request) -> web.Response:
        """Names for what has been typed so far."""
        only(request, TYPED)
        return answer(request, found.Suggestions, await suggest(self.service.reader, asked_name(request)))

    async def horse(self, request: web.Request) -> web.Response:
        """A horse."""
        known = await self._horse(request)
        of_horse = there(known.horse)
        now = {axis: known.opinions[axis][-1] if axis in known.opinions else None for axis in Axis}
        return answer(
            request, things.Horse, of_horse | {"photos": known.photos, "aptitudes": now, "labels": known.labels}
        )

    async def entries(self, request: web.Request) -> web.Response:
        """The entries of a horse, the newest first."""
        return answer(request, Entries, (await self._horse(request)).entries)

    async def aptitudes(self, request: web.Request) -> web.Response:
        """What reviewers thought of a horse over time."""
        known = await self._horse(request)
        return answer(request, History, {axis: known.opinions.get(axis, []) for axis in Axis})

    async def _horse(self, request: web.Request) -> facts.HorseFacts:
        return there(await facts.horse_facts(self.service.reader, request.match_info["horse_id"]))

    async def photo(self, request: web.Request) -> web.Response:
        """A photo."""
        row = there(await facts.photo_facts(self.service.reader, photo_of(request)))
        return answer(request, things.WholePhoto, things.whole_photo(row))

    async def race(self, request: web.Request) -> web.Response:
        """A race."""
        known = there(await facts.race_facts(self.service.reader, request.match_info["race_id"]))
        return answer(request, things.Race, known.race | {"field": known.field, "photos": known.photos})

    async def issue(self, request: web.Request) -> web.Response:
        """A back number."""
        known = there(await facts.issue_facts(self.service.reader, request.match_info["issue"]))
        return answer(request, things.Issue, known.issue | {"photos": known.photos})

    async def listing(self, table: Table, request: web.Request) -> web.Response:
        """A page of a table: JSON, CSV or Parquet, as the request accepts it."""
        only(request, PAGING)
        wanted = accepted(request, OFFERED)
        if wanted is None:
            raise Problem(Code.NOT_ACCEPTABLE, ", ".join(OFFERED))
        page = read_page(table, request.query, asked_limit(request, ROWS_UNLESS_ASKED, MOST_ROWS))
        return await lists.answer(self.service.reader, request, page, wanted)

    async def moved_photo(self, request: web.Request) -> web.Response:
        """The address of a photo, by the id that it had while there was one source."""
        photo = there(await facts.current_photo_id(self.service.reader, request.match_info["old_photo"]))
        raise web.HTTPMovedPermanently(request.rel_url.with_path(f"/api/photos/{photo}", keep_query=True))

    async def moved_issue(self, request: web.Request) -> web.Response:
        """The address of an issue, likewise."""
        issue = there(await facts.current_issue_id(self.service.reader, request.match_info["old_issue"]))
        raise web.HTTPMovedPermanently(request.rel_url.with_path(f"/api/issues/{issue}", keep_query=True))

    async def healthz(self, request: web.Request) -> web.Response:
        """Whether the database answers, and since when the search has been what its tables say."""
        await self.service.reader.rows("SELECT 1")
        return answer(request, things.Health, {"search_renewed_at": self.service.renewal.at})

    async def openapi(self, request: web.Request) -> web.Response:
        """What this API is."""
        return answer(request, dict[str, Any], document())

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/api/horses", self.horses),
            web.get("/api/backnumbers", self.backnumbers),
            web.get("/api/photos", self.photos),
            web.get("/api/suggest", self.suggest),
            web.get(f"/api/horses/{HORSE}", self.horse),
            web.get(f"/api/horses/{HORSE}/entries", self.entries),
            web.get(f"/api/horses/{HORSE}/aptitudes", self.aptitudes),
            web.get(f"/api/photos/{PHOTO}", self.photo),
            web.get(f"/api/races/{RACE}", self.race),
            web.get(f"/api/issues/{ISSUE}", self.issue),
            web.get(f"/api/photos/{OLD_PHOTO}", self.moved_photo),
            web.get(f"/api/issues/{OLD_ISSUE}", self.moved_issue),
            *(web.get(path, partial(self.listing, table)) for path, table in LISTS.items()),
            web.get("/healthz", self.healthz),
            web.get("/openapi.json", self.openapi),
        ]
