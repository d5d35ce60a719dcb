"""The pages for people. They work without JavaScript, and better with it."""

from pathlib import Path
from typing import Any

from aiohttp import web

from collector.web.server.answer_cache import MINUTES
from collector.web.server.forms import read_form
from collector.web.server.named_commands import coder
from collector.web.server.problems import Problem
from collector.web.server.rendering import Renderer, language_of, problem_page, welcome_page
from trainer.inference.collection import MOST
from trainer.web.answer import Answer
from trainer.web.forms import find_photos
from trainer.web.guarding import COOKIE
from trainer.web.problems import LARGEST, Code
from trainer.web.service import Service
from trainer.web.together import PHOTOS
from trainer.web.words import PAGES
from trainer.web.worth import worth_of

HERE = Path(__file__).parent
CACHED = "private, max-age=3600"  # for pictures that do not change


class Pages:
    """The handlers that answer with a page."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._renderer = Renderer(
            HERE / "templates", PAGES, service=service, minutes=MINUTES, photos=PHOTOS, largest=LARGEST
        )
        self._renderer.environment.filters["coded"] = coder(demo=service.demo)

    def render(self, request: web.Request, template: str, status: int = 200, **facts: Any) -> web.Response:
        """A page in the reader's language."""
        return self._renderer.page(request, template, status, about=self.service.about, **facts)

    def problem(self, request: web.Request, problem: Problem, **facts: Any) -> web.Response:
        """The page of a problem."""
        return problem_page(self.render, request, problem, **facts)

    def welcome(self, request: web.Request) -> web.Response:
        """For an address with a valid token: set the cookie and go on to the page without the token."""
        return welcome_page(self.render, request, COOKIE)

    async def home(self, request: web.Request) -> web.Response:
        """The page with the forms."""
        return self.render(request, "home.html")

    async def ask(self, request: web.Request) -> web.Response:
        """Answer a form with a redirect to the page of the answer."""
        with self.service.slots.one():
            form = await read_form(request, LARGEST, PHOTOS)
            try:
                found = await self.service.answer_all(find_photos(form, self.service), show=True)
            except Problem as problem:
                if problem.retry_after is not None:
                    raise
                return self.problem(request, problem, url=form.fields.get("url", ""))  # the form stays filled in
        if len(found.photos) > 1:
            path = f"/together/{self.service.keep(found)}"
        else:
            path = f"/answers/{self.service.answers.add(found.answers[0])}"
        return web.Response(status=303, headers={"Location": f"{path}?lang={language_of(request)}"})

    def _kept(self, request: web.Request) -> Answer:
        answer = self.service.answers.find(request.match_info["key"])
        if answer is None:
            raise Problem(Code.NO_LONGER_HELD)
        return answer

    async def answer(self, request: web.Request) -> web.Response:
        """The page of an answer."""
        answer = self._kept(request)
        worth = worth_of(answer, self.service.about.quality)
        return self.render(request, "answered.html", answer=answer, worth=worth, key=request.match_info["key"])

    async def together(self, request: web.Request) -> web.Response:
        """The page of the answer for a horse of several photos."""
        answer, keys = self.service.kept(request.match_info["key"])
        worth = worth_of(answer, self.service.about.quality)
        return self.render(request, "together.html", answer=answer, worth=worth, keys=keys)

    async def photo(self, request: web.Request) -> web.Response:
        """The photo of an answer, encoded again."""
        return picture(self._kept(request).shown or b"", "private, max-age=900")

    async def look(self, request: web.Request) -> web.Response:
        """The saliency map of an answer, over its photo."""
        return picture(await self.service.look(self._kept(request)), "private, max-age=900")

    async def collection(self, request: web.Request) -> web.Response:
        """Photos of the collection by part of a horse's name."""
        name = request.query.get("name", "").strip()
        with self.service.searching() as collection:
            found = await collection.find(name)
        return self.render(request, "found.html", name=name, found=found, most=MOST)

    async def collection_photo(self, request: web.Request) -> web.Response:
        """A thumbnail of a photo of the collection."""
        return picture(await self.service.collection_thumbnail(int(request.match_info["number"])), CACHED)

    async def horse(self, request: web.Request) -> web.Response:
        """A thumbnail of a photo of the data set."""
        return picture(await self.service.thumbnail(int(request.match_info["row"])), CACHED)

    def routes(self) -> list[web.RouteDef]:
        """The addresses of these handlers."""
        key, number = r"{key:[\w-]{22}}", r"{number:\d{1,18}}"
        return [
            web.get("/", self.home),
            web.post("/predict", self.ask),
            web.get(f"/answers/{key}", self.answer),
            web.get(f"/answers/{key}/photo.jpg", self.photo),
            web.get(f"/answers/{key}/look.jpg", self.look),
            web.get(f"/together/{key}", self.together),
            web.get("/collection", self.collection),
            web.get(f"/collection/{number}.jpg", self.collection_photo),
            web.get(r"/horses/{row:\d{1,9}}.jpg", self.horse),
        ]


def picture(body: bytes, caching: str) -> web.Response:
    """A JPEG with its Cache-Control header."""
    return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": caching})
