"""The pages of collections, and what is sent to keep stars, notes and photos in them."""

from urllib.parse import quote

from aiohttp import web

from collector.web.codes import Code
from collector.web.collections import kept
from collector.web.collections.table import as_csv
from collector.web.horse.facts import Row
from collector.web.pages import Pages, sources_of
from collector.web.paths import PHOTO, photo_of
from collector.web.review.decisions import Decisions, form_of
from collector.web.server.problems import Problem
from collector.web.server.rendering import linker

NAME = "{name:[^/]{1,200}}"


class CollectionPages:
    """Collections to look at, to share and to change."""

    def __init__(self, pages: Pages, decisions: Decisions) -> None:
        self._pages, self._decisions = pages, decisions
        self._reader = pages.service.reader

    async def all(self, request: web.Request) -> web.Response:
        """All collections, with a few photos of each."""
        found = await kept.listed(self._reader)
        return self._pages.render(request, "collections.html", collections=found)

    async def one(self, request: web.Request) -> web.Response:
        """The photos of a collection."""
        found, photos = await self._read(request)
        return self._pages.render(
            request, "collection.html", sources=sources_of(photos), collection=found, photos=photos
        )

    async def table(self, request: web.Request) -> web.Response:
        """The same as a table, with where each photo is from."""
        found, photos = await self._read(request)
        response = web.Response(text=as_csv(photos), content_type="text/csv", charset="utf-8")
        name = quote(f"{found['name']}.csv", safe="")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        return response

    async def add(self, request: web.Request) -> web.Response:
        """Put photos into a collection; then to it."""
        self._decisions.check(request)
        given = await form_of(request)
        async with self._decisions.deciding(searched=False) as connection:
            name = await kept.add(
                connection, given.get("name") or given.get("new", ""), given.get("photos", "").split()
            )
        raise web.HTTPSeeOther(_at(request, name))

    async def change(self, request: web.Request) -> web.Response:
        """Take a photo out, give the collection another name, or give it up."""
        self._decisions.check(request)
        given, name = await form_of(request), request.match_info["name"]
        async with self._decisions.deciding(searched=False) as connection:
            if photo := given.get("drop"):
                await kept.drop(connection, name, photo)
            elif given.get("act") == "rename":
                name = await kept.rename(connection, name, given.get("new", ""))
            elif given.get("act") == "delete" and given.get("sure") == "yes":
                await kept.delete(connection, name)
                raise web.HTTPSeeOther(linker(request.query.get("lang"))("/collections"))
        raise web.HTTPSeeOther(_at(request, name))

    async def note(self, request: web.Request) -> web.Response:
        """Keep stars and a note on a photo; then back to it."""
        self._decisions.check(request)
        given, photo = await form_of(request), photo_of(request)
        async with self._decisions.deciding(searched=False) as connection:
            await kept.say(connection, photo, given.get("stars", ""), given.get("note", ""))
        raise web.HTTPSeeOther(linker(request.query.get("lang"))(f"/photos/{photo}"))

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/collections", self.all),
            web.post("/collections", self.add),
            web.get(f"/collections/{NAME}", self.one),
            web.post(f"/collections/{NAME}", self.change),
            web.get(f"/collections/{NAME}/photos.csv", self.table),
            web.post(f"/photos/{PHOTO}/note", self.note),
        ]

    async def _read(self, request: web.Request) -> tuple[Row, list[Row]]:
        found = await kept.collection(self._reader, request.match_info["name"].replace("\0", ""))
        if found is None:
            raise Problem(Code.NOT_FOUND)
        return found


def _at(request: web.Request, name: str) -> str:
    return linker(request.query.get("lang"))(f"/collections/{name}")
