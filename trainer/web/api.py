"""The API for programs: the field names of the first demo (2017), and new ones."""

from typing import Any

from aiohttp import web

from collector.web.server.answers import as_json
from collector.web.server.problems import Problem
from trainer.web import answer_cache
from trainer.web.forms import Form, find_photos, read_form
from trainer.web.openapi import document
from trainer.web.problems import Code
from trainer.web.schemas import Answer, Found, Health
from trainer.web.service import Service
from trainer.web.together import Together, Unread

NUMBERS = ("value", "low", "high", "kind", "metres")  # of an answer
OLD_SEARCH = "/{source:[a-z][a-z0-9_]*}/search.json"  # the old address, which begins with the name of a site


class Api:
    """The handlers that answer with JSON."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def predict(self, request: web.Request) -> web.Response:
        """Answer for the photos of a horse."""
        async with self.service.slot():
            form = Form(request.query) if request.method == "GET" else await read_form(request)
            found = await self.service.answer_all(find_photos(form, self.service), show=False)
        return as_json(Answer, _facts(found) | self.service.about.as_json())

    async def search(self, request: web.Request) -> web.Response:
        """Find horses and their labels in the collection; no request is sent to another site."""
        form = await read_form(request)
        name = form.fields.get("name", "").strip()
        if not name:
            raise Problem(Code.NOT_UNDERSTOOD, "it needs a horse's name")
        with self.service.searching() as collection:
            found = await collection.horses(name, self.service.about.axis)
        first = found[0] if found else None
        of_first = {"url": first.source_url if first else None, "score": first.value if first else None}
        return as_json(Found, {"name": name, "axis": self.service.about.axis, "horses": found} | of_first)

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer that the server works, and with which run."""
        return as_json(Health, self.service.about.as_json())

    async def openapi(self, _request: web.Request) -> web.Response:
        """The OpenAPI document."""
        return as_json(dict[str, Any], document())

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


def _facts(found: Together) -> dict[str, Any]:
    photos = [_unread(one) if isinstance(one, Unread) else _read(one) | {"name": one.name} for one in found.photos]
    return _read(found) | {"similar": found.similar, "photos": photos}


def _read(answer: Together | answer_cache.Answer) -> dict[str, Any]:
    return {
        **{name: getattr(answer.prediction, name) for name in NUMBERS},
        "others": answer.prediction.others,
        "like_training": None if answer.strange is None else not answer.strange,
        "known": answer.known,
        "problem": None,
    }


def _unread(photo: Unread) -> dict[str, Any]:
    nothing = dict.fromkeys((*NUMBERS, "like_training", "known"))
    return nothing | {"others": (), "name": photo.name, "problem": photo.problem.sentence()}
