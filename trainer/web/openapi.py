"""The API as OpenAPI 3.1 describes it; the tests send what it allows and compare what comes back."""

from functools import cache
from typing import Any, get_type_hints

from collector.web.server.openapi import FORM, JSON, MULTIPART, NO_TOKEN, Api, Operation, Schema
from trainer.web.problems import Code
from trainer.web.schemas import Answer, Found, GivenName, GivenPhoto, Health, SentPhoto

ALWAYS = (Code.NO_TOKEN, Code.FROM_ELSEWHERE, Code.WRONG_HOST, Code.TOO_OFTEN, Code.FAILED, Code.BUSY)
OF_PHOTO = (Code.NOTHING_ASKED, Code.NOT_FOUND, Code.NO_PICTURE, Code.TOO_LARGE)
OPERATIONS = (
    Operation(
        "get", "/predict.json", "predictByAddress",
        "Distance aptitude of the horse on a photo that has an address, or comes within this one.",
        {JSON: Answer}, OF_PHOTO, query=get_type_hints(GivenPhoto, include_extras=True),
    ),
    Operation(
        "post", "/predict.json", "predict", "Distance aptitude of the horse on a photo that is sent along.",
        {JSON: Answer}, OF_PHOTO, body={FORM: GivenPhoto, MULTIPART: SentPhoto},
    ),
    Operation(
        "post", "/search.json", "searchHorse",
        "What reviewers think of a horse, by its name or part of it; from the collection, no site is asked.",
        {JSON: Found}, (Code.NOT_UNDERSTOOD, Code.NO_COLLECTION, Code.TOO_LARGE), body={FORM: GivenName},
    ),
    Operation(
        "get", "/healthz", "health", "Whether it answers, and with which run; needs no token.",
        {JSON: Health}, security=NO_TOKEN,
    ),
    Operation("get", "/openapi.json", "openapi", "This document.", {JSON: dict[str, Any]}),
)  # fmt: skip


@cache
def document() -> Schema:
    """The whole document."""
    return Api("Paddock", "Distance aptitude from paddock photos.", OPERATIONS, Code, ALWAYS).document()
