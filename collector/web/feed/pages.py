"""The feed's address, and the buttons by which a horse is followed or no longer."""

from aiohttp import web

from collector.console.catalogue import PAGES
from collector.web.codes import Code
from collector.web.feed.atom import MEDIA_TYPE, atom
from collector.web.feed.followed import follow, stop_following
from collector.web.feed.news import recent
from collector.web.paths import HORSE
from collector.web.review.decisions import Decisions, form_of
from collector.web.server.conditional import tagged
from collector.web.server.guards import FEED
from collector.web.server.problems import Problem
from collector.web.server.rendering import language_of, linker
from collector.web.service import Service


class FeedPages:
    """What is answered of the feed."""

    def __init__(self, service: Service, decisions: Decisions) -> None:
        self._service, self._decisions = service, decisions

    async def feed(self, request: web.Request) -> web.Response:
        """What is new of the followed horses, as Atom; 304 where the reader has it already."""
        try:
            origin = request.url.origin()
        except ValueError as error:
            raise Problem(Code.NOT_UNDERSTOOD, "Host is not the name of a server") from error
        language = language_of(request)
        link = linker(request.query.get("lang"))
        found = await recent(self._service.reader)
        body = atom(found, PAGES.read(language), language, lambda path: f"{origin}{link(path)}")
        response = tagged(request, body, MEDIA_TYPE)
        response.headers.update({"Referrer-Policy": "no-referrer", "Vary": "Accept-Language, Authorization, Cookie"})
        return response

    async def decide(self, request: web.Request) -> web.Response:
        """Follow a horse, or no longer; then back to its page."""
        self._decisions.check(request)
        horse_id = request.match_info["horse_id"]
        wanted = {"yes": follow, "no": stop_following}.get((await form_of(request)).get("follow", ""))
        if wanted is None:
            raise Problem(Code.NOT_UNDERSTOOD, "follow is to be yes or no")
        async with self._decisions.deciding(searched=False) as connection:
            await wanted(connection, [horse_id])
        raise web.HTTPSeeOther(linker(request.query.get("lang"))(f"/horses/{horse_id}"))

    def routes(self) -> list[web.RouteDef]:
        """Where that is."""
        return [web.get(FEED, self.feed), web.post(f"/horses/{HORSE}/follow", self.decide)]
