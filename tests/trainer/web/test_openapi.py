"""The OpenAPI document is right, and the server keeps to it for any request."""

import http.client
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import meta

from tests.trainer.web.conftest import REACH, Held, Site
from trainer.web.openapi import document

PATIENT = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
OPERATIONS = [f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item]


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


some = settings(max_examples=25, deadline=None, suppress_health_check=PATIENT, derandomize=True, database=None)


@pytest.fixture(scope="module")
def site(held: Held) -> Iterator[Site]:
    """A server that is asked from outside its loop."""
    with Site(held, REACH, rate=10_000) as site:
        yield site


def test_the_document_is_openapi() -> None:
    schema().validate()
    assert all(map(meta.is_valid, document()["components"]["schemas"].values()))
    assert set(operations()) == {
        "GET /predict.json", "POST /predict.json", "POST /search.json", "GET /healthz", "GET /openapi.json",
    }  # fmt: skip


def test_every_answer_has_all_its_fields_and_no_other() -> None:
    schemas = document()["components"]["schemas"]
    for name in ("Answer", "Photo", "Known", "Similar", "Horse", "Found", "Health", "Problem"):
        assert schemas[name]["additionalProperties"] is False
        assert schemas[name]["required"] == list(schemas[name]["properties"])
    assert set(schemas["Similar"]["properties"]) - set(schemas["Known"]["properties"]) == {"distance"}


@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_the_document_allows_is_answered_as_it_says(site: Site, label: str) -> None:
    @some
    @given(case=operations()[label].as_strategy())
    def check(case: Any) -> None:
        response = case.call(base_url=site.base)
        assert response.status_code < 500
        assert_conforms(case, response)

    check()


@some
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_any_address_at_all_gets_an_answer(site: Site, path: str) -> None:
    connection = http.client.HTTPConnection(site.base.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", f"/{path}")
    connection.endheaders()
    assert connection.getresponse().status < 500
    connection.close()
