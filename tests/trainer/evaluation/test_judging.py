"""Scores with intervals by horse, baselines, calibration; what `evaluate` and `diagnose` say of a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from collector.errors import UsageError
from collector.storage.racing import Kind, kind_of
from tests.trainer.conftest import CPU, FEW, SMALL, Trained, make_version, start, trained
from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.dataset.export import Request
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.baselines import Baseline
from trainer.evaluation.diagnose import _advice, _gaps, _Missed, diagnose, frame_of, noise_floor
from trainer.evaluation.diagnosis_page import _facts, _rows
from trainer.evaluation.evaluate import OUT_OF_FOLD, evaluate, evaluate_file, evaluate_out_of_fold
from trainer.evaluation.folds import pool
from trainer.evaluation.ledger import times_opened
from trainer.evaluation.report import sentence, write_report
from trainer.evaluation.scores import (
    Bootstrap,
    Score,
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
from trainer.training.learn import Report, learn
from trainer.training.material import gather


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
    bootstrap = Bootstrap(np.arange(40))
    found = bootstrap.correlation(ranks(one), ranks(other))
    assert found.value == pytest.approx(expected.statistic)
    assert found.low < found.value < found.high
    assert bootstrap.correlation(ranks(np.full(40, 0.3)), ranks(other)) == Score(0, 0, 0)
    same = bootstrap.correlation(ranks(one), ranks(one))
    assert (same.value, same.low, same.high) == pytest.approx((1, 1, 1))


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


def test_more_reviews_weigh_more() -> None:
    few, many = ({"horse_id": "a", "label": 0.5, "n": reviews} for reviews in (1, 9))
    weights = table([few, many, few | {"n": None}]).weights(3.0)
    assert weights.tolist() == pytest.approx([0.25, 0.75, 0.25])
    assert table([few, many]).weights(0.0).tolist() == [1, 1]


def test_the_noise_of_labels_is_what_they_state_and_not_guessed_from_reviews() -> None:
    stated = {"horse_id": "a", "label": 0.5, "n": 4, "labels": {"poll/distance": {"variance": 0.02}}}
    guessed = stated | {"labels": {"poll/distance": {"variance": None}}}
    assert noise_floor(table([stated, guessed])) == (pytest.approx(81 * 0.02), 1)
    assert noise_floor(table([guessed])) == (None, 0)


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
    assert evaluation.skill
    assert sentence(evaluation).startswith(f"{evaluation.verdict.words}.")
    assert {Baseline.MEAN, Baseline.SIRE, Baseline.SEX, Baseline.ALL} <= set(evaluation.baselines)
    assert list(evaluation.rivals) == ["svr"]
    share = 1 - evaluation.scores.mse.value / evaluation.baselines[Baseline.MEAN].mse.value
    assert evaluation.r2.value == pytest.approx(share)
    assert evaluation.as_json()["r2"]["value"] == pytest.approx(share)
    assert evaluation.photos == version.manifest.photos["test"]
    assert evaluation.leak is None
    page = write_report(run.folder / "evaluation", evaluation, answered, version)
    text = page.read_text()
    for plot in ("errors", "scatter", "calibration", "best", "worst"):
        assert f"({plot}.png)" in text
        assert (page.parent / f"{plot}.png").stat().st_size > 1000
    assert "| year 201" in text
    assert evaluation.averaging
    assert f"for {evaluation.averaging.horses} horses with several: MSE {evaluation.averaging.mean.value:.2f}" in text
    assert "The mean of its intervals contains" in text


def test_photos_that_were_learnt_from_prove_no_skill(directories: Directories, probe: Trained) -> None:
    evaluation, _ = evaluate(probe[0], Side.TRAIN, directories, CPU)
    assert evaluation.r2.low > 0
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
    assert not evaluation.as_json()["skill"]
    assert sentence(evaluation).startswith(("UNDECIDED", "NO SKILL", "WORSE", "CONSTANT"))


def test_a_split_by_issue_leaks_and_the_evaluation_says_how_much(
    cluster: str, few: tuple[Directories, Version], tmp_path: Path
) -> None:
    directories = few[0]
    leaky = make_version(cluster, tmp_path, FEW, Request(split="issues-2016"))
    assert leaky.manifest.leaks["horses"] > 5
    run, _, _ = trained(directories, leaky, "probe", *SMALL)
    evaluation, _ = evaluate(run, Side.VALIDATION, directories, CPU)
    assert evaluation.leak is not None
    assert set(evaluation.leak) == {"horses that training knew", "new horses"}
    assert sum(photos for photos, _ in evaluation.leak.values()) == evaluation.photos
    with pytest.raises(UsageError, match="no photo on the side test"):
        evaluate(run, Side.TEST, directories, CPU)


def test_a_diagnosis_compares_errors_and_advises_on_the_largest_sure_gap(probe: Trained) -> None:
    run, network, material = probe
    found = diagnose(run, network, material, CPU, human=0.1)
    assert list(found.errors) == ["train", "train_dev", "validation"]  # a look at the test would have to be counted
    assert list(found.gaps) == [Gap.BIAS, Gap.VARIANCE, Gap.MISMATCH]
    assert found.gaps[Gap.BIAS].value == pytest.approx(found.errors["train"].value - 0.1)
    total = sum(gap.value for gap in found.gaps.values())
    assert total == pytest.approx(found.errors["validation"].value - 0.1)
    assert all(gap.low < gap.value < gap.high for gap in found.gaps.values())
    sure = {name: gap.value for name, gap in found.gaps.items() if gap.low > 0}
    assert found.advice[0].lower().startswith(max(sure, key=lambda gap: sure[gap]))
    assert not found.constant
    assert found.causes == []


def of_horses(horses: int, error: float) -> _Missed:
    draw = np.random.default_rng(horses)
    return _Missed(horses, Score(error, error - 1, error + 1), error + draw.normal(0, 0.5, 2000))


def test_a_step_that_rests_on_few_horses_is_not_judged() -> None:
    gaps = _gaps({Side.TRAIN: of_horses(200, 2.0), Side.TRAIN_DEV: of_horses(5, 9.0)}, None)
    assert list(gaps) == []
    assert list(_gaps({Side.TRAIN: of_horses(200, 2.0), Side.TRAIN_DEV: of_horses(5, 9.0)}, 1.0)) == [Gap.BIAS]


def test_a_negative_step_is_one_that_may_be_zero(probe: Trained) -> None:
    run, network, material = probe
    found = diagnose(run, network, material, CPU, human=None)
    sides = {Side.TRAIN: of_horses(200, 2.0), Side.TRAIN_DEV: of_horses(20, 1.8), Side.VALIDATION: of_horses(40, 1.9)}
    found.gaps = _gaps(sides, 1.9)
    steps = {row[0]: row[2] for row in _rows(found)}
    assert "human level is not known" in steps["train"]
    assert all("which may be zero" in steps[side] for side in ("train_dev", "validation"))
    assert _advice(found)[0].startswith("None of the steps is surely above zero")
    found.gaps = {}
    assert "too few horses to say" in _rows(found)[-1][2]


def test_where_it_looks_is_said_only_where_photos_agree(probe: Trained) -> None:
    run, network, material = probe
    found = diagnose(run, network, material, CPU, human=None)
    for shares, words in (([0.50, 0.60, 0.40, 0.52], "as far as that shows"), ([0.3, 0.31, 0.29], "less there than")):
        found.frame = frame_of([(share, 0.53) for share in shares])
        assert words in " ".join(_facts(found))


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


# --- out of fold, and answers of others -------------------------------------------------------------------


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_judged_out_of_fold_and_so_is_a_file_of_its_answers(
    directories: Directories, version: Version, probe: Trained, tmp_path: Path
) -> None:
    run, _, material = probe
    evaluation, answered = evaluate_out_of_fold(run, directories, CPU)
    assert evaluation.skill
    assert "out of fold" in sentence(evaluation)
    assert sorted(answered.examples.tolist()) == pool(material.table).tolist()
    assert evaluation.opened is None
    write_report(tmp_path, evaluation, answered, version)
    rows = parquet.read_table(tmp_path / "predictions.parquet").to_pylist()
    assert {row["fold"] for row in rows} == {1, 2, 3, 4, 5}
    assert "test" not in {row["side"] for row in rows}
    of_file, _ = evaluate_file(tmp_path / "predictions.parquet", version, OUT_OF_FOLD)
    assert of_file.verdict is evaluation.verdict
    assert of_file.unanswered == 0
    for name, gain in evaluation.gains.items():
        assert of_file.gains[name].low == pytest.approx(gain.low, abs=1e-6)
    some = tmp_path / "some.csv"
    some.write_text("photo,value\n" + "".join(f"{row['photo']},{row['value']}\n" for row in rows[:50]))
    of_some, answers = evaluate_file(some, version, OUT_OF_FOLD)
    assert (of_some.photos, of_some.unanswered) == (50, len(rows) - 50)
    assert of_some.coverage is None
    text = write_report(tmp_path / "some", of_some, answers, version).read_text()
    assert f"because they have no answer: {len(rows) - 50} more photos of the pool" in text


@pytest.mark.usefixtures("undrawn")
def test_each_look_at_the_test_is_counted_and_printed(
    directories: Directories, version: Version, probe: Trained, tmp_path: Path
) -> None:
    before = times_opened(version)
    evaluation, answered = evaluate(probe[0], Side.TEST, directories, CPU)
    assert evaluation.as_json()["opened"] == before + 1 == times_opened(version)
    text = write_report(tmp_path, evaluation, answered, version).read_text()
    assert f"The final test of {version.name} was opened" in text
    evaluate(probe[0], Side.VALIDATION, directories, CPU)
    assert times_opened(version) == before + 1
    of_file, _ = evaluate_file(tmp_path / "predictions.parquet", version, Side.TEST)
    assert of_file.opened == before + 2
    with pytest.raises(UsageError, match="has no answer to any of the"):
        evaluate_file(tmp_path / "predictions.parquet", version, OUT_OF_FOLD)


@pytest.mark.usefixtures("undrawn")
def test_types_are_named_on_the_distance_axis_only(
    directories: Directories, version: Version, probe: Trained, tmp_path: Path
) -> None:
    evaluation, answered = evaluate(probe[0], Side.VALIDATION, directories, CPU)
    assert "| types |" in write_report(tmp_path, evaluation, answered, version).read_text()
    surface = replace(evaluation, label_key="poll/surface")
    assert "types" not in write_report(tmp_path, surface, answered, version).read_text()
