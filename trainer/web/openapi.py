"""The OpenAPI 3.1 document of the API. The tests send requests that it allows and validate the answers."""

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
        "Distance aptitude of the horse on a photo that is given by its address or as data.",
        {JSON: Answer}, OF_PHOTO, query=get_type_hints(GivenPhoto, include_extras=True),
    ),
    Operation(
        "post", "/predict.json", "predict", "Distance aptitude of the horse on an uploaded photo.",
        {JSON: Answer}, OF_PHOTO, body={FORM: GivenPhoto, MULTIPART: SentPhoto},
    ),
    Operation(
        "post", "/search.json", "searchHorse",
        "Labels of horses, by name or part of a name; from the collection, without requests to other sites.",
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
    return Api("Paddock", "Distance aptitude from paddock photos.", OPERATIONS, Code, ALWAYS).document()
