"""Beside a run stand the first attempt's models; what is missing for that is said as it is."""

from dataclasses import replace
from pathlib import Path

from tests.trainer.conftest import CPU, start
from trainer.dataset.data import read_table
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.folds import make_folds, pool
from trainer.evaluation.rivals import rivals_out_of_fold
from trainer.runs.config import RunConfig, make_config
from trainer.training.material import gather

LABEL = {"label": "poll/distance"}


def test_what_is_missing_to_compare_with_a_model_of_the_first_attempt_is_said(
    few: tuple[Directories, Version], tmp_path: Path
) -> None:
    version, home = few[1], Directories(tmp_path)
    config = make_config("svr").model_copy(update=LABEL)
    run, material = start(home, version, config), gather(version, config, few[0].cache)

    def added(name: str, config: RunConfig, data: str = version.name) -> str:
        """What is said when this run of first-cnn has been trained too."""
        one = start(home, version, config, name)
        (one.folder / "model.json").write_text("{}")
        one.facts.data = data
        one.save()
        return said()

    def said(*, by_time: bool = False) -> str:
        folds = make_folds(material.table, pool(material.table), by_time=by_time)
        answers, missing = rivals_out_of_fold(run, version, material.table, home, CPU, folds, by_time=by_time)
        assert (answers, list(missing)) == ({}, ["first-cnn"])
        return missing["first-cnn"]

    fitting = make_config("first-cnn").model_copy(update=LABEL)
    trains = f"`trainer train --preset first-cnn --data {version.name}` trains one."
    assert said() == f"there is no run of it; {trains}"
    assert added("other-data", fitting, "paddock-1") == f"its run other-data learnt from paddock-1; {trains}"
    results = fitting.model_copy(update={"label": "results/distance"})
    assert added("other-label", results) == f"its run other-label learnt results/distance; {trains}"
    longer = fitting.model_copy(update={"epochs": 99})
    assert added("longer", longer) == f"its run longer has other settings; {trains}"
    assert added("mine", fitting) == "`trainer evaluate mine` answers out of fold with it first."
    assert said(by_time=True) == "`trainer evaluate mine --by-time` answers out of fold by time with it first."
    # Of a run of several labels, the earliest horses may be others than those of this label.
    every = make_folds(material.table, pool(material.table))
    _, missing = rivals_out_of_fold(run, version, material.table, home, CPU, every, by_time=True)
    assert missing["first-cnn"] == "by time mine does not answer all of these photos."


def test_a_run_of_another_label_is_compared_with_runs_of_that_label(
    few: tuple[Directories, Version], tmp_path: Path
) -> None:
    version, home = few[1], Directories(tmp_path)
    config = make_config("svr").model_copy(update={"label": "results/distance"})
    run = start(home, version, config)
    table = replace(read_table(version), key="results/distance")
    _, missing = rivals_out_of_fold(run, version, table, home, CPU, make_folds(table, pool(table)))
    assert "--set label=results/distance` trains one." in missing["first-cnn"]
