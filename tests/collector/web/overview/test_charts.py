"""Where bars lie in the overview's charts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.storage.racing import Kind, kind_of
from collector.web.overview.charts import FULL, LEAST, columns, parts, ticks
from collector.web.overview.facts import BINS
from collector.web.overview.pages import bands, draw_host, share
from collector.web.overview.treatment import DAYS, HostReport

COUNTS = st.integers(0, 10**7)
CLOSE = 0.02  # percent and px: what rounding may add


@given(st.lists(st.lists(COUNTS, min_size=3, max_size=3), max_size=80), st.integers(40, 400), st.booleans())
def test_columns_stay_within_their_picture_and_never_lie_over_each_other(
    counts: list[list[int]], height: int, gap: bool
) -> None:
    chart = columns(counts, height, gap=gap)
    rects = [rect for stack in chart.stacks for rect in stack]
    assert all(rect.x >= -CLOSE and rect.x + rect.width <= FULL + CLOSE for rect in rects)
    assert all(rect.y >= 0 and rect.y + rect.height <= height + CLOSE and rect.height >= 0 for rect in rects)
    assert all(upper.y + upper.height <= lower.y + CLOSE for stack in chart.stacks for lower, upper in pairwise(stack))
    assert all(left[0].x + left[0].width <= right[0].x + CLOSE for left, right in pairwise(chart.stacks))
    assert all(0 <= line.y <= height for line in chart.lines)


@given(st.lists(COUNTS, min_size=2, max_size=60))
def test_a_column_is_as_tall_as_its_number(counts: list[int]) -> None:
    chart = columns([(number,) for number in counts], 200)
    top = chart.lines[-1]
    for number, (rect,) in zip(counts, chart.stacks, strict=True):
        assert rect.height == pytest.approx((200 - top.y) * number / top.value, abs=CLOSE)


@given(COUNTS)
def test_the_scale_reaches_the_largest_number_in_a_few_round_steps(most: int) -> None:
    marks = ticks(most)
    steps = {after - before for before, after in pairwise(marks)}
    assert marks[0] == 0
    assert marks[-1] >= max(most, 1)
    assert len(marks) <= 5
    assert len(steps) == 1
    assert str(steps.pop()).rstrip("0") in ("1", "2", "5")


@given(st.dictionaries(st.text(max_size=3), COUNTS, max_size=6))
def test_the_parts_of_a_bar_fill_it_in_order_and_can_be_seen(counts: dict[str, int]) -> None:
    found = parts(counts)
    assert list(found) == [name for name, number in counts.items() if number]
    at = 0.0
    for rect in found.values():
        assert rect.x == pytest.approx(at, abs=CLOSE)
        assert rect.width >= LEAST - CLOSE
        at = rect.x + rect.width
    assert at == pytest.approx(FULL if found else 0, abs=CLOSE)


@given(st.lists(COUNTS, min_size=BINS, max_size=BINS))
def test_each_bin_lies_in_the_band_of_its_own_type(bins: list[int]) -> None:
    found = bands(bins)
    assert [band.kind for band in found] == list(Kind)
    assert sum(band.horses for band in found) == sum(bins)
    for band, after in zip(found, [*(band.x for band in found[1:]), FULL], strict=True):
        indices = [index for index in range(BINS) if band.x <= FULL * (index + 0.5) / BINS < after]
        assert band.horses == sum(bins[index] for index in indices)
        assert {kind_of((index + 0.5) / BINS) for index in indices} == {band.kind}
        assert band.x < band.middle < after


@given(st.floats(0.001, 10**5), st.floats(0, 10**6), st.integers(0, 10**6))
def test_a_gap_and_the_delay_it_is_held_against_are_both_seen(delay: float, gap: float, requests: int) -> None:
    report = HostReport(
        "a", delay, None, gap, None, None, False, None, None, None, [(requests, 0)] * DAYS, {"new": requests * DAYS},
        None,
    )  # fmt: skip
    picture = draw_host(report)
    assert picture.gap is not None
    assert picture.delay is not None
    assert 0 <= picture.gap <= FULL
    assert 0 <= picture.delay <= FULL
    assert (picture.gap >= picture.delay) == (gap >= delay) or picture.gap == pytest.approx(picture.delay, abs=CLOSE)
    assert sum(picture.outcomes.values()) == report.requests


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "–"), (0, 9, "0%"), (9, 9, "100%"), (1, 10**5, "< 0.1%"), (10**5 - 1, 10**5, "99.9%"), (1, 3, "33%"),
        (1, 40, "2.5%"),
    ],
)  # fmt: skip
def test_a_share_is_never_rounded_to_nothing_or_to_all(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said
