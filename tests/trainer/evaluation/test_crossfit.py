"""Out-of-fold answers: by models without the horse, kept fold by fold, and gone on with after a stop."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import CPU, start, trained
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.crossfit import FOLDER, OutOfFold, answer_out_of_fold, missing_folds
from trainer.evaluation.evaluate import evaluate_out_of_fold
from trainer.evaluation.folds import make_folds, pool
from trainer.evaluation.report import sentence
from trainer.runs.config import RunConfig, make_config
from trainer.training.learn import Report
from trainer.training.material import Material, gather

Few = tuple[Directories, Version]
TINY = ("height=32", "width=48")
COUNT = 3  # folds


def out_of_fold(few: Few, config: RunConfig, material: Material) -> OutOfFold:
    """The answers of a new run."""
    run = start(*few, config)
    return answer_out_of_fold(run, material, CPU, make_folds(material.table, pool(material.table), COUNT))[0]


@pytest.mark.parametrize("preset", ["probe", "svr"])
def test_the_labels_of_the_horses_left_out_change_no_answer_to_them(few: Few, preset: str) -> None:
    config = make_config(preset, TINY)
    material = gather(few[1], config, few[0].cache)
    folds = make_folds(material.table, pool(material.table), COUNT)
    before = out_of_fold(few, config, material)
    material.table.label[folds[0].outside] = 1 - material.table.label[folds[0].outside]
    after = out_of_fold(few, config, material)
    first = before.fold == 1
    assert np.array_equal(before.value[first], after.value[first])
    assert not np.array_equal(before.value[~first], after.value[~first])
    assert ((before.low <= before.value) & (before.value <= before.high)).all()


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}


def test_a_run_in_steps_goes_on_with_the_folds_after_a_stop(few: Few) -> None:
    config = make_config("first-cnn", ("epochs=1",))
    material = gather(few[1], config, few[0].cache)
    folds = make_folds(material.table, pool(material.table), COUNT)
    run = start(*few, config)

    def stop(_work: str, done: int, _of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer_out_of_fold(run, material, CPU, folds, Report(progress=stop))[0]
    kept = files(run.folder / FOLDER)
    assert [fold.number for fold in missing_folds(run, material, folds)] == [2, 3]
    found = answer_out_of_fold(run, material, CPU, folds)[0]
    assert len(found.value) == len(pool(material.table))
    assert files(run.folder / FOLDER).items() >= kept.items()
    assert [path.name for path in (run.folder / FOLDER).iterdir() if path.is_dir()] == []
    whole = out_of_fold(few, config, material)
    assert np.array_equal(found.value, whole.value)
    before = files(run.folder / FOLDER)
    again = answer_out_of_fold(run, material, CPU, folds)[0]
    assert np.array_equal(again.value, found.value)
    assert files(run.folder / FOLDER) == before


def test_the_cost_is_said_before_a_run_in_steps_is_trained_again(few: Few) -> None:
    run = trained(*few, "first-cnn", "epochs=1")[0]
    said: list[str] = []
    evaluation, answered = evaluate_out_of_fold(run, few[0], CPU, Report(message=said.append))
    assert said[0].startswith(f"{run.name} is trained 5 times, about ")
    assert evaluation.horses == len(set(answered.horse.tolist()))
    said.clear()
    by_time, later = evaluate_out_of_fold(run, few[0], CPU, Report(message=said.append), by_time=True)
    assert said[0].startswith(f"{run.name} is trained 5 times, about ")
    assert f"{run.name} out of fold by time: R2" in sentence(by_time)
    assert by_time.as_json()["by_time"]
    assert by_time.unanswered == len(answered.examples) - len(later.examples) > 0


def test_other_labels_are_answered_anew(few: Few) -> None:
    config = make_config("probe", TINY)
    material = gather(few[1], config, few[0].cache)
    folds = make_folds(material.table, pool(material.table), COUNT)
    run = start(*few, config)
    answer_out_of_fold(run, material, CPU, folds)[0]
    assert missing_folds(run, material, folds) == []
    material.table.label[folds[0].inside] = 1 - material.table.label[folds[0].inside]
    assert folds[0] in missing_folds(run, material, folds)
