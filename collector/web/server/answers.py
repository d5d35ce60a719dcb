"""What a server answers to programs: pydantic models check it when it is built, and describe it."""

import json
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from collector.web.server import problems


def means(words: str | None = None, column: str | None = None, **rules: Any) -> Any:
    """A field: what it means, the column that it is taken from where that has another name, and what else holds."""
    return Field(description=words, validation_alias=column, **rules)


class Answer(BaseModel):
    """The base of all answers; it takes what it names of a row or an object, and passes over the rest."""

    model_config = ConfigDict(
        json_schema_serialization_defaults_required=True, json_schema_extra={"additionalProperties": False}
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _as_stored(cls, value: object, check: ValidatorFunctionWrapHandler) -> object:
        """A word of a later version, and what a table lacks, are sent as they are: nobody is helped by no answer."""
        try:
            return check(value)
        except ValidationError:
            if value is None or isinstance(value, str):
                return value
            raise


class Problem(Answer):
    """Why there is no answer."""

    error: str = means("One sentence.")
    code: str


def encoded(kind: Any, known: object) -> bytes:
    """What is known as an answer of a kind, in JSON: dates as ISO has them, times in UTC and saying so.

    Raises:
        ValidationError: it is not such an answer.
    """
    adapter = adapter_of(kind)
    facts = adapter.dump_python(adapter.validate_python(known, from_attributes=True), warnings=False)
    return json.dumps(facts, ensure_ascii=False, default=_as_iso).encode()


def as_json(kind: Any, known: object, status: int = 200) -> web.Response:
    """What is known as an answer of a kind, to be sent."""
    return web.Response(body=encoded(kind, known), status=status, content_type="application/json", charset="utf-8")


def problem_as_json(problem: problems.Problem) -> web.Response:
    """A problem as programs read it: one sentence, and a word to decide by."""
    return as_json(Problem, {"error": problem.sentence(), "code": problem.code.word}, problem.status)


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """What checks and describes a kind of answer."""
    return TypeAdapter(kind)


def _as_iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
