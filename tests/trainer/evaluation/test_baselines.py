"""Answers without photos: they know only what they were fitted to, count a horse once, and shrink by evidence."""

import numpy as np
import pytest

from tests.trainer.evaluation.simulated import horses, table
from trainer.dataset.examples import Side
from trainer.evaluation.baselines import WORDS, Baseline, answer_without_photos
from trainer.evaluation.folds import Fold, make_folds, pool
from trainer.evaluation.shrinking import group_means


def test_the_mean_is_that_of_the_fold_and_not_the_median() -> None:
    data = table(
        [{"horse_id": f"h{place}", "label": label} for place, label in enumerate((0.0, 0.1, 0.8))]
        + [{"horse_id": "new", "label": 1.0, "side": Side.TEST}]
    )
    found = answer_without_photos(data, [Fold(1, data.on(Side.TRAIN), data.on(Side.TEST))])
    assert list(found) == [Baseline.MEAN]
    assert found[Baseline.MEAN] == pytest.approx([0.3])


def test_a_group_is_drawn_to_the_mean_by_the_variances_of_its_horses() -> None:
    draw = np.random.default_rng(1)
    effect, count = draw.normal(0, 0.1, 60), 8
    names = np.repeat(np.arange(60), count).astype(object)
    label = 0.5 + np.repeat(effect, count) + draw.normal(0, 0.2, 60 * count)
    found = group_means(names, label, np.arange(len(names)), np.arange(60).astype(object))
    means = label.reshape(60, count).mean(1)
    shrinkage = np.polyfit(means - label.mean(), found - label.mean(), 1)[0]
    assert shrinkage == pytest.approx(count / (count + 0.2**2 / 0.1**2), abs=0.1)
    assert ((found - 0.5 - effect) ** 2).mean() < ((means - 0.5 - effect) ** 2).mean()


def test_groups_that_differ_by_chance_alone_are_the_mean() -> None:
    names = np.array(["x", "y"] * 50, object)
    label = np.tile([0.1, 0.1, 0.9, 0.9], 25)
    found = group_means(names, label, np.arange(100), np.array(["x", "y", "new", None], object))
    assert found == pytest.approx(np.full(4, 0.5))


def test_a_horse_counts_once_in_its_group() -> None:
    draw = np.random.default_rng(2)
    names, label = np.repeat(["x", "y", "z"], 20).astype(object), draw.random(60) + np.repeat([0, 0.5, 1], 20)
    once = group_means(names, label, np.arange(60), np.array(["x"], object))
    again = np.r_[np.arange(60), np.repeat(0, 30)]  # thirty more photos of the first horse
    more = group_means(names[again], label[again], again, np.array(["x"], object))
    assert once - label.mean() == pytest.approx(more - label[again].mean(), abs=1e-6)


def test_the_distance_of_the_race_is_followed_also_where_it_turns() -> None:
    draw = np.random.default_rng(3)
    distances = draw.choice([1200, 1400, 1600, 1800, 2000, 2400, 3000], 400)
    labels = 0.9 - ((distances - 2000) / 1200) ** 2 + draw.normal(0, 0.05, 400)
    rows = [
        {"horse_id": f"h{place:03}", "label": labels[place], "distance": int(distances[place])} for place in range(400)
    ]
    rows[7]["distance"] = None
    data = table(rows)
    folds = make_folds(data, pool(data))
    found = answer_without_photos(data, folds)
    label = data.label[np.concatenate([fold.outside for fold in folds])]
    error = {name: float(((value - label) ** 2).mean()) for name, value in found.items()}
    assert error[Baseline.DISTANCE] < 0.3 * error[Baseline.MEAN]


def test_all_together_finds_what_each_finds() -> None:
    draw = np.random.default_rng(5)
    count = 400
    sire, sex, weight = draw.normal(0, 0.1, 20), np.array([-0.1, 0.1]), draw.normal(470, 25, count)
    label = 0.5 + sire[np.arange(count) % 20] + sex[np.arange(count) // 20 % 2] + (weight - 470) / 400
    data = table(
        [
            {
                "horse_id": f"h{place:03}", "label": label[place], "sire": f"s{place % 20}",
                "sex": "mf"[place // 20 % 2], "horse_weight": int(weight[place]),
            }
            for place in range(count)
        ]
    )  # fmt: skip
    folds = make_folds(data, pool(data))
    found = answer_without_photos(data, folds)
    truth = data.label[np.concatenate([fold.outside for fold in folds])]
    error = {name: float(((value - truth) ** 2).mean()) for name, value in found.items()}
    assert set(found) == {Baseline.MEAN, Baseline.SIRE, Baseline.SEX, Baseline.HORSE_WEIGHT, Baseline.ALL}
    assert error[Baseline.ALL] < 0.25 * error[Baseline.MEAN]
    assert all(error[name] < 0.95 * error[Baseline.MEAN] for name in found if name is not Baseline.MEAN)


def test_no_baseline_knows_the_labels_that_it_answers() -> None:
    data = horses(80, np.random.default_rng(6).random(80))
    folds = make_folds(data, pool(data))
    before = answer_without_photos(data, folds[:1])
    data.label[folds[0].outside] = 1 - data.label[folds[0].outside]
    after = answer_without_photos(data, folds[:1])
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_every_baseline_has_its_words() -> None:
    assert list(WORDS) == list(Baseline)
