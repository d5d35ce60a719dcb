"""Scores with intervals by horse, baselines, calibration; what `evaluate` and `diagnose` say of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from collector.storage.racing import Kind, kind_of
from tests.trainer.conftest import CPU, SMALL, WORLD, Trained, make_version, start, trained
from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.dataset.export import Request
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.baselines import constant_median, mean_by_sex_and_age, mean_by_sire
from trainer.evaluation.diagnose import diagnose, noise_floor
from trainer.evaluation.evaluate import evaluate
from trainer.evaluation.report import sentence, write_report
from trainer.evaluation.scores import (
    Bootstrap,
    correlation,
    is_nearly_constant,
    kinds,
    measure,
    ranks,
    square,
)
from trainer.evaluation.verdict import Gap, Verdict
from trainer.inference.saliency import frame_share, saliency
from trainer.models.answers import COVERAGE, Answers, Calibration, calibrate
from trainer.runs.config import make_config
from trainer.training.learn import Report, gather, learn


def table(rows: list[dict[str, Any]]) -> Table:
    plain = {"side": "train", "n": 5, "sire": None, "sex": None, "age": None}
    return Table("v", [plain | row for row in rows])


# --- scores -----------------------------------------------------------------------------------------------


def test_errors_are_on_the_scale_of_the_first_attempt() -> None:
    assert square(np.array([0.5]), np.array([0.4])) == pytest.approx([0.81])  # 0.9 of 1..10, squared


@given(st.floats(0, 1))
def test_the_four_types_are_the_same_everywhere(label: float) -> None:
    assert list(Kind)[int(kinds(np.array([label]))[0])] is kind_of(label)


def test_the_rank_correlation_is_spearmans() -> None:
    from scipy.stats import spearmanr  # which takes half a second

    draw = np.random.default_rng(1)
    one, other = draw.random(40), draw.random(40)
    expected: Any = spearmanr(one, other)
    assert correlation(ranks(one), ranks(other), np.ones(40)) == pytest.approx(expected.statistic)
    assert correlation(ranks(np.full(40, 0.3)), ranks(other), np.ones(40)) == 0


def test_ten_photos_of_one_horse_prove_no_more_than_one() -> None:
    draw = np.random.default_rng(2)
    value, label = draw.random(30), draw.random(30)
    once = measure(value, label, Bootstrap(np.arange(30))).mse
    horse = np.repeat(np.arange(30), 10)
    tenfold = measure(np.repeat(value, 10), np.repeat(label, 10), Bootstrap(horse)).mse
    naive = measure(np.repeat(value, 10), np.repeat(label, 10), Bootstrap(np.arange(300))).mse
    assert tenfold.value == pytest.approx(once.value)
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=1e-6)
    assert naive.high - naive.low < 0.5 * (tenfold.high - tenfold.low)


def test_answers_that_hardly_differ_are_called_constant() -> None:
    label = np.linspace(0, 1, 50)
    assert is_nearly_constant(np.full(50, 0.4) + 1e-4 * label, label)
    assert not is_nearly_constant(0.4 + 0.2 * label, label)


# --- baselines --------------------------------------------------------------------------------------------


def test_baselines_know_the_training_side_only_and_count_every_horse_once() -> None:
    data = table(
        [
            {"horse_id": "a", "label": 0.1, "sire": "X", "sex": "male", "age": 3},
            {"horse_id": "a", "label": 0.1, "sire": "X", "sex": "male", "age": 3},
            {"horse_id": "b", "label": 0.9, "sire": "X", "sex": "female", "age": 3},
            {"horse_id": "c", "label": 0.5, "sire": "Y", "sex": "male", "age": 3, "side": "test"},
        ]
    )
    inside, outside = data.on(Side.TRAIN), data.on(Side.TEST)
    overall = (0.1 + 0.1 + 0.9) / 3
    assert constant_median(data, inside, outside) == pytest.approx([0.1])
    assert mean_by_sire(data, inside, outside) == pytest.approx([overall])  # its sire is new
    assert mean_by_sex_and_age(data, inside, outside) == pytest.approx([(0.1 + 3 * overall) / 4])
    assert mean_by_sire(data, inside, inside[:1]) == pytest.approx([(0.1 + 0.9 + 3 * overall) / 5])


# --- intervals --------------------------------------------------------------------------------------------


def test_intervals_hold_as_many_new_labels_as_they_promise() -> None:
    draw = np.random.default_rng(3)
    reached = []
    for _ in range(200):
        label = draw.random(160)
        value = np.clip(label + draw.normal(0, 0.1, 160), 0, 1).astype(np.float32)
        known = calibrate(Answers(value[:80], None), label[:80], np.arange(80))
        low, high = known.interval(value[80:], None)
        reached.append(((low <= label[80:]) & (label[80:] <= high)).mean())
    assert np.mean(reached) == pytest.approx(COVERAGE, abs=0.015)


def test_an_interval_widens_with_the_spread_that_a_head_predicts() -> None:
    known = Calibration({str(COVERAGE): 2.0}, relative=True)
    low, high = known.interval(np.array([0.5, 0.5]), np.array([0.01, 0.1]))
    assert (high - low).tolist() == pytest.approx([0.04, 0.4])


def test_without_a_validation_side_the_interval_is_the_whole_scale() -> None:
    known = calibrate(Answers(np.zeros(0, np.float32), None), np.zeros(0), np.zeros(0))
    assert [float(end[0]) for end in known.interval(np.array([0.5]), None)] == [0, 1]


def test_more_reviews_lower_the_floor_and_weigh_more() -> None:
    few, many = ({"horse_id": "a", "label": 0.5, "n": reviews} for reviews in (1, 9))
    assert noise_floor(table([few]))[0] == pytest.approx(81 * 0.25)
    assert noise_floor(table([many]))[0] == pytest.approx(81 * 0.25 / 8)
    assert noise_floor(table([few | {"n": None}])) == (None, 0)
    weights = table([few, many, few | {"n": None}]).weights(3.0)
    assert weights.tolist() == pytest.approx([0.25, 0.75, 0.25])
    assert table([few, many]).weights(0.0).tolist() == [1, 1]


@pytest.mark.parametrize("reviews", [2, 3, 10])
def test_the_floor_is_what_opinions_of_0_and_1_really_cost(reviews: int) -> None:
    truth = 0.4  # the mean opinion of all people
    labels = np.random.default_rng(5).binomial(reviews, truth, 4000) / reviews
    floor, _ = noise_floor(table([{"horse_id": "a", "label": label, "n": reviews} for label in labels]))
    assert floor == pytest.approx(81 * truth * (1 - truth) / reviews, rel=0.05)


def test_few_horses_promise_no_narrow_interval() -> None:
    label = np.array([0.2, 0.4, 0.6, 0.8, 0.5])
    few = calibrate(Answers(np.full(5, 0.5, np.float32), None), label, np.arange(5))
    assert few.widths["0.8"] < 1  # 5 / 6 of new horses are within the largest error of five
    assert few.widths["0.9"] == 1
    assert not few.promises
    spread = calibrate(Answers(np.full(5, 0.5, np.float32), np.full(5, 0.1, np.float32)), label, np.arange(5))
    low, high = spread.interval(np.array([0.5]), np.array([1e-4]))
    assert (low[0], high[0]) == (0, 1)
    many = calibrate(Answers(np.full(20, 0.5, np.float32), None), np.linspace(0, 1, 20), np.arange(20))
    assert many.promises


# --- a run is judged --------------------------------------------------------------------------------------


def test_a_model_with_skill_stands_beside_baselines_with_every_plot(
    directories: Directories, version: Version, probe: Trained
) -> None:
    run, _, _ = probe
    evaluation, answered = evaluate(run, Side.TEST, directories, CPU)
    assert sentence(evaluation).startswith("SKILL.")
    assert evaluation.verdict is Verdict.SKILL
    assert list(evaluation.baselines)[:4] == ["constant median", "mean per sex and age", "mean per sire", "svr"]
    gain = evaluation.gains["constant median"]
    difference = evaluation.baselines["constant median"].mse.value - evaluation.scores.mse.value
    assert gain.value == pytest.approx(difference)
    assert evaluation.photos == version.manifest.photos["test"]
    assert evaluation.leak is None
    page = write_report(run.folder / "evaluation", evaluation, answered, version)
    text = page.read_text()
    for plot in ("errors", "scatter", "calibration", "best", "worst"):
        assert f"({plot}.png)" in text
        assert (page.parent / f"{plot}.png").stat().st_size > 1000
    assert "| year 201" in text


def test_photos_that_were_learnt_from_prove_no_skill(directories: Directories, version: Version) -> None:
    run, _, _ = trained(directories, version, "probe", "height=32", "width=48")
    evaluation, _ = evaluate(run, Side.TRAIN, directories, CPU)
    assert evaluation.gains["constant median"].low > 0
    assert not evaluation.skill
    assert "SKILL" not in sentence(evaluation)
    assert evaluation.verdict is Verdict.LEARNT


def test_a_model_that_learnt_from_shuffled_labels_has_no_skill(directories: Directories, version: Version) -> None:
    config = make_config("probe", SMALL)
    run = start(directories, version, config)
    material = gather(version, config, directories.cache)
    inside = material.table.on(Side.TRAIN)
    material.table.label[inside] = np.random.default_rng(0).permutation(material.table.label[inside])
    learn(run, material, CPU, Report())
    evaluation, _ = evaluate(run, Side.TEST, directories, CPU)
    assert not evaluation.skill
    assert sentence(evaluation).startswith(("NO SKILL", "CONSTANT"))


def test_a_split_by_issue_leaks_and_the_evaluation_says_how_much(
    cluster: str, directories: Directories, tmp_path: Path
) -> None:
    leaky = make_version(cluster, tmp_path, WORLD, Request(split="issues-2016"))
    assert leaky.manifest.leaks["horses"] > 5
    run, _, _ = trained(directories, leaky, "probe", *SMALL)
    evaluation, _ = evaluate(run, Side.VALIDATION, directories, CPU)
    assert evaluation.leak is not None
    assert set(evaluation.leak) == {"horses that training knew", "new horses"}
    assert sum(photos for photos, _ in evaluation.leak.values()) == evaluation.photos
    with pytest.raises(UsageError, match="no photo on the side test"):
        evaluate(run, Side.TEST, directories, CPU)


def test_a_diagnosis_compares_errors_and_advises_on_the_largest_gap(probe: Trained) -> None:
    run, network, material = probe
    found = diagnose(run, network, material.table, material.pixels, CPU, human=1.0)
    assert list(found.errors) == ["train", "train_dev", "validation", "test"]
    assert set(found.gaps) == {"bias", "variance", "mismatch", "overfit_to_validation"}
    assert found.gaps[Gap.BIAS] == pytest.approx(found.errors["train"].value - 1.0)
    assert sum(found.gaps.values()) == pytest.approx(found.errors["test"].value - 1.0)
    largest = max(found.gaps, key=lambda gap: found.gaps[gap])
    assert found.advice[0].lower().startswith("the test is harder" if "overfit" in largest else largest)
    assert not found.constant
    assert found.causes == []


def test_saliency_is_the_same_twice_and_says_how_much_lies_on_the_frame(probe: Trained) -> None:
    _, network, material = probe
    pixels = np.array(material.pixels[:3])
    maps = saliency(network, pixels, CPU)
    assert maps.shape == (3, 64, 96)
    assert np.array_equal(maps, saliency(network, pixels, CPU))
    share, chance = frame_share(maps)
    assert 0 < share < chance
    flat = frame_share(np.ones((2, 40, 40)))
    assert flat[0] == pytest.approx(flat[1])
