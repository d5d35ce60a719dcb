"""A photo's page, the photo in the widths that there are, and the photos that look like it."""

from aiohttp import web

from collector.sources.registry import is_own, is_personal
from collector.web.codes import Code
from collector.web.collections import kept
from collector.web.compare.shown import held_photos
from collector.web.horse.facts import current_photo_id, photo_facts
from collector.web.horse.neighbours import turns
from collector.web.pages import Pages, moved, sources_of
from collector.web.paths import OLD_PHOTO, PHOTO, photo_of
from collector.web.pictures import WIDTHS
from collector.web.server.conditional import HELD, tagged
from collector.web.server.problems import Problem

ALIKE, MANY = 6, 48  # photos that look like one: on its page, and on theirs


class PhotoPages:
    """What is answered of a photo."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._service = pages, pages.service
        self._reader = pages.service.reader

    async def photo(self, request: web.Request) -> web.Response:
        """A photo, with all that is known of it and where it came from."""
        shown = await photo_facts(self._reader, photo_of(request))
        if shown is None:
            raise Problem(Code.NOT_FOUND)
        named = await kept.listed(self._reader) if self._service.guard.may_decide(request) else []
        return self._pages.render(
            request, "photo.html", photo=shown, own=is_own(shown["source"]), bare=is_personal(shown["source"]),
            turns=await turns(self._reader, shown), noted=await kept.note_of(self._reader, shown["photo"]),
            collections=await kept.collections_of(self._reader, shown["photo"]),
            all_collections=[one["name"] for one in named],
            alike=await held_photos(self._reader, await self._service.likeness.like(shown["digest"], ALIKE)),
        )  # fmt: skip

    async def like(self, request: web.Request) -> web.Response:
        """The photos that look most like a photo, one of each horse."""
        found = await held_photos(self._reader, [photo_of(request)])
        if not found:
            raise Problem(Code.NOT_FOUND)
        photos = await held_photos(self._reader, await self._service.likeness.like(found[0]["digest"], MANY))
        return self._pages.render(
            request, "like.html", sources=sources_of([*found, *photos]), photo=found[0], photos=photos
        )

    async def small(self, request: web.Request) -> web.Response:
        """A photo in one of the widths that there are."""
        width = int(request.match_info["width"])
        if width not in WIDTHS:
            raise Problem(Code.NOT_FOUND)
        photo = await self._service.pictures.small(photo_of(request), width)
        return tagged(request, photo.body, photo.media_type, photo.tag, HELD)

    async def original(self, request: web.Request) -> web.Response:
        """A photo's bytes as they came."""
        photo = await self._service.pictures.original(photo_of(request))
        return tagged(request, photo.body, photo.media_type, photo.tag, HELD)

    async def moved_photo(self, request: web.Request) -> web.Response:
        """Where a photo is, by the address that it had while there was one source."""
        photo = await current_photo_id(self._reader, request.match_info["old_photo"])
        return moved(request, f"/photos/{photo}{request.match_info['rest']}" if photo else None)

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get(f"/photos/{PHOTO}", self.photo),
            web.get(f"/photos/{PHOTO}/like", self.like),
            web.get(f"/photos/{PHOTO}/original", self.original),
            web.get(rf"/photos/{PHOTO}/{{width:[0-9]{{1,5}}}}.jpg", self.small),
            web.get(rf"/photos/{OLD_PHOTO}{{rest:(?:/.*)?}}", self.moved_photo),
        ]
