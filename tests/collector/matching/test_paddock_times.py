"""A photo's race follows from its time; bursts are groups; a clock that is off is noticed where that can be seen."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.matching.paddock_times import CLOSES, GAP, OPENS, Start, bursts, race_of, suggested_offset

NOON = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RACES = [Start(f"20260505080{number:03}", "東京", NOON + 32 * number * MINUTE) for number in range(12)]
ELSEWHERE = [Start(f"20260905080{number:03}", "京都", NOON + (10 + 32 * number) * MINUTE) for number in range(12)]


@pytest.mark.parametrize(("before", "inside"), [(36, False), (35, True), (20, True), (10, True), (9, False)])
def test_a_race_has_the_photos_of_its_paddock(before: int, *, inside: bool) -> None:
    found = race_of(RACES[0].at - before * MINUTE, "東京", RACES + ELSEWHERE)
    assert found == (RACES[0] if inside else None)


def test_nobody_knows_the_race_without_the_racecourse() -> None:
    assert race_of(RACES[0].at - 20 * MINUTE, None, RACES) is None
    assert race_of(RACES[0].at - 20 * MINUTE, "中山", RACES) is None


def test_of_two_paddocks_at_once_the_nearer_one_counts() -> None:
    close = [Start("a", "東京", NOON), Start("b", "東京", NOON + 15 * MINUTE)]
    assert [race_of(NOON - before * MINUTE, "東京", close) for before in (25, 12)] == close


@given(st.lists(st.floats(0, 60, allow_nan=False), max_size=40))
def test_every_photo_is_in_one_burst_and_only_gaps_part_bursts(seconds: list[float]) -> None:
    times = [NOON + timedelta(seconds=second) for second in seconds]
    groups = bursts(times)
    assert sorted(index for group in groups for index in group) == list(range(len(times)))
    for group in groups:
        assert all(times[after] - times[before] <= GAP for before, after in pairwise(group))
    for one, other in pairwise(groups):
        assert times[other[0]] - times[one[-1]] > GAP


def walked(off: timedelta) -> list[datetime]:
    """Photos from 31 to 13 minutes before each start, by a clock that shows too little by `off`."""
    return [race.at - (31 - step) * MINUTE - off for race in RACES for step in range(0, 19, 2)]


@pytest.mark.parametrize("minutes", [7, -9, 540])
def test_a_clock_that_is_off_is_noticed(minutes: int) -> None:
    found = suggested_offset(walked(minutes * MINUTE), RACES)
    assert found is not None
    assert abs(found - minutes * MINUTE) <= 4 * MINUTE
    inside = [race_of(moment + found, "東京", RACES) for moment in walked(minutes * MINUTE)]
    assert None not in inside


def test_a_clock_that_is_right_or_cannot_be_judged_is_left_alone() -> None:
    assert suggested_offset(walked(timedelta(0)), RACES) is None
    assert suggested_offset(walked(7 * MINUTE)[:15], RACES) is None
    assert suggested_offset(walked(7 * MINUTE), RACES[:1]) is None
    all_day = [RACES[0].at + number * MINUTE for number in range(300)]
    assert suggested_offset(all_day, RACES) is None
    assert OPENS > CLOSES
