"""The learning curve: the error for fewer training horses, and an estimate for more."""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from trainer.dataset.data import Progress, no_progress
from trainer.dataset.examples import Side
from trainer.models.device import Device
from trainer.models.features import answer_version
from trainer.runs.runs import Run
from trainer.training.learn import Report, learn, mse
from trainer.training.material import Material

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the training horses
DRAWS = 3  # random choices of horses for each share below 1, whose errors are averaged


@dataclass(frozen=True, slots=True)
class Point:
    """The errors for one share of the horses, on the scale 1..10."""

    share: float
    horses: int
    train_mse: float
    validation_mse: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of a learning curve, and the estimate for twice the horses."""

    points: list[Point]
    doubled: float | None  # expected validation MSE with twice the horses; None if no curve fits


def learning_curve(
    run: Run,
    material: Material,
    device: Device,
    shares: Sequence[float] = SHARES,
    progress: Progress = no_progress,
) -> Curve:
    """Train a run's configuration again on growing shares of the training horses, chosen with a fixed random seed.

    `progress` gets the number of trainings that are done, and of all.
    """
    table = material.table
    inside, outside = table.on(Side.TRAIN), table.on(Side.VALIDATION)
    points, done = [], 0
    draws = [1 if share == 1 else DRAWS for share in shares]
    for share, count in zip(shares, draws, strict=True):
        errors = []
        horses = 0
        for seed in range(count):
            progress(done, sum(draws))
            done += 1
            chosen = _some_horses(table.horse[inside], share, seed)
            some = inside[np.isin(table.horse[inside], chosen)]
            horses = len(chosen)
            errors.append(_errors(run, material, device, some, outside))
        points.append(Point(share, horses, *(float(number) for number in np.mean(errors, axis=0))))
    progress(done, done)
    return Curve(points, _doubled(points))


def _some_horses(horse: np.ndarray, share: float, seed: int) -> np.ndarray:
    names = np.unique(horse)
    count = min(len(names), max(2, round(share * len(names))))
    return np.random.default_rng(seed).permutation(names)[:count]


def _errors(run: Run, material: Material, device: Device, some: np.ndarray, outside: np.ndarray) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        trial = Run(Path(folder), run.config, replace(run.facts, status="training", words=""))
        network = learn(trial, material, device, Report(), only=some)
    values = [
        answer_version(network, run.config, material.version, material.pixels, device, material.cache, its)[0].value
        for its in (some, outside)
    ]
    return mse(values[0], material.table.label[some]), mse(values[1], material.table.label[outside])


def _doubled(points: Sequence[Point]) -> float | None:
    """Fit error = floor + gain x horses^-rate, the usual form of learning curves (Hestness et al. 2017)."""
    horses = np.array([point.horses for point in points], float)
    errors = np.array([point.validation_mse for point in points])

    def law(count: np.ndarray, floor: float, gain: float, rate: float) -> np.ndarray:
        return floor + gain * count**-rate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # the covariance of the fit is not used
        try:
            start, most = (errors.min() / 2, errors.max(), 0.5), (20, 1e4, 2)
            fitted, _ = curve_fit(law, horses, errors, p0=start, bounds=(0, most))
        except (RuntimeError, ValueError):
            return None
    return float(law(2 * horses[-1], *fitted))
