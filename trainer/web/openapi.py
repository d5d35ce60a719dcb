"""The OpenAPI 3.1 document of the API. The tests send requests that it allows and validate the answers."""

from functools import cache
from typing import Any, get_type_hints

from collector.web.server.openapi import FORM, JSON, MULTIPART, NO_TOKEN, Api, Operation, Schema
from trainer.web.problems import Code
from trainer.web.schemas import Answer, Found, GivenName, GivenPhotos, Health, SentPhotos

ALWAYS = (Code.NO_TOKEN, Code.FROM_ELSEWHERE, Code.WRONG_HOST, Code.TOO_OFTEN, Code.FAILED, Code.BUSY)
OF_PHOTO = (Code.NOTHING_ASKED, Code.NOT_FOUND, Code.NO_PICTURE, Code.TOO_MANY, Code.TOO_LARGE)
OPERATIONS = (
    Operation(
        "get", "/predict.json", "predictByAddress",
        "What the run's label is for the horse on photos that are given by their addresses or as data.",
        {JSON: Answer}, OF_PHOTO, query=get_type_hints(GivenPhotos, include_extras=True),
    ),
    Operation(
        "post", "/predict.json", "predict", "What the run's label is for the horse on uploaded photos.",
        {JSON: Answer}, OF_PHOTO, body={FORM: GivenPhotos, MULTIPART: SentPhotos},
    ),
    Operation(
        "post", "/search.json", "searchHorse",
        "What reviewers think of horses on the run's axis, by name or part of a name; no other site is asked.",
        {JSON: Found}, (Code.NOT_UNDERSTOOD, Code.NO_COLLECTION, Code.TOO_LARGE), body={FORM: GivenName},
    ),
    Operation(
        "get", "/healthz", "health", "Whether the server works, and with which run; needs no token.",
        {JSON: Health}, security=NO_TOKEN,
    ),
    Operation("get", "/openapi.json", "openapi", "This document.", {JSON: dict[str, Any]}),
)  # fmt: skip


@cache
def document() -> Schema:
    """The whole document."""
    what = "What a run reads from paddock photos, such as distance aptitude."
    return Api("Paddock", what, OPERATIONS, Code, ALWAYS).document()
