"""An API as OpenAPI 3.1 describes it: operations put together with the schemas of their models. Both servers use it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core.core_schema import WithDefaultSchema

from collector import __version__
from collector.web.server.answers import Problem, adapter_of
from collector.web.server.problems import Code, ProblemKind, problem_kinds

Schema = dict[str, Any]
Kinds = Mapping[str, Any]  # name of a field, or media type -> the kind of what it holds; None: bytes

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
IN_BRACES = re.compile(r"\{(\w+)\}")  # the fields of a path
REF = "#/components/schemas/{model}"
TEXT: Schema = {"type": "string"}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match", "in": "header", "required": False, "schema": TEXT,
    "description": "The ETag of an answer that is held already: 304 if it is still the answer.",
}  # fmt: skip
TAG = {"ETag": {"schema": TEXT, "description": "Of this answer, for If-None-Match."}}
NO_TOKEN: list[Schema] = []
TOKEN: list[Schema] = [{"token": []}]


@dataclass(frozen=True, slots=True)
class Operation:
    """What an address does for one method."""

    method: str  # of HTTP: get, post
    path: str
    name: str
    summary: str
    answers: Kinds
    problems: tuple[ProblemKind, ...] = ()
    query: Kinds = field(default_factory=dict)  # the fields after the path; each may be left out
    body: Kinds = field(default_factory=dict)
    tagged: bool = False  # whether the answer has an ETag
    security: list[Schema] | None = None  # None: as the whole document says
    pages: bool = False  # whether a problem is answered with a page
    done: str = "What was asked for."


class _Generator(GenerateJsonSchema):
    """Schemas of what is sent: without titles made of the names of fields, and without defaults."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: WithDefaultSchema) -> Schema:
        return self.generate_inner(schema["schema"])


class _Schemas:
    """The schemas of all kinds of things that the operations of a document take and give."""

    def __init__(self, kinds: Iterable[Any], codes: type[Code]) -> None:
        given: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]]
        given = [(kind, "serialization", adapter_of(kind)) for kind in dict.fromkeys(kinds)]
        found, rest = TypeAdapter.json_schemas(given, ref_template=REF, schema_generator=_Generator)
        self._of: dict[Any, Schema] = {kind: schema for (kind, _), schema in found.items()}
        self.components: dict[str, Schema] = rest["$defs"]
        self.components["Problem"]["properties"]["code"]["enum"] = [kind.word for kind in problem_kinds(codes)]

    def content(self, content: Kinds) -> Schema:
        """What an answer or a request holds, by media type."""
        return {"content": {media: {"schema": self._of[kind]} if kind else {} for media, kind in content.items()}}

    def parameters(self, fields: Kinds, location: str) -> list[Schema]:
        """The fields of an address; only those of its path are always needed."""
        needed = location == "path"
        return [{"name": name, "in": location, "required": needed, "schema": self._of[fields[name]]} for name in fields]


@dataclass(frozen=True, slots=True)
class Api:
    """All that a server answers to programs."""

    title: str
    description: str
    operations: Sequence[Operation]
    codes: type[Code]
    always: Sequence[ProblemKind]  # that any operation may have
    in_paths: Kinds = field(default_factory=dict)

    def document(self) -> Schema:
        """The whole document."""
        parts = (part for one in self.operations for part in (one.answers, one.query, one.body))
        kinds = [kind for part in (*parts, self.in_paths) for kind in part.values() if kind]
        schemas = _Schemas([str, Problem, *kinds], self.codes)
        paths: dict[str, Schema] = {}
        for one in self.operations:
            paths.setdefault(one.path, {})[one.method] = self._described(one, schemas)
        tokens = {"token": {"type": "http", "scheme": "bearer"}}
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": __version__, "description": self.description},
            "paths": paths,
            "components": {"schemas": schemas.components, "securitySchemes": tokens},
            "security": [{}, *TOKEN],
        }

    def _described(self, one: Operation, schemas: _Schemas) -> Schema:
        named = {name: self.in_paths[name] for name in IN_BRACES.findall(one.path)}
        parameters = schemas.parameters(named, "path") + schemas.parameters(one.query, "query")
        found: Schema = {"operationId": one.name, "summary": one.summary}
        if parameters or one.tagged:
            found["parameters"] = parameters + [IF_NONE_MATCH] * one.tagged
        if one.body:
            found["requestBody"] = {"required": True} | schemas.content(one.body)
        if one.security is not None:
            found["security"] = one.security
        return found | {"responses": self._responses(one, schemas)}

    def _responses(self, one: Operation, schemas: _Schemas) -> Schema:
        problem = schemas.content({"text/html": str} if one.pages else {JSON: Problem})
        found: Schema = {"200": {"description": one.done} | schemas.content(one.answers)}
        if one.tagged:
            found["200"]["headers"] = TAG
            found["304"] = {"description": "What is held already is still the answer."}
        codes = (*one.problems, *self.always)
        return found | {str(kind.status): {"description": "Why there is no answer."} | problem for kind in codes}
