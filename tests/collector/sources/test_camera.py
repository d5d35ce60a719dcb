"""The record of a camera's photo is checked when it is read; a position is at one racecourse or at none."""

from datetime import UTC, datetime
from math import inf, nan

import pytest

from collector.errors import ParseError
from collector.sources.camera.courses import COURSES, course_at
from collector.sources.camera.record import CameraRecord, parse_record, record_url
from collector.storage.items import IssueItem, PhotoItem

DIGEST = "0" * 64
RECORD = CameraRecord(
    digest=DIGEST, taken=datetime(2026, 11, 21, 15, 30, tzinfo=UTC), number=1042, camera="NIKON Z 9 00af",
    racecourse="東京", photographer="Aiko Tanaka", rights="CC BY 4.0", remark="胴長",
)  # fmt: skip


def test_a_record_says_when_and_where_and_names_no_horse() -> None:
    issue, photo = parse_record(record_url(DIGEST), RECORD.as_bytes().decode()).items
    assert isinstance(issue, IssueItem)
    assert isinstance(photo, PhotoItem)
    assert (issue.code, issue.race_days) == ("261122", [datetime(2026, 11, 22, tzinfo=UTC).date()])  # the day in Japan
    assert (photo.number, photo.horse_name, photo.comment, photo.racecourse) == (1042, None, "胴長", "東京")
    assert photo.taken_at == RECORD.taken
    assert '"taken": "2026-11-22T00:30:00+09:00"' in RECORD.as_bytes().decode()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"number": 1042', '"number": 10000', "number"),
        ("2026-11-22T00:30:00+09:00", "2026-11-22T00:30:00", "taken"),
        ("2026-11-22T00:30:00+09:00", "1826-11-22T00:30:00+09:00", "taken"),
        ("Aiko Tanaka", "Aiko\\\\u0000", "photographer"),
        ('"rights"', '"horse"', "rights"),
        ("0" * 64, "1" * 64, "digest"),
        ("{", "[", "record"),
    ],
)
def test_a_record_that_cannot_be_is_refused(old: str, new: str, field: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_record(record_url(DIGEST), RECORD.as_bytes().decode().replace(old, new.replace("\\\\", "\\"), 1))
    assert caught.value.field == field


def test_every_racecourse_is_found_from_its_paddock_and_no_other_place_is_one() -> None:
    for name, (north, east) in COURSES.items():
        assert course_at(north + 0.005, east - 0.005) == name
        assert course_at(north + 0.05, east) is None
    for north, east in ((nan, 0.0), (inf, inf), (0.0, 0.0), (90.0, 180.0), (-35.66, -139.48)):
        assert course_at(north, east) is None
