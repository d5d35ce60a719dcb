"""Opinions are distributed like the real ones, vary around the truth, and change slowly."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from statistics import fmean

import pytest

from collector.demo.world.horses import Horse
from collector.demo.world.nature import standardised
from collector.demo.world.opinion import Graph, fine_bars, graph, is_retired, public_scale, reviews
from collector.demo.world.world import World

WORLD = World(0, range(2005, 2018), 50, 17)
NEUTRAL: Graph = ((58, 58), (58, 58), (58, 58), (58, 58), (58, 58))


@pytest.fixture(scope="module")
def horses() -> list[Horse]:
    return list(WORLD.horses())


@pytest.fixture(scope="module")
def graphs(horses: list[Horse]) -> list[Graph]:
    return [graph(horse, WORLD.opinion_month) for horse in horses]


def _months(first: date, count: int) -> Iterator[date]:
    for number in range(first.year * 12 + first.month - 1, first.year * 12 + first.month - 1 + count):
        yield date(number // 12, number % 12 + 1, 1)


def test_distance_is_distributed_as_in_reality(graphs: list[Graph]):
    values = [right / (left + right) for _, (left, right), *_ in graphs]
    share = len(values) / 100
    assert 22 < sum(value < 0.2 for value in values) / share < 27
    assert 17 < sum(0.2 <= value < 0.4 for value in values) / share < 24
    assert 38 < sum(0.4 <= value < 0.6 for value in values) / share < 45
    assert 9 < sum(value == 0.5 for value in values) / share < 13


def test_bars_are_116_px_together_and_117_where_all_agree(graphs: list[Graph]):
    clamped = 0
    for shown in graphs:
        for left, right in shown:
            assert left + right == 116 or (left + right == 117 and 1 in (left, right))
        clamped += sum(shown[1]) == 117
    assert 0.03 < clamped / len(graphs) < 0.06


def test_one_horse_in_ten_has_no_reviews_and_is_neutral_on_all_axes(horses: list[Horse], graphs: list[Graph]):
    for horse, shown in zip(horses, graphs, strict=True):
        assert (reviews(horse, WORLD.opinion_month) == 0) == (shown == NEUTRAL)
    assert 0.085 < graphs.count(NEUTRAL) / len(graphs) < 0.125


def test_a_tie_on_one_axis_is_an_opinion(graphs: list[Graph]):
    assert any(shown[1] == (58, 58) for shown in graphs if shown != NEUTRAL)


def test_opinion_is_nearer_to_the_truth_where_more_have_reviewed(horses: list[Horse], graphs: list[Graph]):
    off: dict[bool, list[float]] = {True: [], False: []}
    for horse, (_, (left, right), *_) in zip(horses, graphs, strict=True):
        count = reviews(horse, WORLD.opinion_month)
        if count and (count <= 3 or count >= 15):
            true = public_scale(standardised(horse.nature.distance))
            off[count >= 15].append(abs(right / (left + right) - true))
    few, many = fmean(off[False]), fmean(off[True])
    assert 0.05 < many < 0.09 < few < 0.16


def test_a_graph_is_always_the_same_in_a_month(horses: list[Horse]):
    month = date(2016, 5, 1)
    assert [graph(horse, month) for horse in horses[:200]] == [
        graph(horse, date(2016, 5, 31)) for horse in horses[:200]
    ]


def test_opinion_on_horses_that_race_changes_more_often(horses: list[Horse]):
    changes = {False: 0, True: 0}
    seen = {False: 0, True: 0}
    for horse in horses[::10]:
        shown = [(month, graph(horse, month)) for month in _months(date(2016, 1, 1), 24)]
        for (_, before), (month, after) in pairwise(shown):
            seen[is_retired(horse, month)] += 1
            changes[is_retired(horse, month)] += before != after
    assert 0.002 < changes[True] / seen[True] < 0.02
    assert 0.05 < changes[False] / seen[False] < 0.2


def test_reviews_only_grow(horses: list[Horse]):
    for horse in horses[::50]:
        counts = [reviews(horse, month) for month in _months(date(horse.born, 1, 1), 12 * 14)]
        assert counts == sorted(counts)
        assert counts[0] == 0


def test_now_and_then_a_first_review_comes_late(horses: list[Horse]):
    late = [horse for horse in horses if not horse.reviewed and reviews(horse, date(2040, 1, 1))]
    assert late
    assert all(reviews(horse, date(horse.born + 11, 12, 1)) == 0 for horse in late)


@pytest.mark.parametrize(
    ("bars", "fine"), [((116, 1), (194, 1)), ((1, 116), (1, 194)), ((58, 58), (97, 97)), ((107, 9), (179, 15))]
)
def test_the_finer_bars_say_the_same(bars: tuple[int, int], fine: tuple[int, int]):
    assert fine_bars(bars) == fine
