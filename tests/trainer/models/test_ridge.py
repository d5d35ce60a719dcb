"""Ridge regression in blocks: the same as scikit-learn's, in less memory, for several outputs at once."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from trainer.models import ridge
from trainer.models.ridge import FOLDS, STRENGTHS, Standardised, solve

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def drawn(photos: int, features: int) -> Drawn:
    """Features, labels, horses and weights."""
    draw = np.random.default_rng(1)
    kinds = min(features, 60)
    hidden = draw.normal(size=(photos, kinds))
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
    lines = solve(data, label[:, None], horse, weight[:, None])
    assert lines.strength == by_scikit_learn(standard, label, horse, weight)
    expected = Ridge(lines.strength[0]).fit(standard, label, weight)
    assert lines.slopes[:, 0] == pytest.approx(expected.coef_, abs=1e-6)
    assert lines.level == pytest.approx(expected.intercept_, abs=1e-6)


def test_one_horse_gets_the_middle_strength() -> None:
    seen, label, _, weight = drawn(20, 5)
    lines = solve(Standardised.of(seen), label[:, None], np.zeros(20), weight[:, None])
    assert lines.strength == STRENGTHS[len(STRENGTHS) // 2]


# Photos, features, and the limit beyond which both are too many for a decomposition.
WAYS = {"features by features": (60, 20, ridge.EXACT), "photos by photos": (40, 70, ridge.EXACT), "steps": (60, 50, 10)}


@pytest.mark.parametrize("way", WAYS)
@given(seed=st.integers(0, 2**32 - 1), outputs=st.integers(2, 5), known=st.floats(0.3, 1.0))
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
def test_outputs_together_are_what_each_is_alone(way: str, seed: int, outputs: int, known: float) -> None:
    photos, features, exact = WAYS[way]
    draw = np.random.default_rng(seed)
    seen, first, horse, weight = drawn(photos, features)
    label = first[:, None] + draw.normal(size=outputs) * seen[:, :outputs] + 0.1 * draw.normal(size=(photos, outputs))
    weights = np.column_stack([weight, weight, *draw.random((outputs, photos)).round(1)])[:, :outputs]
    label[draw.random(label.shape) > known] = np.nan
    label[:, :2] = np.where(np.isnan(label[:, :1]), np.nan, first[:, None] * (1, -3))  # two of one weight
    label[draw.integers(photos)] = draw.random(outputs)
    weights[~np.isnan(label).any(1)] += 0.1  # each output has a photo
    data = Standardised.of(seen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ridge, "EXACT", exact)
        together = solve(data, label, horse, weights)
        for output in range(outputs):
            alone = solve(data, label[:, [output]], horse, weights[:, [output]])
            assert together.strength[output] == alone.strength
            near = {"rtol": 0, "atol": (1e-3 if way == "steps" else 1e-6) * np.abs(alone.slopes).max() + 1e-7}
            np.testing.assert_allclose(together.slopes[:, output], alone.slopes[:, 0], **near)
            np.testing.assert_allclose(together.level[output], alone.level[0], **near)


@pytest.mark.parametrize("way", WAYS)
def test_photos_without_a_label_or_a_weight_change_nothing_but_the_folds(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, features, exact = WAYS[way]
    monkeypatch.setattr(ridge, "EXACT", exact)
    seen, label, horse, weight = drawn(photos, features)
    data, known = Standardised.of(seen), np.arange(photos) % 3 > 0
    missing, unweighted = np.where(known, label, np.nan), np.where(known, weight, 0)
    lines = solve(data, np.column_stack([missing, label]), horse, np.column_stack([weight, unweighted]))
    standard = (seen[known] - data.mean) / data.deviation
    for output in (0, 1):
        expected = Ridge(lines.strength[output]).fit(standard.astype(np.float64), label[known], weight[known])
        assert lines.slopes[:, output] == pytest.approx(expected.coef_, abs=1e-4)
        assert lines.level[output] == pytest.approx(expected.intercept_, abs=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_an_output_whose_labels_lie_in_one_fold_gets_the_middle_strength(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, features, exact = WAYS[way]
    monkeypatch.setattr(ridge, "EXACT", exact)
    seen, label, horse, weight = drawn(photos, features)
    one = np.where(horse == 4, label, np.nan)
    lines = solve(Standardised.of(seen), np.column_stack([one, label]), horse, np.column_stack([weight, weight]))
    assert lines.strength[0] == STRENGTHS[len(STRENGTHS) // 2]
    assert np.isfinite(lines.slopes).all()


def test_a_solution_in_steps_is_nearly_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, label, horse, weight = drawn(300, 150)
    data = Standardised.of(seen)
    even = 0.5 + (seen - seen.mean(0)) @ np.random.default_rng(2).normal(size=150) / 1000  # no few directions hold it
    asked = np.column_stack([label, even]), horse, np.column_stack([weight, weight])
    exact = solve(data, *asked)
    monkeypatch.setattr(ridge, "EXACT", 100)
    near = solve(data, *asked)
    standard = (seen - data.mean) / data.deviation
    answers = [standard @ lines.slopes + lines.level for lines in (exact, near)]
    assert not np.array_equal(answers[0], answers[1])
    assert (near.strength == exact.strength).all()
    assert (np.abs(answers[0] - answers[1]).max(0) < 0.001 * answers[0].std(0)).all()


def test_features_mapped_from_a_file_are_never_all_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "BLOCK", 1_000_000)
    seen, label, horse, weight = drawn(40_000, 128)
    np.save(tmp_path / "features.npy", seen)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        solve(Standardised.of(mapped), label[:, None], horse, weight[:, None])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < seen.nbytes / 2
