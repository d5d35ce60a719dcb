"""A run that learns a label of few horses beside another one: a fold may leave the rare one no photo to learn from."""

import numpy as np
import pytest

from collector.errors import UsageError
from tests.databases import EMPTY, copy_of
from tests.filled import fill
from tests.trainer.conftest import CPU, FEW, start
from trainer.dataset import card
from trainer.dataset.examples import Side
from trainer.dataset.export import Request, export
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.curve import learning_curve
from trainer.evaluation.evaluate import evaluate_out_of_fold
from trainer.evaluation.folds import Fold, folds_of
from trainer.labels.registry import wanted_labels
from trainer.models.answers import answer
from trainer.runs.config import make_config
from trainer.training.learn import Report, learn
from trainer.training.material import gather

RARE = "rare/distance"
HORSES = 3
TINY = ("height=16", "width=24", "epochs=1")
SMALL = ("height=32", "width=48")


@pytest.fixture(scope="module")
def rare(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Directories, Version]:
    """A data set in which three horses of the training side have a second label."""
    directories = Directories(tmp_path_factory.mktemp("home-of-rare"))
    path = directories.home / "rare.csv"
    with pytest.MonkeyPatch.context() as patch, copy_of(cluster, EMPTY) as conninfo:
        patch.setattr(card, "draw_plots", lambda *_: None)
        fill(conninfo, FEW)
        first = export(conninfo, directories.home / "first", Request())
        held = gather(first, make_config("svr"), directories.cache).table
        horses = sorted({held.rows[its]["horse_id"] for its in held.on(Side.TRAIN)})[:HORSES]
        path.write_text("horse,value\n" + "".join(f"{horse},0.{place}\n" for place, horse in enumerate(horses, 1)))
        labels = wanted_labels(["poll", str(path)], ["distance"])
        return directories, export(conninfo, directories.datasets, Request(labels=labels))


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("probe", SMALL),
        ("probe", (*SMALL, "regressor=sklearn.tree:DecisionTreeRegressor")),
        ("first-cnn", TINY),
    ],
)
def test_a_rare_label_is_judged_and_spoils_no_other(
    rare: tuple[Directories, Version], preset: str, settings: tuple[str, ...]
) -> None:
    directories, version = rare
    run = start(directories, version, make_config(preset, ("label=poll/distance", f"also={RARE}", *settings)))
    learn(run, gather(version, run.config, directories.cache), CPU, Report())
    judged, _ = evaluate_out_of_fold(run, directories, CPU, label=RARE)
    assert judged.horses + judged.unanswered >= HORSES
    assert np.isfinite(judged.scores.mse.value)
    first, _ = evaluate_out_of_fold(run, directories, CPU)
    assert first.horses > 20
    assert np.isfinite(first.scores.mse.value)


def test_a_head_without_a_photo_answers_the_middle_whatever_it_was_fitted_to_before(
    rare: tuple[Directories, Version],
) -> None:
    directories, version = rare
    for more in ((), ("regressor=sklearn.tree:DecisionTreeRegressor",)):
        config = make_config("probe", (*SMALL, "label=poll/distance", f"also={RARE}", *more))
        material = gather(version, config, directories.cache)
        without = material.on(Side.TRAIN)[np.isnan(material.tables[1].label[material.on(Side.TRAIN)])]
        network = learn(start(directories, version, config), material, CPU, Report(), only=without)
        values = [its.value for its in answer(network, material.pixels, CPU, without[:4])]
        assert values[1].tolist() == [0.5] * 4
        assert len(set(values[0].tolist())) > 1


def test_a_learning_curve_of_a_rare_label_beside_another(rare: tuple[Directories, Version]) -> None:
    directories, version = rare
    config = make_config("probe", (*SMALL, "label=poll/distance", f"also={RARE}"))
    material = gather(version, config, directories.cache)
    curve = learning_curve(start(directories, version, config), material, CPU, shares=(0.1, 1))
    assert all(np.isfinite(point.validation_mse) for point in curve.points)


def test_folds_without_a_label_are_left_out_and_none_left_is_one_sentence(rare: tuple[Directories, Version]) -> None:
    directories, version = rare
    config = make_config("probe", (*SMALL, f"label={RARE}"))
    table = gather(version, config, directories.cache).table
    known, every = np.flatnonzero(~np.isnan(table.label)), np.arange(len(table))
    others = np.setdiff1d(every, known)
    whole = [Fold(1, known, others), Fold(2, others, known), Fold(3, known[:1], known[1:])]
    assert [fold.number for fold in folds_of(table, whole)] == [3]
    with pytest.raises(UsageError, match="Too few horses have the label rare/distance"):
        folds_of(table, whole[:2])
