"""The API for programs: what the first photo search (2017) answered, under its names, and all else that is known."""

import re
from typing import Any, TypeVar

from aiohttp import web

from collector.web.api import shapes
from collector.web.api.openapi import document
from collector.web.horse import facts
from collector.web.paths import HORSE, ISSUE, OLD_ISSUE, OLD_PHOTO, PHOTO, RACE, photo_of
from collector.web.search.listed import LISTED, MOST_LISTED, photos_named
from collector.web.search.query import FIELDS, read_query
from collector.web.search.results import find, suggest
from collector.web.server.conditional import tagged
from collector.web.server.problems import Code, Problem
from collector.web.service import Service

WHOLE = re.compile(r"[0-9]{1,6}")
Known = TypeVar("Known")


def answer(request: web.Request, known: Any) -> web.Response:
    """Facts as a JSON answer."""
    return tagged(request, shapes.encoded(known), "application/json")


def only(request: web.Request, *fields: str) -> None:
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


def found(known: Known | None) -> Known:
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
        only(request, "name", "limit")
        limit = asked_limit(request, LISTED, MOST_LISTED)
        rows = await photos_named(self.service.reader, asked_name(request), limit)
        return answer(request, [shapes.listed_photo(row) for row in rows])

    async def backnumbers(self, request: web.Request) -> web.Response:
        """The ids of the back numbers."""
        only(request, "year", "limit")
        limit = asked_limit(request, facts.MOST_ISSUES, facts.MOST_ISSUES)
        year = read_query({"year": request.query.get("year", "")}).year
        rows = await facts.issues(self.service.reader, year, limit)
        return answer(request, [row["issue"] for row in rows])

    async def photos(self, request: web.Request) -> web.Response:
        """The search: photos by horse."""
        only(request, *FIELDS)
        query = read_query(request.query)
        return answer(request, shapes.found_photos(await find(self.service.reader, query), query))

    async def suggest(self, request: web.Request) -> web.Response:
        """Names for what has been typed so far."""
        only(request, "name")
        names = await suggest(self.service.reader, asked_name(request))
        return answer(request, [shapes.suggestion(one) for one in names])

    async def horse(self, request: web.Request) -> web.Response:
        """A horse."""
        return answer(request, shapes.horse(await self._horse(request)))

    async def entries(self, request: web.Request) -> web.Response:
        """The entries of a horse, the newest first."""
        known = await self._horse(request)
        return answer(request, [shapes.entry(row) for row in known.entries])

    async def aptitudes(self, request: web.Request) -> web.Response:
        """What reviewers thought of a horse over time."""
        return answer(request, shapes.history((await self._horse(request)).opinions))

    async def _horse(self, request: web.Request) -> facts.HorseFacts:
        return found(await facts.horse_facts(self.service.reader, request.match_info["horse_id"]))

    async def photo(self, request: web.Request) -> web.Response:
        """A photo."""
        row = await facts.photo_facts(self.service.reader, photo_of(request))
        return answer(request, shapes.whole_photo(found(row)))

    async def race(self, request: web.Request) -> web.Response:
        """A race."""
        known = await facts.race_facts(self.service.reader, request.match_info["race_id"])
        return answer(request, shapes.race(found(known)))

    async def issue(self, request: web.Request) -> web.Response:
        """A back number."""
        known = await facts.issue_facts(self.service.reader, request.match_info["issue"])
        return answer(request, shapes.issue(found(known)))

    async def moved_photo(self, request: web.Request) -> web.Response:
        """Where a photo is told of, by the id that it had while there was one source."""
        photo = found(await facts.current_photo_id(self.service.reader, request.match_info["old_photo"]))
        raise web.HTTPMovedPermanently(request.rel_url.with_path(f"/api/photos/{photo}", keep_query=True))

    async def moved_issue(self, request: web.Request) -> web.Response:
        """Where an issue is told of, likewise."""
        issue = found(await facts.current_issue_id(self.service.reader, request.match_info["old_issue"]))
        raise web.HTTPMovedPermanently(request.rel_url.with_path(f"/api/issues/{issue}", keep_query=True))

    async def healthz(self, request: web.Request) -> web.Response:
        """Whether the database answers, and since when the search has been what its tables say."""
        await self.service.reader.rows("SELECT 1")
        renewed = self.service.renewal.at
        return answer(request, {"status": "ok", "database": "ok", "search_renewed_at": renewed})

    async def openapi(self, request: web.Request) -> web.Response:
        """What this API is."""
        return answer(request, document())

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
            web.get("/healthz", self.healthz),
            web.get("/openapi.json", self.openapi),
        ]
