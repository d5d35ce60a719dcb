"""What the mean of a horse's photos is worth, beside one photo."""

import numpy as np
import pytest

from tests.trainer.evaluation.simulated import horses, table
from trainer.evaluation.groups import averaging
from trainer.evaluation.predictions import Answered


def test_what_errs_by_photo_is_halved_by_two_photos_and_what_errs_by_horse_is_not() -> None:
    count, draw = 400, np.random.default_rng(0)
    data = horses(count, np.full(count, 0.5))
    by_photo = draw.normal(0, 0.1, 2 * count)
    by_horse = np.repeat(draw.normal(0, 0.1, count), 2)
    examples = np.arange(2 * count)
    for errors, saved in ((by_photo, 0.5), (by_horse, 0.0)):
        found = averaging(Answered(data, examples, 0.5 + errors))
        assert found
        assert found.horses == count
        assert found.gain.low - 1e-6 <= saved <= found.gain.high + 1e-6
        assert found.mean.value == pytest.approx((1 - found.gain.value) * found.one.value)
        assert found.mean_covered is None


def test_only_horses_with_several_photos_count_and_each_counts_once() -> None:
    data = table([{"horse_id": name, "label": 0.5} for name in ("a", "a", "a", "b", "c", "c")])
    value = np.array([0.6, 0.6, 0.9, 0.1, 0.5, 0.7])
    found = averaging(Answered(data, np.arange(6), value, (value - 0.15, value + 0.15)))
    assert found
    assert found.horses == 2
    assert found.one.value == pytest.approx(81 * np.mean([(0.01 + 0.01 + 0.16) / 3, 0.02]))
    assert found.mean.value == pytest.approx(81 * np.mean([0.2**2, 0.1**2]))
    assert found.one_covered
    assert found.mean_covered
    assert found.one_covered.value == pytest.approx(np.mean([2 / 3, 1 / 2]))
    assert found.mean_covered.value == pytest.approx(0.5)
    assert averaging(Answered(data, np.array([2, 3, 4]), value[:3])) is None
