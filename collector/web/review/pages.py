"""The review's pages: what waits for a person, and the decisions that the commands offer, for who may decide."""

from typing import Any

from aiohttp import web

from collector.storage.photo_ids import read_photo_id
from collector.web.codes import Code
from collector.web.horse.facts import Row, photo_facts
from collector.web.pages import Pages
from collector.web.paths import PHOTO, photo_of
from collector.web.review import queue
from collector.web.review.decisions import LISTS, Decisions
from collector.web.review.differing import differing
from collector.web.review.walks import Walks
from collector.web.search.address import Cursor, read_query
from collector.web.server.problems import Problem


class Review:
    """What is answered with a page of the review."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._reader = pages.service.reader
        self.decisions = Decisions(pages.service)

    async def first(self, request: web.Request) -> web.Response:
        """How much waits, and how one may decide."""
        counts, forgotten = await queue.counts(self._reader), await self._forgotten(request)
        return self._pages.render(request, "review.html", counts=counts, forgotten=forgotten)

    async def open(self, request: web.Request) -> web.Response:
        """Photos whose horse is open: those first of which a decision is worth most, or the newest first."""
        by_worth = request.query.get("order") != "newest" and _before(request) is None
        find = queue.worthiest_photos(self._reader) if by_worth else queue.open_photos(self._reader, _before(request))
        return await self._photos(request, "open", await find)

    async def decided(self, request: web.Request) -> web.Response:
        """Photos whose horse was decided by hand."""
        found = await queue.decided_photos(self._reader, _before(request))
        return await self._photos(request, "decided", found)

    async def copies(self, request: web.Request) -> web.Response:
        """Photos that look the same."""
        found = await queue.copies(self._reader, _before(request))
        return self._pages.render(request, "review_copies.html", found=found, forgotten=await self._forgotten(request))

    async def forget(self, request: web.Request) -> web.Response:
        """What forgetting a photo means, and the button that does it."""
        if not self._pages.service.guard.may_decide(request):
            raise Problem(Code.READ_ONLY)
        photo = await photo_facts(self._reader, photo_of(request))
        if photo is None:
            raise Problem(Code.NOT_FOUND)
        gone, stays = await queue.gone_with(self._reader, photo)
        back = request.query.get("back", "")
        known: dict[str, Any] = {
            "photo": photo,
            "gone": gone,
            "stays": stays,
            "back": back if back in LISTS else "photo",
        }
        return self._pages.render(request, "review_forget.html", **known)

    async def unread(self, request: web.Request) -> web.Response:
        """Pages that could not be read."""
        before = request.query.get("before", "")
        if before and not (before.isascii() and before.isdecimal() and len(before) <= 18):
            raise Problem(Code.NOT_UNDERSTOOD, "before is to be as the last page's link has it")
        found = await queue.unread_pages(self._reader, int(before) if before else None)
        return self._pages.render(request, "review_unread.html", found=found, reading=self.decisions.rereading)

    async def differences(self, request: web.Request) -> web.Response:
        """What a licensed source and another one say differently."""
        return self._pages.render(request, "review_differences.html", found=await differing(self._reader))

    async def archived(self, request: web.Request) -> web.Response:
        """The text of an archived page: to be read, never to be run."""
        shown = await queue.archived_page(self._reader, int(request.match_info["id"]))
        if shown is None:
            raise Problem(Code.NOT_FOUND)
        return self._pages.render(request, "review_archived.html", shown=shown, most=queue.LONGEST)

    async def reading(self, request: web.Request) -> web.Response:
        """How far reading everything again has come, and what it changed."""
        rereading = self.decisions.rereading
        return self._pages.render(request, "review_reading.html", reading=rereading.last, running=rereading.running)

    def routes(self) -> list[web.RouteDef]:
        """Where all that is, and where decisions are sent."""
        return [
            web.get("/review", self.first),
            web.get("/review/open", self.open),
            web.get("/review/decided", self.decided),
            web.get("/review/copies", self.copies),
            web.get(f"/review/forget/{PHOTO}", self.forget),
            web.get("/review/quarantined", self.unread),
            web.get("/review/differences", self.differences),
            web.get("/review/reading", self.reading),
            web.get("/review/pages/{id:[0-9]{1,18}}", self.archived),
            *self.decisions.routes(),
            *Walks(self._pages, self.decisions).routes(),
        ]

    async def close(self, _app: web.Application) -> None:
        """Give up what goes on in the background."""
        await self.decisions.close()

    async def _photos(self, request: web.Request, which: str, found: queue.Waiting) -> web.Response:
        known: dict[str, Any] = {"which": which, "found": found, "before": str(_before(request) or "")}
        done = [photo for photo in request.query.get("done", "").split() if read_photo_id(photo)]
        known |= {"done": await photo_facts(self._reader, done[0]) if done else None, "all_done": " ".join(done)}
        known |= {"forgotten": await self._forgotten(request), "order": request.query.get("order", "")}
        return self._pages.render(request, "review_photos.html", **known)

    async def _named(self, request: web.Request, word: str) -> Row | None:
        """The photo that an address names; what is said of it comes from the database and not from the address."""
        name = request.query.get(word, "")
        return await photo_facts(self._reader, name)

    async def _forgotten(self, request: web.Request) -> str | None:
        """The photo of which an address says that it is forgotten, where it is not there."""
        name = request.query.get("forgotten", "")
        return name if read_photo_id(name) and await self._named(request, "forgotten") is None else None


def _before(request: web.Request) -> Cursor | None:
    return read_query({"before": request.query.get("before", "")}).before
