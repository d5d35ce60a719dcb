"""The pages that show what a model says: of a photo that a person brings, and of one that is held."""

import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from collector.storage.archive import digest_of
from collector.web.asking.answered import Answered
from collector.web.codes import Code
from collector.web.compare.shown import held_photos
from collector.web.compare.tray import tray_of
from collector.web.pages import Pages, sources_of
from collector.web.paths import PHOTO, photo_of
from collector.web.pictures import Shrunk
from collector.web.server.answer_cache import MINUTES, AnswerCache
from collector.web.server.forms import Form, read_form
from collector.web.server.problems import Problem
from collector.web.server.rendering import language_of, linker

LARGEST = 20 * 2**20  # bytes of a photo
MANY = 12  # photos that look like it
KEY = r"{key:[\w-]{22}}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A photo that a person brought, and the answer for it."""

    name: str
    digest: str  # of its bytes
    picture: Shrunk
    answered: Answered


class AskingPages:
    """What is answered of a model."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._service = pages, pages.service
        self._answers = AnswerCache[Asked](time.monotonic)

    async def form(self, request: web.Request) -> web.Response:
        """The form that takes a photo."""
        return self._form(request)

    async def ask(self, request: web.Request) -> web.Response:
        """Ask about a photo that is sent; then to the page of its answer."""
        try:
            with self._service.asking.slots.one():
                asked = await self._ask(await read_form(request, LARGEST, 1))
        except Problem as problem:
            if problem.retry_after is not None:
                raise
            return self._form(request, problem)  # to try again with another photo
        key = self._answers.add(asked)
        raise web.HTTPSeeOther(linker(request.query.get("lang"), tray_of(request).words)(f"/ask/{key}"))

    async def _ask(self, form: Form) -> Asked:
        if not form.files:
            raise Problem(Code.NO_PHOTO)
        sent = form.files[0]
        picture = await self._service.pictures.shrunk(sent.body)
        return Asked(sent.name, digest_of(sent.body), picture, await self._service.asking.ask(sent.body))

    def _form(self, request: web.Request, problem: Problem | None = None) -> web.Response:
        wrong = problem and problem.sentence(language_of(request))
        status = problem.status if problem else 200
        return self._pages.render(request, "ask.html", status, wrong=wrong, minutes=MINUTES, largest=LARGEST)

    async def answer(self, request: web.Request) -> web.Response:
        """The answer for a photo that was sent, and the photos that look like it."""
        asked = self._kept(request)
        return await self._shown(request, asked.answered, asked.digest, name=asked.name, given=asked.picture)

    async def of_photo(self, request: web.Request) -> web.Response:
        """The answer for a photo that is held, and the photos that look like it."""
        found = await held_photos(self._service.reader, [photo_of(request)])
        if not found:
            raise Problem(Code.NOT_FOUND)
        with self._service.asking.slots.one():
            answered = await self._service.asking.ask(await self._service.pictures.bytes_of(found[0]["digest"]))
        return await self._shown(request, answered, found[0]["digest"], photo=found[0])

    async def _shown(self, request: web.Request, answered: Answered, digest: str, **given: Any) -> web.Response:
        point, space = answered.point, answered.space
        like = await self._service.likeness.near(point, space, digest, MANY) if point and space else None
        photos = await held_photos(self._service.reader, like or [])
        return self._pages.render(
            request, "asked.html", sources=sources_of(photos), answer=answered, photos=photos,
            placed=like is not None, minutes=MINUTES, largest=LARGEST, key=request.match_info.get("key"), **given,
        )  # fmt: skip

    async def picture(self, request: web.Request) -> web.Response:
        """The photo that was sent, encoded again."""
        return web.Response(
            body=self._kept(request).picture.body, content_type="image/jpeg",
            headers={"Cache-Control": f"private, max-age={60 * MINUTES}"},
        )  # fmt: skip

    def _kept(self, request: web.Request) -> Asked:
        asked = self._answers.find(request.match_info["key"])
        if asked is None:
            raise Problem(Code.NO_LONGER_HELD)
        return asked

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/ask", self.form),
            web.post("/ask", self.ask),
            web.get(f"/ask/{KEY}", self.answer),
            web.get(f"/ask/{KEY}/photo.jpg", self.picture),
            web.get(f"/photos/{PHOTO}/ask", self.of_photo),
        ]
