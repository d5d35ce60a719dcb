"""Labels of little evidence are drawn towards the mean, as far as training horses say."""

from math import log

import numpy as np
import pytest

from collector.storage.racing import Axis
from trainer.labels.definition import Observed, Spread, Wanted
from trainer.labels.poll import Poll
from trainer.labels.results import DISTANCE, RESULTS
from trainer.labels.shrink import estimate, settle

DISTANCES = Wanted(RESULTS, Axis.DISTANCE)
BETWEEN, WITHIN = 0.03, 0.015


def observed(horses: int, starts: int, seed: int = 0) -> tuple[np.ndarray, dict[str, Observed]]:
    """The true values of some horses, and what some starts of each say."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(log(1600), BETWEEN**0.5, horses)
    found = {}
    for number, value in enumerate(truth):
        its = draw.normal(value, WITHIN**0.5, starts)
        spread = Spread(starts, float(((its - its.mean()) ** 2).sum()), starts - 1)
        found[f"p{number}"] = Observed(f"p{number}", f"h{number}", float(its.mean()), starts, {}, spread=spread)
    return truth, found


def test_the_variances_of_horses_and_of_chance_are_found_again() -> None:
    _, found = observed(4000, 3)
    prior = estimate(list(found.values()))
    assert prior.between == pytest.approx(BETWEEN, rel=0.1)
    assert prior.within == pytest.approx(WITHIN, rel=0.1)
    assert prior.mean == pytest.approx(log(1600), abs=0.01)


def test_reliability_is_that_of_n_starts_and_the_label_is_nearer_to_the_truth() -> None:
    truth, found = observed(2000, 2)
    labels, prior = settle(DISTANCES, found, {one.horse_id for one in found.values()})
    assert prior.within is not None
    first = labels["p0"]
    assert first.reliability == pytest.approx(2 / (2 + prior.within / prior.between))
    assert first.variance == pytest.approx(
        prior.between * (1 - (first.reliability or 0)) * DISTANCE.slope(truth[0]) ** 2, rel=0.3
    )
    drawn = np.array([label.value for label in labels.values()])
    raw = np.array([DISTANCE.label(one.value) for one in found.values()])
    true = np.array([DISTANCE.label(value) for value in truth])
    assert ((drawn - true) ** 2).mean() < 0.9 * ((raw - true) ** 2).mean()


def test_variances_come_from_training_horses_alone() -> None:
    _, found = observed(300, 3)
    training = {f"h{number}" for number in range(200)}
    prior = settle(DISTANCES, found, training)[1]
    moved = {key: (one if one.horse_id in training else _moved(one)) for key, one in found.items()}
    assert settle(DISTANCES, moved, training)[1] == prior
    assert prior.horses == 200


def _moved(one: Observed) -> Observed:
    return Observed(one.key, one.horse_id, one.value + 3, one.n, {}, spread=one.spread)


def test_a_horse_of_many_photos_counts_once() -> None:
    _, found = observed(50, 3)
    again = found | {f"{key}-{number}": one for key, one in found.items() for number in range(9) if key == "p0"}
    horses = {one.horse_id for one in found.values()}
    assert settle(DISTANCES, again, horses)[1] == settle(DISTANCES, found, horses)[1]


def test_horses_that_do_not_differ_beyond_chance_have_one_label() -> None:
    draw = np.random.default_rng(1)
    found = {}
    for number in range(300):
        its = draw.normal(7.4, 0.3, 4)
        spread = Spread(4, float(((its - its.mean()) ** 2).sum()) * 1.5, 3)  # chance explains more than there is
        found[str(number)] = Observed(str(number), str(number), float(its.mean()), 4, {}, spread=spread)
    labels, prior = settle(DISTANCES, found, set(found))
    assert prior.between == 0
    assert len({round(label.value, 9) for label in labels.values()}) == 1
    assert {label.reliability for label in labels.values()} == {0}


def test_the_poll_is_taken_as_it_is() -> None:
    found = {str(n): Observed(str(n), str(n), n / 10, n, {"url": "u"}) for n in range(10)}
    labels, _ = settle(Wanted(Poll(), Axis.DISTANCE), found, set(found))
    assert [label.value for label in labels.values()] == [n / 10 for n in range(10)]
    assert {(label.variance, label.reliability, label.evidence) for label in labels.values()} == {
        (None, None, '{"url": "u"}')
    }
