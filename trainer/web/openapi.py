"""The API as OpenAPI 3.1 describes it; the tests send what it allows and compare what comes back."""

from typing import Any

from collector import __version__
from collector.storage.racing import Kind
from collector.web.server.problems import ProblemKind, problem_kinds
from trainer.dataset.examples import Side
from trainer.evaluation.verdict import Verdict
from trainer.web.problems import Code

Schema = dict[str, Any]

SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
TEXT: Schema = {"type": "string"}
MAYBE_SHARE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
KINDS = [kind.value for kind in Kind]
VERDICTS = [*(verdict.value for verdict in Verdict if verdict is not Verdict.LEARNT), None]


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _said(schema: Schema, words: str) -> Schema:
    return schema | {"description": words}


RUN: dict[str, Schema] = {
    "run": _said(TEXT, "The run that answers."),
    "data": _said(TEXT, "The data set version that it has learnt from."),
    "verdict": {"enum": VERDICTS, "description": "What `trainer evaluate` says of it on horses it had never seen."},
}
KNOWN = _object(
    {
        "horse_id": TEXT,
        "horse_name": TEXT,
        "photo": _said(TEXT, "Issue and number."),
        "value": _said(SHARE, "What reviewers think: 0 short to 1 long."),
        "reviews": _said(COUNT, "How many."),
        "side": {"enum": [side.value for side in Side], "description": "Of the data set; training has seen `train`."},
        "page_url": _said(TEXT, "Where the photo is published."),
        "picture": _said(TEXT, "Where this server shows it, small."),
        "distance": _said({"type": "number", "minimum": 0}, "In the run's feature space."),
    },
    optional=("distance",),
)
ANSWER = _object(
    {
        "score": _said(SHARE, "The same as `value`, under the name that it had in 2017."),
        "value": _said(SHARE, "Distance aptitude: 0 short to 1 long."),
        "low": _said(SHARE, "Lower end of the interval."),
        "high": _said(SHARE, "Upper end of the interval."),
        "coverage": _said(SHARE, "Share of horses whose label lies within the interval."),
        "kind": {"enum": KINDS},
        "looks_like_a_horse": _said({"type": ["boolean", "null"]}, "null: this run cannot tell."),
        "known": {"anyOf": [{"$ref": "#/components/schemas/Known"}, {"type": "null"}]},
        "similar": {"type": "array", "items": {"$ref": "#/components/schemas/Known"}},
        **RUN,
    }
)
HORSE = _object(
    {
        "horse_id": TEXT,
        "name": TEXT,
        "url": TEXT,
        "score": _said(MAYBE_SHARE, "null: nobody has reviewed it, or nobody has asked."),
        "reviews": COUNT,
        "observed_at": MAYBE_TEXT,
    }
)
FOUND = _object(
    {
        "name": _said(TEXT, "As it was asked for."),
        "url": _said(MAYBE_TEXT, "Of the first horse; null: there is none of that name."),
        "score": _said(MAYBE_SHARE, "Of the first horse."),
        "horses": {"type": "array", "items": {"$ref": "#/components/schemas/Horse"}},
    }
)
HEALTH = _object({"status": {"const": "ok"}, **RUN})
PROBLEM = _object(
    {"error": _said(TEXT, "One sentence."), "code": {"enum": [kind.word for kind in problem_kinds(Code)]}}
)

PHOTO = {
    "url": _said(TEXT, "Address of a photo."),
    "data": _said(TEXT, "The photo as a data: URI, or base64."),
    "photo": _said(TEXT, "Id of a photo of the collection."),
}
FILE: Schema = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The photo."}
ALWAYS = (Code.NO_TOKEN, Code.FROM_ELSEWHERE, Code.WRONG_HOST, Code.TOO_OFTEN, Code.FAILED, Code.BUSY)
PHOTO_PROBLEMS = (Code.NOTHING_ASKED, Code.NOT_FOUND, Code.NO_PICTURE, Code.TOO_LARGE)


def _answers(name: str, *problems: ProblemKind) -> Schema:
    told: Schema = {"200": _json("What was asked for.", name)}
    for code in (*problems, *ALWAYS):
        told[str(code.status)] = _json("Why there is no answer.", "Problem")
    return told


def _json(words: str, name: str) -> Schema:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _forms(fields: dict[str, Schema], required: list[str], file: bool) -> Schema:
    plain = {"type": "object", "properties": fields, "required": required}
    content: Schema = {"application/x-www-form-urlencoded": {"schema": plain}}
    if file:
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": {"file": FILE, **fields}}}
    return {"required": True, "content": content}


def document() -> Schema:
    """The whole document."""
    schemas = {
        "Answer": ANSWER, "Known": KNOWN, "Horse": HORSE, "Found": FOUND, "Health": HEALTH, "Problem": PROBLEM,
        "Document": {"type": "object"},
    }  # fmt: skip
    itself: Schema = {"operationId": "openapi", "summary": "This document.", "responses": _answers("Document")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Paddock", "version": __version__, "description": "Distance aptitude from paddock photos."},
        "paths": {
            "/predict.json": _predict(),
            "/search.json": {"post": _search()},
            "/healthz": {"get": _health()},
            "/openapi.json": {"get": itself},
        },
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _predict() -> Schema:
    """Answers for a photo."""
    queries = [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in PHOTO.items()]
    return {
        "get": {
            "operationId": "predictByAddress",
            "summary": "Distance aptitude of the horse on a photo that has an address, or comes within this one.",
            "parameters": queries,
            "responses": _answers("Answer", *PHOTO_PROBLEMS),
        },
        "post": {
            "operationId": "predict",
            "summary": "Distance aptitude of the horse on a photo that is sent along.",
            "requestBody": _forms(PHOTO, [], file=True),
            "responses": _answers("Answer", *PHOTO_PROBLEMS),
        },
    }


def _search() -> Schema:
    """What is known of a horse."""
    return {
        "operationId": "searchHorse",
        "summary": "What reviewers think of a horse, by its name or part of it; from the collection, no site is asked.",
        "requestBody": _forms({"name": TEXT}, ["name"], file=False),
        "responses": _answers("Found", Code.NOT_UNDERSTOOD, Code.NO_COLLECTION, Code.TOO_LARGE),
    }


def _health() -> Schema:
    """Whether it answers."""
    return {
        "operationId": "health",
        "summary": "Whether it answers, and with which run; needs no token.",
        "responses": _answers("Health"),
        "security": [],
    }
