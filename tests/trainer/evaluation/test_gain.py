"""The gain over a baseline: its interval is right for skewed gains, and it is a test."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.evaluation.gain import gain_over
from trainer.evaluation.scores import Bootstrap

HORSES = 150


def test_a_gain_against_the_mean_is_r2() -> None:
    draw = np.random.default_rng(1)
    label = draw.random(400)
    value = label + draw.normal(0, 0.1, 400)
    base, errors = (label - label.mean()) ** 2, (value - label) ** 2
    gain = gain_over(base, errors, Bootstrap(np.arange(400)))
    assert np.isclose(gain.value, 1 - errors.sum() / base.sum())
    assert gain.low < gain.value < gain.high
    assert gain.p < 0.001


def test_skewed_gains_of_nothing_are_rarely_called_a_gain() -> None:
    draw, bootstrap = np.random.default_rng(2), Bootstrap(np.arange(HORSES))
    plain = studentised = 0
    for _ in range(400):
        saved = 0.3 - draw.gamma(0.3, 1.0, HORSES)  # its mean is zero: many small gains, few large losses
        base = draw.gamma(2.0, 1.0, HORSES)
        plain += bootstrap.mean(saved).low > 0
        studentised += gain_over(base, base - saved, bootstrap).low > 0
    assert plain > 0.045 * 400  # what the percentile interval did, at 2.5 %
    assert studentised < 0.04 * 400


def test_ten_photos_of_one_horse_gain_no_surer_than_one() -> None:
    draw = np.random.default_rng(3)
    base, errors = draw.random(40), draw.random(40)
    once = gain_over(base, errors, Bootstrap(np.arange(40)))
    tenfold = gain_over(np.repeat(base, 10), np.repeat(errors, 10), Bootstrap(np.repeat(np.arange(40), 10)))
    assert np.allclose([once.value, once.low, once.high], [tenfold.value, tenfold.low, tenfold.high])


def test_the_baseline_gains_nothing_over_itself() -> None:
    errors = np.random.default_rng(4).random(30)
    gain = gain_over(errors, errors, Bootstrap(np.arange(30)))
    assert (gain.value, gain.low, gain.high, gain.p) == (0, 0, 0, 1)


def test_one_horse_proves_nothing() -> None:
    gain = gain_over(np.ones(5), np.zeros(5), Bootstrap(np.zeros(5)))
    assert np.isnan(gain.low)
    assert gain.p == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_the_interval_and_the_test_say_the_same(horses: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    base, errors = draw.gamma(1.0, 1.0, horses) + 0.01, draw.gamma(0.8, 1.0, horses)
    gain = gain_over(base, errors, Bootstrap(np.arange(horses)))
    assert (gain.low > 0) == (gain.p < 0.025)
    assert gain.low <= gain.value <= gain.high or horses < 5
