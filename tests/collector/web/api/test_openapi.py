"""The OpenAPI document is right, and the server keeps to it whatever is sent."""

import http.client
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema_rs import meta

from collector.web.api.openapi import document
from collector.web.app import make_app
from collector.web.server.guards import for_programs
from tests.collector.web.conftest import ADMIN, Shown, Site, generous
from tests.filled import execute

PATIENT = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
OPERATIONS = [f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item]
READING = [label for label in OPERATIONS if label.startswith("GET ")]
DECIDING = [label for label in OPERATIONS if label not in READING]
REAL = """
SELECT split_part(photo, '/', 1), split_part(photo, '/', 2), horse_id, race_id, left(horse_name, 3) FROM photo_search
WHERE value IS NOT NULL AND race_id IS NOT NULL ORDER BY photo LIMIT 1
"""


@cache
def schema() -> Any:
    """The document as schemathesis reads it, whose import takes two seconds."""
    import schemathesis

    return schemathesis.openapi.from_dict(document())


@cache
def operations() -> dict[str, Any]:
    """What the document offers, by method and path."""
    return {found.ok().label: found.ok() for found in schema().get_all_operations()}


def assert_conforms(case: Any, response: Any) -> None:
    """The answer's status, type and body are as the document says."""
    from schemathesis.specs.openapi import checks

    conformance = (
        checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    )  # fmt: skip
    case.validate_response(response, checks=conformance)


some = settings(max_examples=20, deadline=None, suppress_health_check=PATIENT, derandomize=True, database=None)


@pytest.fixture(scope="module")
def site(shown: Shown) -> Iterator[Site]:
    """A server that is asked from outside its loop."""
    with Site(shown.conninfo) as site:
        yield site


@pytest.fixture(scope="module")
def real(shown: Shown) -> dict[str, Any]:
    """What stands in addresses that lead to something."""
    (row,) = execute(shown.conninfo, REAL)
    return dict(zip(("issue", "number", "horse_id", "race_id", "name"), row, strict=True)) | {"width": 320}


def fetch(site: Site, path: str) -> http.client.HTTPResponse:
    """The answer to a path as it stands here, which no client has put right before."""
    connection = http.client.HTTPConnection(site.base.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", "/")
    connection._buffer[0] = b"GET " + path.encode("latin-1") + b" HTTP/1.1"  # pyright: ignore[reportAttributeAccessIssue]
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_the_document_is_openapi() -> None:
    schema().validate()
    assert all(map(meta.is_valid, document()["components"]["schemas"].values()))
    methods = {f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item}
    assert methods == set(operations())
    assert DECIDING == ["POST /api/decisions/match", "POST /api/decisions/forget"]


def test_the_document_names_every_address_for_programs(site: Site) -> None:
    assert site.service is not None
    routes = {resource.canonical for resource in make_app(site.service).router.resources()}
    pictures = {"/photos/{issue}/{number}/original", "/photos/{issue}/{number}/{width}.jpg"}
    assert {route for route in routes if for_programs(route) and "{old_" not in route} | pictures == set(
        document()["paths"]
    )


@pytest.mark.parametrize("label", READING)
def test_what_exists_is_answered_as_the_document_says(site: Site, real: dict[str, Any], label: str) -> None:
    operation = operations()[label]
    paths, queries = (
        {field.name: real[field.name] for field in fields if field.name in real}
        for fields in (operation.path_parameters, operation.query)
    )
    case = operation.Case(path_parameters=paths, query=queries)
    response = case.call(base_url=site.base)
    assert response.status_code == 200
    assert response.content not in (b"", b"[]")
    assert_conforms(case, response)


@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_the_document_allows_is_answered_as_it_says(site: Site, label: str) -> None:
    @some
    @given(case=operations()[label].as_strategy())
    def check(case: Any) -> None:
        response = case.call(base_url=site.base)
        assert response.status_code < 500
        assert_conforms(case, response)

    check()


@pytest.mark.parametrize("label", DECIDING)
def test_whatever_is_to_be_decided_is_answered_as_the_document_says(own: Shown, label: str) -> None:
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:

        @some
        @given(case=operations()[label].as_strategy())
        def check(case: Any) -> None:
            case.headers = {"Authorization": f"Bearer {ADMIN}"}
            response = case.call(base_url=site.base)
            assert response.status_code < 500
            assert_conforms(case, response)

        check()


@settings(some, max_examples=60)
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60))
@example(path="api/horses?name=\xed\xa0\x80")
@example(path="api/suggest?name=%ED%A0%80%00")
@example(path="horses/\xed\xa0\x80")
@example(path="horses/%ED%A0%80")
@example(path="horses/%00%00")
@example(path="api/photos/%00")
@example(path="?name=\xed\xa0\x80&race=\xff&course=%00&before=\xff")
@example(path="static/\xed\xa0\x80")
def test_any_address_at_all_gets_an_answer(site: Site, path: str) -> None:
    assert fetch(site, f"/{path}").status < 500
