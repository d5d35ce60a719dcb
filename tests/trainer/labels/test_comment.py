"""The label of the expert: what remarks mean in metres, whose remark a photo has, and how far two experts agree."""

import json
from datetime import date, timedelta
from math import exp, log
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from collector.remarks.read import read_facts, read_remark
from collector.storage.racing import Axis
from tests.filled import execute
from trainer.labels.comment import Comment, Meant, meant_by
from trainer.labels.definition import HORSES, PHOTOS, Absent, Observed, Wanted
from trainer.labels.label import WhyNone
from trainer.labels.observing import Observations, observe
from trainer.labels.survey import survey
from trainer.labels.survey_page import label_rows

DAY = date(2016, 5, 2)
WANTED = Wanted(Comment(), Axis.DISTANCE)
SET = "UPDATE photo SET comment = %s, distance_said = %s, claims = %s WHERE id = %s"


def metres(text: str) -> tuple[int, int] | None:
    """The distances that a remark means; None: no distance."""
    found = meant_by([claim.as_json() for claim in read_remark(text).claims])
    return (round(exp(found.low)), round(exp(found.high))) if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1800～2200mがベスト", (1800, 2200)),
        ("ベストは1600m", (1455, 1760)),
        ("2000mもこなせる", (1600, 2500)),
        ("1600mまで", (1000, 1600)),
        ("1800m以上がいい", (1800, 3600)),
        ("1200mは忙しく、2000mは長い", (1200, 2000)),
        ("ベストは1400mだが、2000mまでこなせる", (1273, 1540)),
        ("短距離向き", (1000, 1400)),
        ("距離延長は歓迎", (1650, 3600)),
        ("距離は問題ない", None),
        ("毛ヅヤがいい", None),
    ],
)
def test_claims_stand_for_distances(text: str, expected: tuple[int, int] | None) -> None:
    assert metres(text) == expected


def test_what_is_named_exactly_is_surer_than_a_class_and_a_leaning() -> None:
    found = [
        meant_by([claim.as_json() for claim in read_remark(text).claims])
        for text in ("ベストは1600m", "1400～1800mがベスト", "マイラー", "マイル～中距離がベスト", "距離延長は歓迎")
    ]
    variances = [its.variance for its in found if isinstance(its, Meant)]
    assert len(variances) == 5
    assert variances == sorted(variances)


def row(day: int, text: str | None, **facts: Any) -> dict[str, Any]:
    """A remark of a horse as the database gives it."""
    claims = read_facts(text)["claims"]
    of_subject = {
        "key": "photo",
        "horse_id": "horse",
        "dated": DAY,
        "comment": "x",
        "distance_said": "said",
        "own": claims,
    }
    return of_subject | {"photo_id": f"p{day}", "issue_date": DAY + timedelta(days=day), "claims": claims} | facts


def test_a_photo_has_the_remark_beside_it_and_a_horse_the_mean_of_all() -> None:
    own = read_facts("ベストは2000m")["claims"]
    rows = [row(0, "ベストは1200m", own=own), row(60, "ベストは2000m", own=own)]
    found = Comment().judge(rows)
    assert isinstance(found, Observed)
    assert (found.value, found.n, found.evidence["kinds"]) == (pytest.approx(log(2000)), 1, ["best:around"])
    of_horse = Comment().judge([its | {"key": "horse", "dated": None} for its in rows])
    assert isinstance(of_horse, Observed)
    assert (of_horse.value, of_horse.n) == (pytest.approx((log(1200) + log(2000)) / 2), 2)


def test_two_remarks_within_thirty_days_are_a_pair() -> None:
    near, far = (
        Comment().judge([row(0, "ベストは1200m"), row(days, "ベストは1400m")]) for days in (30, 31)
    )  # fmt: skip
    assert isinstance(near, Observed)
    assert isinstance(far, Observed)
    assert near.pair == (pytest.approx(log(1200)), pytest.approx(log(1400)))
    assert far.pair is None


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"comment": None, "distance_said": None}, WhyNone.NO_REMARK),
        ({"distance_said": None}, WhyNone.NOT_READ),
        ({"distance_said": "nothing"}, WhyNone.NOTHING_SAID),
        ({"distance_said": "not_understood"}, WhyNone.NOTHING_SAID),
    ],
)
def test_without_a_claim_there_is_no_label_and_it_is_said_why(facts: dict[str, Any], why: WhyNone) -> None:
    assert Comment().judge([row(0, None, **facts)]) == Absent("photo", why)


def test_the_survey_shows_how_far_two_judges_agree() -> None:
    found = {
        f"h{n}": Observed(f"h{n}", f"h{n}", 7 + n / 50, 1, {}, variance=0.01, pair=(n, n + n % 3)) for n in range(40)
    }
    observations = Observations([WANTED], {WANTED.key: found}, {WANTED.key: {}})
    its = survey(observations, observations.settled(set()), "photos")
    (label,) = its.labels
    assert label.ceiling
    assert 0.9 < label.ceiling.value < 1
    assert label.ceiling.horses == 40
    assert label_rows(its)[0]["two judges"] == str(label.ceiling)


def test_remarks_are_read_from_the_collection_and_one_that_is_printed_twice_counts_once(filled: str) -> None:
    execute(filled, "UPDATE photo SET comment = NULL, distance_said = NULL, claims = '[]'")
    many = """SELECT met.horse_id, array_agg(photo.id ORDER BY photo.id), array_agg(photo.photo_id ORDER BY photo.id)
        FROM photo JOIN photo_match met USING (source, issue_code, number) WHERE met.horse_id IS NOT NULL
        GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
    ((horse_id, ids, photos),) = execute(filled, many)
    texts = ["ベストは1600m", "ベストは1600m", "気配がいい"]
    for number, text in zip(ids, texts, strict=False):
        facts = read_facts(text)
        execute(filled, SET, text, facts["distance_said"], json.dumps(facts["claims"]), number)
    with psycopg.Connection[dict[str, Any]].connect(filled, row_factory=dict_row) as connection:
        of_photos, of_horses = (observe(connection, [WANTED], subjects) for subjects in (PHOTOS, HORSES))
    assert set(of_photos.found[WANTED.key]) == set(photos[:2])
    assert of_photos.absent[WANTED.key][photos[2]] is WhyNone.NOTHING_SAID
    assert list(of_horses.found[WANTED.key]) == [horse_id]
    assert of_horses.found[WANTED.key][horse_id].n == 1
