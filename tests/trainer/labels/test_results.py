"""Labels from results: what a horse's starts say, and the race of the photo, which is never part of it."""

from datetime import date, timedelta
from math import exp, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.storage.racing import Axis
from trainer.labels.definition import Absent, Observed
from trainer.labels.label import WhyNone
from trainer.labels.results import DISTANCE, RESULTS, RESULTS_AFTER, RESULTS_PLACED, Results
from trainer.labels.starts import DAYS_AFTER, Market, Raced, Start, gather

ISSUE = date(2016, 5, 2)
MARKET = Market(slope=0.15, level=0.1)


def start(day: int, **facts: Any) -> Start:
    """A start some days after the issue."""
    plain: dict[str, Any] = {
        "race_id": f"r{day}", "race_date": ISSUE + timedelta(days=day), "distance": 1600, "surface": "turf",
        "going": "firm", "position": 4, "starters": 16, "odds": 8.0,
    }  # fmt: skip
    return Start(**(plain | facts))


def row(its: Start, taken_for: str | None = None, dated: date | None = ISSUE) -> dict[str, Any]:
    """A start as the database gives it for a photo."""
    facts = {name: getattr(its, name) for name in Start.__dataclass_fields__}
    return facts | {"key": "photo", "horse_id": "horse", "taken_for": taken_for, "dated": dated}


def seen(definition: Results, axis: str, *starts: Start) -> Observed:
    """What a definition observes for a photo with these starts."""
    raced = Raced("photo", "horse", None, ISSUE + DAYS_AFTER, starts)
    found = definition.judge(raced, axis, MARKET)
    assert isinstance(found, Observed)
    return found


def why_none(definition: Results, axis: str, *starts: Start) -> WhyNone:
    """Why a definition has no label for a photo with these starts."""
    found = definition.judge(Raced("photo", "horse", None, ISSUE + DAYS_AFTER, starts), axis, MARKET)
    assert isinstance(found, Absent)
    return found.why


# --- the race of the photo --------------------------------------------------------------------------------------
def test_the_race_that_a_photo_was_taken_for_is_left_out() -> None:
    raced = gather([row(start(day), taken_for="r7") for day in (-30, 7, 40)])
    assert [its.race_id for its in raced.starts] == ["r-30", "r40"]
    assert raced.race_id == "r7"


def test_where_the_race_is_not_known_the_days_around_the_issue_are_left_out() -> None:
    """An issue is dated on the Monday after its races, which are run on the days before."""
    raced = gather([row(start(day)) for day in (-30, -4, -3, -1, 0, 7, 10, 11, 40)])
    assert [its.race_id for its in raced.starts] == ["r-30", "r-4", "r11", "r40"]


def test_a_horse_alone_has_all_its_starts_and_a_horse_that_never_ran_none() -> None:
    assert len(gather([row(start(day), dated=None) for day in (-30, 7)]).starts) == 2
    nothing = dict.fromkeys([*Start.__dataclass_fields__, "taken_for", "dated"])
    assert gather([nothing | {"key": "a", "horse_id": "a"}]).starts == ()


def test_results_after_are_the_later_ones_alone() -> None:
    starts = [start(-30, distance=1200), start(11, distance=2000), start(40, distance=2400)]
    assert seen(RESULTS_AFTER, Axis.DISTANCE, *starts).value == pytest.approx((log(2000) + log(2400)) / 2)
    assert seen(RESULTS, Axis.DISTANCE, *starts).n == 3
    assert why_none(RESULTS_AFTER, Axis.DISTANCE, starts[0]) is WhyNone.NO_LATER_START
    assert why_none(RESULTS, Axis.DISTANCE) is WhyNone.NO_START


# --- the axes ------------------------------------------------------------------------------------------------------
def test_distance_is_the_mean_logarithm_and_its_spread() -> None:
    found = seen(RESULTS, Axis.DISTANCE, start(-9, distance=1000), start(-5, distance=1600), start(-2, distance=2500))
    assert exp(found.value) == pytest.approx((1000 * 1600 * 2500) ** (1 / 3))
    assert found.spread
    assert (found.n, found.spread.pieces, found.spread.freedom) == (3, 3, 2)
    assert found.halves == (pytest.approx((log(1000) + log(2500)) / 2), log(1600))
    assert found.evidence == {"starts": 3, "first": "2016-04-23", "last": "2016-04-30", "without": None}


def test_only_the_first_three_places_count_where_places_are_asked_for() -> None:
    starts = [start(-9, distance=1000, position=3), start(-5, distance=3000, position=4), start(-2, position=None)]
    assert exp(seen(RESULTS_PLACED, Axis.DISTANCE, *starts).value) == pytest.approx(1000)
    assert why_none(RESULTS_PLACED, Axis.DISTANCE, *starts[1:]) is WhyNone.NO_PLACE


def test_surface_is_where_it_placed() -> None:
    dirt = [start(-day, surface="dirt", position=1) for day in (9, 8, 7)]
    found = seen(RESULTS, Axis.SURFACE, *dirt, start(-5, position=9))
    assert (found.value, found.variance, found.n) == (log(3.5 / 0.5), 1 / 3.5 + 1 / 0.5, 3)
    assert why_none(RESULTS, Axis.SURFACE, start(-5, position=9)) is WhyNone.NO_PLACE


def test_wet_going_is_what_odds_do_not_explain() -> None:
    firm = [start(-9, position=1, odds=2.0), start(-8, position=9, odds=40.0)]
    wet = [start(-5, going="soft", position=16, odds=2.0)]
    found = seen(RESULTS, Axis.WET_GOING, *firm, *wet)
    expected = [(position - 1) / 15 - 0.1 - 0.15 * log(odds) for position, odds in ((1, 2), (9, 40), (16, 2))]
    assert found.value == pytest.approx(expected[2] - (expected[0] + expected[1]) / 2)
    assert found.spread
    assert (found.n, found.spread.pieces, found.spread.freedom) == (1, pytest.approx(2 / 3), 1)
    assert why_none(RESULTS, Axis.WET_GOING, *firm) is WhyNone.NO_CONTRAST


# --- scales --------------------------------------------------------------------------------------------------------
@given(st.floats(1000, 3200))
def test_a_label_of_distance_says_how_many_metres(metres: float) -> None:
    label = DISTANCE.label(log(metres))
    assert 0 <= label <= 1
    assert exp(DISTANCE.value(label)) == pytest.approx(metres)


def test_the_scale_ends_at_its_ends_and_turns_at_its_knots() -> None:
    assert [DISTANCE.label(log(metres)) for metres in (900, 1000, 1400, 1700, 2000, 3200, 3600)] == pytest.approx(
        [0, 0, 0.2, 0.4, 0.6, 1, 1]
    )
    assert DISTANCE.slope(log(3600)) == 0
