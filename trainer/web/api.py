"""The API for programs, with the names of the first demo (2017) and ours beside them."""

import json
from typing import Any

from aiohttp import web

from collector.web.server.problems import Problem
from trainer.inference.collection import FoundHorse
from trainer.models.answers import COVERAGE
from trainer.web.asked import Asked, find_photo, read_form
from trainer.web.kept import Answer
from trainer.web.openapi import document
from trainer.web.problems import Code
from trainer.web.service import Service

OLD_SEARCH = "/{source:[a-z][a-z0-9_]*}/search.json"  # as it was called under the name of a site


def as_json(facts: Any, status: int = 200) -> web.Response:
    """Facts as a JSON answer."""
    text = json.dumps(facts, ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json")


def problem_as_json(problem: Problem) -> web.Response:
    """A problem as programs are told of it: one sentence, and a word to decide by."""
    return as_json(problem.as_json(), problem.status)


class Api:
    """What is answered with JSON."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def predict(self, request: web.Request) -> web.Response:
        """An answer for a photo."""
        async with self.service.place():
            asked = Asked(request.query) if request.method == "GET" else await read_form(request)
            given = await find_photo(asked, self.service)
            answer = await self.service.answer(given, show=False)
        return as_json(self._answer(answer))

    def _answer(self, answer: Answer) -> dict[str, Any]:
        told = answer.prediction
        return {
            "score": told.value,  # its name in 2017
            "value": told.value,
            "low": told.low,
            "high": told.high,
            "coverage": COVERAGE,
            "kind": told.kind,
            "looks_like_a_horse": None if answer.strange is None else not answer.strange,
            "known": answer.known.as_json() if answer.known else None,
            "similar": [one.as_json() for one in answer.similar],
            **self.service.about.as_json(),
        }

    async def search(self, request: web.Request) -> web.Response:
        """What reviewers think of a horse, from the collection; no other site is asked."""
        asked = await read_form(request)
        name = asked.fields.get("name", "").strip()
        if not name:
            raise Problem(Code.NOT_UNDERSTOOD, "it needs a horse's name")
        with self.service.searching() as collection:
            found = await collection.horses(name)
        first = found[0] if found else None
        facts = {"name": name, "url": first.source_url if first else None, "score": first.value if first else None}
        return as_json(facts | {"horses": [_horse(horse) for horse in found]})

    async def healthz(self, _request: web.Request) -> web.Response:
        """Whether it answers, and with which run."""
        return as_json({"status": "ok"} | self.service.about.as_json())

    async def openapi(self, _request: web.Request) -> web.Response:
        """What this API is."""
        return as_json(document())

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/predict.json", self.predict),
            web.post("/predict.json", self.predict),
            web.post("/search.json", self.search),
            web.post(OLD_SEARCH, self.search),
            web.get("/healthz", self.healthz),
            web.get("/openapi.json", self.openapi),
        ]


def _horse(horse: FoundHorse) -> dict[str, Any]:
    return {
        "horse_id": horse.horse_id,
        "name": horse.name,
        "url": horse.source_url,
        "score": horse.value,
        "reviews": horse.reviews,
        "observed_at": horse.observed_at.isoformat() if horse.observed_at else None,
    }
