"""How much less answers miss than others, and whether that is more than chance. Horses are what varies by chance."""

from dataclasses import dataclass

import numpy as np

from trainer.evaluation.scores import LEVEL, Bootstrap


@dataclass(frozen=True, slots=True)
class Gain:
    """The share of a baseline's squared error that answers save; against the mean label it is R2."""

    value: float
    low: float  # of the interval of LEVEL
    high: float
    p: float  # of the one-sided test that the gain is not above zero; below (1 - LEVEL) / 2 where `low` is above zero

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def gain_over(baseline: np.ndarray, errors: np.ndarray, bootstrap: Bootstrap) -> Gain:
    """The gain of answers with these squared errors over a baseline's on the same photos, (n,) each.

    The interval is a bootstrap-t over horses (Efron 1981; Hall 1988): each resample's gain is divided by its own
    standard error. A few horses with a large error make gains skewed, and the plain percentile interval then excludes
    zero too often. `benchmarks/verdicts.py` measures both.
    """
    saved, whole = bootstrap.by_horse(baseline - errors), bootstrap.by_horse(baseline)
    horses = len(whole)
    if horses < 2 or whole.sum() <= 0:
        return Gain(0.0, float("nan"), float("nan"), 1.0)
    value, error = _ratio(_columns(saved, whole).sum(1), horses)
    if error == 0:  # such as that of the baseline itself
        return Gain(float(value), float(value), float(value), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled, errors_of = _ratio(bootstrap.resampled(*_columns(saved, whole)), horses)
        # A resample of one horse alone says nothing of the error, so it widens the interval.
        studentised = (resampled - value) / errors_of
    studentised = np.sort(np.where(np.isnan(studentised), np.inf, studentised))
    # Whole ranks, so that `low` is above zero exactly where p is below the tail.
    last = int((1 - LEVEL) / 2 * (len(studentised) + 1)) - 1
    high, low = value - studentised[[last, -1 - last]] * error
    beyond = len(studentised) - np.searchsorted(studentised, value / error)
    return Gain(float(value), float(low), float(high), float((beyond + 1) / (len(studentised) + 1)))


def _columns(saved: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.stack([saved, whole, saved**2, saved * whole, whole**2])


def _ratio(sums: np.ndarray, horses: int) -> tuple[np.ndarray, np.ndarray]:
    """The ratio of two sums over horses, and its standard error by the delta method; from the sums of `_columns`."""
    saved, whole, saved2, both, whole2 = sums
    ratio = saved / whole
    squares = np.maximum(saved2 - 2 * ratio * both + ratio**2 * whole2, 0)
    return ratio, np.sqrt(squares * horses / (horses - 1)) / whole
