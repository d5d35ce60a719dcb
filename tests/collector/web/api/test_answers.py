"""Answers are checked by the models that the document is made of."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from collector.storage.racing import Axis
from collector.web.api.entries import Aptitudes, History, Opinion
from collector.web.api.fields import SEARCH
from collector.web.api.openapi import document
from collector.web.search.address import FIELDS
from collector.web.server.answers import Answer, encoded

OPINION: dict[str, Any] = {
    "value": 0.25, "reviews": 4, "evidence": None, "left_px": 30, "right_px": 10, "source_url": "http://a.example/",
    "at": datetime(2026, 1, 2, 3, tzinfo=UTC),
}  # fmt: skip


def test_an_answer_takes_what_it_names_and_nothing_else() -> None:
    sent = json.loads(encoded(Opinion, OPINION | {"horse_key": "x"}))
    assert list(sent) == ["value", "reviews", "evidence", "left_px", "right_px", "source_url", "observed_at"]
    assert sent["observed_at"] == "2026-01-02T03:00:00+00:00"


@pytest.mark.parametrize("wrong", [{"value": 1.5}, {"reviews": -1}, {"left_px": ["wide"]}])
def test_what_is_not_as_the_document_says_is_not_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        encoded(Opinion, OPINION | wrong)


@pytest.mark.parametrize("odd", [{"source_url": None}, {"evidence": "later"}])
def test_what_a_table_lacks_or_a_later_version_wrote_is_sent_as_it_is(odd: dict[str, Any]) -> None:
    assert json.loads(encoded(Opinion, OPINION | odd)).items() >= odd.items()


@pytest.mark.parametrize("kind", [Aptitudes, History])
def test_aptitudes_are_answered_for_every_axis(kind: type[Answer]) -> None:
    assert list(kind.model_fields) == [axis.value for axis in Axis]


def test_the_document_has_every_field_of_the_search() -> None:
    assert tuple(SEARCH) == FIELDS


def test_every_answer_has_all_its_fields_and_no_other() -> None:
    objects = [one for one in document()["components"]["schemas"].values() if one.get("type") == "object"]
    assert len(objects) > 20
    for one in objects:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
