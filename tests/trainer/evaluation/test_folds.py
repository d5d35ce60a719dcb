"""Folds: no horse and no copy on both sides of one, the same each time, and by time never from later horses."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import UsageError
from tests.trainer.evaluation.simulated import horses, table
from trainer.dataset.examples import Side
from trainer.evaluation.folds import deal_by_name, deal_by_time, make_folds, pool, together

DAYS = st.lists(st.integers(0, 6).map(lambda day: date(2015, 1, 1) + timedelta(days=day)), max_size=30)


@given(st.integers(0, 40), st.integers(2, 7))
def test_each_horse_is_answered_once_by_a_model_without_it(count: int, folds: int) -> None:
    dealt = deal_by_name([f"h{number}" for number in range(count)], folds)
    answered = np.sort(np.concatenate([outside for _, outside in dealt])) if dealt else np.zeros(0)
    assert answered.tolist() == (list(range(count)) if count > 1 else [])
    for inside, outside in dealt:
        assert not set(inside.tolist()) & set(outside.tolist())
        assert len(inside) + len(outside) == count
        assert abs(len(outside) - count / len(dealt)) < 1


@given(DAYS, st.integers(1, 6))
def test_by_time_no_model_has_seen_a_horse_of_the_same_day_or_later(seen: list[date], count: int) -> None:
    dealt = deal_by_time(seen, [f"h{number}" for number in range(len(seen))], count)
    assert len(dealt) <= count
    for inside, outside in dealt:
        assert max(seen[group] for group in inside) < min(seen[group] for group in outside)
    answered = [group for _, outside in dealt for group in outside.tolist()]
    assert len(answered) == len(set(answered))
    assert bool(dealt) == (len(set(seen)) > 1)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_horses_does_not_change_a_fold(random: "st.DataObject") -> None:
    names = [f"h{number}" for number in range(20)]
    shuffled = random.sample(names, len(names))  # pyright: ignore[reportAttributeAccessIssue]
    fold_of = [
        {frozenset(its[group] for group in outside.tolist()) for _, outside in deal_by_name(its, 5)}
        for its in (names, shuffled)
    ]
    assert fold_of[0] == fold_of[1]


def test_a_copy_is_in_the_fold_of_its_original_with_both_their_horses() -> None:
    data = table(
        [{"photo": f"s:1/{place}", "horse_id": f"h{place // 2}", "label": 0.5} for place in range(20)]
        + [{"photo": "s:2/1", "horse_id": "h3", "label": 0.5, "near_duplicate_of": "s:1/0"}]
    )
    groups = together(data)
    assert groups[0] == groups[1] == groups[6] == groups[20]
    assert len(set(groups.tolist())) == 9
    for fold in make_folds(data, pool(data)):
        assert not set(groups[fold.inside].tolist()) & set(groups[fold.outside].tolist())


def test_horses_of_the_test_side_are_in_no_fold_and_neither_are_their_copies() -> None:
    data = table(
        [
            {"photo": "s:1/1", "horse_id": "a", "label": 0.1},
            {"photo": "s:1/2", "horse_id": "b", "label": 0.2, "side": Side.VALIDATION},
            {"photo": "s:1/3", "horse_id": "c", "label": 0.3, "side": Side.TEST},
            {"photo": "s:1/4", "horse_id": "c", "label": 0.3},  # on two sides, as in the split of 2017
            {"photo": "s:1/5", "horse_id": "d", "label": 0.4, "near_duplicate_of": "s:1/3"},
        ]
    )
    assert pool(data).tolist() == [0, 1]


def test_one_horse_cannot_be_cross_fitted() -> None:
    data = table([{"horse_id": "a", "label": 0.1}, {"horse_id": "a", "label": 0.1}])
    with pytest.raises(UsageError, match="at least two horses"):
        make_folds(data, pool(data))


def test_by_time_the_earliest_horses_are_answered_by_none() -> None:
    data = horses(60, np.linspace(0, 1, 60))
    folds = make_folds(data, pool(data), by_time=True)
    answered = set(np.concatenate([data.horse[fold.outside] for fold in folds]).tolist())
    assert answered == set(range(10, 60))
