"""Ridge regression in blocks: the same as scikit-learn's, in less memory, and near it where it is randomised."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from trainer.models import ridge
from trainer.models.ridge import FOLDS, STRENGTHS, Standardised, solve

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def drawn(photos: int, features: int, decay: float = 0.0) -> Drawn:
    """Features, labels, horses and weights; with `decay` few directions hold most of what the features vary."""
    draw = np.random.default_rng(1)
    kinds = min(features, 60)
    hidden = draw.normal(size=(photos, kinds)) * np.exp(-decay * np.arange(kinds))
    seen = hidden @ draw.normal(size=(kinds, features)) + 0.01 * draw.normal(size=(photos, features))
    label = 0.5 + 0.1 * hidden[:, :3].sum(1) + 0.1 * draw.normal(size=photos)
    return (
        (3 + 2 * seen).astype(np.float32),
        label,
        np.arange(photos) // 3,
        draw.random(photos).astype(np.float32) + 0.1,
    )


def by_scikit_learn(features: np.ndarray, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> float:
    """The strength that cross-validation with a fit for each fold and strength chooses."""
    errors = np.zeros(len(STRENGTHS))
    for inside, outside in GroupKFold(FOLDS).split(features, groups=horse):
        for position, strength in enumerate(STRENGTHS):
            values = Ridge(strength).fit(features[inside], label[inside], weight[inside]).predict(features[outside])
            errors[position] += weight[outside] @ (values - label[outside]) ** 2
    return float(STRENGTHS[errors.argmin()])


@pytest.mark.parametrize(("photos", "features"), [(45, 90), (300, 30), (300, 90)])
@pytest.mark.parametrize("block", [ridge.BLOCK, 4096])
def test_the_ridge_is_that_of_scikit_learn(
    photos: int, features: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ridge, "BLOCK", block)
    seen, label, horse, weight = drawn(photos, features)
    data = Standardised.of(seen)
    standard = ((seen - seen.mean(0, dtype=np.float64)) / seen.std(0, dtype=np.float64)).astype(np.float64)
    line = solve(data, label, horse, weight)
    assert line.strength == by_scikit_learn(standard, label, horse, weight)
    expected = Ridge(line.strength).fit(standard, label, weight)
    assert line.slopes == pytest.approx(expected.coef_, abs=1e-6)
    assert line.level == pytest.approx(expected.intercept_, abs=1e-6)


def test_one_horse_gets_the_middle_strength() -> None:
    seen, label, _, weight = drawn(20, 5)
    line = solve(Standardised.of(seen), label, np.zeros(20), weight)
    assert line.strength == STRENGTHS[len(STRENGTHS) // 2]


def test_a_randomised_ridge_answers_nearly_as_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, label, horse, weight = drawn(900, 400, decay=0.1)
    data = Standardised.of(seen)
    exact = solve(data, label, horse, weight)
    monkeypatch.setattr(ridge, "EXACT", 100)
    monkeypatch.setattr(ridge, "DIRECTIONS", 70)
    near = solve(data, label, horse, weight)
    standard = (seen - data.mean) / data.deviation
    answers = [standard @ line.slopes + line.level for line in (exact, near)]
    assert not np.array_equal(answers[0], answers[1])
    assert np.abs(answers[0] - answers[1]).max() < 0.02 * answers[0].std()


def test_features_mapped_from_a_file_are_never_all_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "BLOCK", 1_000_000)
    seen, label, horse, weight = drawn(40_000, 128)
    np.save(tmp_path / "features.npy", seen)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        solve(Standardised.of(mapped), label, horse, weight)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < seen.nbytes / 2
