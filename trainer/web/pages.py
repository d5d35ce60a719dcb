"""The page for people: it works without a script, and better with one."""

from pathlib import Path
from typing import Any

from aiohttp import web

from collector.web.server.named_commands import coder
from collector.web.server.problems import Problem
from collector.web.server.rendering import Renderer, language_of, problem_page, welcome_page
from trainer.inference.collection import MOST
from trainer.models.answers import COVERAGE
from trainer.web.asked import find_photo, read_form
from trainer.web.guarding import COOKIE
from trainer.web.kept import MINUTES, Answer
from trainer.web.problems import Code
from trainer.web.service import Service
from trainer.web.words import PAGES

HERE = Path(__file__).parent
HELD = "private, max-age=3600"  # pictures that do not change


class Pages:
    """What is answered with a page."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._renderer = Renderer(
            HERE / "templates", PAGES, about=service.about, service=service, minutes=MINUTES, coverage=COVERAGE
        )
        self._renderer.environment.filters["coded"] = coder(demo=service.demo)

    def render(self, request: web.Request, template: str, status: int = 200, **facts: Any) -> web.Response:
        """A page in the reader's language."""
        return self._renderer.page(request, template, status, **facts)

    def problem(self, request: web.Request, problem: Problem, **facts: Any) -> web.Response:
        """A page that says what is wrong."""
        return problem_page(self.render, request, problem, **facts)

    def welcome(self, request: web.Request) -> web.Response:
        """For who has brought a token."""
        return welcome_page(self.render, request, COOKIE)

    async def home(self, request: web.Request) -> web.Response:
        """The ways to ask."""
        return self.render(request, "home.html")

    async def ask(self, request: web.Request) -> web.Response:
        """Answer a form, and lead to the answer's own page."""
        async with self.service.place():
            asked = await read_form(request)
            try:
                given = await find_photo(asked, self.service)
                answer = await self.service.answer(given, show=True)
            except Problem as problem:
                if problem.retry_after is not None:
                    raise
                return self.problem(request, problem, url=asked.fields.get("url", ""))  # the form stays filled in
        key = self.service.kept.keep(answer)
        return web.Response(status=303, headers={"Location": f"/answers/{key}?lang={language_of(request)}"})

    def _held(self, request: web.Request) -> Answer:
        answer = self.service.kept.find(request.match_info["key"])
        if answer is None:
            raise Problem(Code.NO_LONGER_HELD)
        return answer

    async def answer(self, request: web.Request) -> web.Response:
        """An answer's page."""
        answer = self._held(request)
        return self.render(request, "answered.html", answer=answer, key=request.match_info["key"])

    async def photo(self, request: web.Request) -> web.Response:
        """The photo of an answer, made anew."""
        return picture(self._held(request).shown or b"", "private, max-age=900")

    async def look(self, request: web.Request) -> web.Response:
        """What an answer depends on, over its photo."""
        return picture(await self.service.look(self._held(request)), "private, max-age=900")

    async def collection(self, request: web.Request) -> web.Response:
        """Photos of the collection by part of a horse's name."""
        name = request.query.get("name", "").strip()
        with self.service.searching() as collection:
            found = await collection.find(name)
        return self.render(request, "found.html", name=name, found=found, most=MOST)

    async def collection_photo(self, request: web.Request) -> web.Response:
        """A photo of the collection, small."""
        return picture(await self.service.collection_thumbnail(int(request.match_info["number"])), HELD)

    async def horse(self, request: web.Request) -> web.Response:
        """A photo of the data set, small."""
        return picture(await self.service.thumbnail(int(request.match_info["row"])), HELD)

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        key, number = r"{key:[\w-]{22}}", r"{number:\d{1,18}}"
        return [
            web.get("/", self.home),
            web.post("/predict", self.ask),
            web.get(f"/answers/{key}", self.answer),
            web.get(f"/answers/{key}/photo.jpg", self.photo),
            web.get(f"/answers/{key}/look.jpg", self.look),
            web.get("/collection", self.collection),
            web.get(f"/collection/{number}.jpg", self.collection_photo),
            web.get(r"/horses/{row:\d{1,9}}.jpg", self.horse),
        ]


def picture(body: bytes, held: str) -> web.Response:
    """A JPEG that a browser may hold for a while."""
    return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": held})
