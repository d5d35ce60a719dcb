"""The API for programs: the field names of the first demo (2017), and new ones."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from collector.web.server.answers import as_json
from collector.web.server.forms import Form, read_form
from collector.web.server.problems import Problem
from trainer.web import schemas
from trainer.web.answer import Answer
from trainer.web.forms import find_photos
from trainer.web.openapi import document
from trainer.web.problems import LARGEST, Code
from trainer.web.service import Service
from trainer.web.together import PHOTOS, Together, Unread
from trainer.web.worth import worth_of

NUMBERS = ("value", "low", "high", "kind", "metres")  # of an answer
OLD_SEARCH = "/{source:[a-z][a-z0-9_]*}/search.json"  # the old address, which begins with the name of a site


class Api:
    """The handlers that answer with JSON."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def predict(self, request: web.Request) -> web.Response:
        """Answer for the photos of a horse."""
        with self.service.slots.one():
            form = Form(request.query) if request.method == "GET" else await read_form(request, LARGEST, PHOTOS)
            found = await self.service.answer_all(find_photos(form, self.service), show=False)
        return as_json(schemas.Answer, self._facts(found))

    async def search(self, request: web.Request) -> web.Response:
        """Find horses and their labels in the collection; no request is sent to another site."""
        form = await read_form(request, LARGEST, PHOTOS)
        name = form.fields.get("name", "").strip()
        if not name:
            raise Problem(Code.NOT_UNDERSTOOD, "it needs a horse's name")
        with self.service.searching() as collection:
            found = await collection.horses(name, self.service.about.axis)
        first = found[0] if found else None
        of_first = {"url": first.source_url if first else None, "score": first.value if first else None}
        return as_json(schemas.Found, {"name": name, "axis": self.service.about.axis, "horses": found} | of_first)

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer that the server works, and with which run."""
        return as_json(schemas.Health, self.service.about.as_json())

    async def openapi(self, _request: web.Request) -> web.Response:
        """The OpenAPI document."""
        return as_json(dict[str, Any], document())

    def _facts(self, found: Together) -> dict[str, Any]:
        photos = [
            _unread(one) if isinstance(one, Unread) else self._read(one) | {"name": one.name, "point": one.point}
            for one in found.photos
        ]
        about = self.service.about
        return self._read(found) | {"similar": found.similar, "photos": photos} | about.as_json() | about.trust()

    def _read(self, answer: Together | Answer) -> dict[str, Any]:
        about = self.service.about
        others = [asdict(one) | {"verdict": about.verdicts.get(one.label)} for one in answer.prediction.others]
        return {
            **{name: getattr(answer.prediction, name) for name in NUMBERS},
            "others": others,
            "like_training": None if answer.strange is None else not answer.strange,
            "known": answer.known,
            "worth": worth_of(answer, about.quality),
            "problem": None,
        }

    def routes(self) -> list[web.RouteDef]:
        """The addresses of these handlers."""
        return [
            web.get("/predict.json", self.predict),
            web.post("/predict.json", self.predict),
            web.post("/search.json", self.search),
            web.post(OLD_SEARCH, self.search),
            web.get("/healthz", self.healthz),
            web.get("/openapi.json", self.openapi),
        ]


def _unread(photo: Unread) -> dict[str, Any]:
    nothing = dict.fromkeys((*NUMBERS, "like_training", "known", "worth", "point"))
    return nothing | {"others": (), "name": photo.name, "problem": photo.problem.sentence()}
