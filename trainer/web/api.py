"""The API for programs: the field names of the first demo (2017), and new ones."""

from typing import Any

from aiohttp import web

from collector.web.server.answers import as_json
from collector.web.server.problems import Problem
from trainer.web import answer_cache
from trainer.web.forms import Form, find_photo, read_form
from trainer.web.openapi import document
from trainer.web.problems import Code
from trainer.web.schemas import Answer, Found, Health
from trainer.web.service import Service

OLD_SEARCH = "/{source:[a-z][a-z0-9_]*}/search.json"  # the old address, which begins with the name of a site


class Api:
    """The handlers that answer with JSON."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def predict(self, request: web.Request) -> web.Response:
        """Answer for a photo."""
        async with self.service.slot():
            form = Form(request.query) if request.method == "GET" else await read_form(request)
            given = await find_photo(form, self.service)
            answer = await self.service.answer(given, show=False)
        return as_json(Answer, _facts(answer) | self.service.about.as_json())

    async def search(self, request: web.Request) -> web.Response:
        """Find horses and their labels in the collection; no request is sent to another site."""
        form = await read_form(request)
        name = form.fields.get("name", "").strip()
        if not name:
            raise Problem(Code.NOT_UNDERSTOOD, "it needs a horse's name")
        with self.service.searching() as collection:
            found = await collection.horses(name)
        first = found[0] if found else None
        of_first = {"url": first.source_url if first else None, "score": first.value if first else None}
        return as_json(Found, {"name": name, "horses": found} | of_first)

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


def _facts(answer: answer_cache.Answer) -> dict[str, Any]:
    return {
        **{name: getattr(answer.prediction, name) for name in ("value", "low", "high", "kind", "metres")},
        "like_training": None if answer.strange is None else not answer.strange,
        "known": answer.known,
        "similar": answer.similar,
    }
