"""`trainer evaluate` and `trainer diagnose` as commands."""

import json

from tests.trainer.conftest import trained
from tests.trainer.exported import trainer
from trainer.dataset.manifest import Version
from trainer.directories import Directories


def test_a_run_and_a_file_of_its_answers_are_judged_alike(few: tuple[Directories, Version]) -> None:
    run, home = trained(*few, "probe", "height=32", "width=48")[0], few[0].home
    found = json.loads(trainer("", home, "evaluate", run.name, "--json").stdout)
    assert found["side"] == "out_of_fold"
    assert found["skill"] == (found["verdict"] in ("skill", "beyond_pedigree_and_race"))
    answers = str(run.folder / "evaluation-out_of_fold" / "predictions.parquet")
    of_file = trainer("", home, "evaluate", "--predictions", answers).stdout
    assert of_file.startswith(found["verdict"].replace("_", " ").upper())
    assert f"R2 {found['r2']['value']:.3f}" in of_file
    both = trainer("", home, "evaluate", run.name, "--predictions", answers)
    assert both.returncode == 2
    assert "leave one of them out" in both.stderr


def test_a_diagnosis_names_each_step_with_its_interval(few: tuple[Directories, Version]) -> None:
    run, home = trained(*few, "probe", "height=32", "width=48")[0], few[0].home
    done = trainer("", home, "diagnose", run.name, "--no-curve")
    assert "What to do next:" in done.stdout
    assert "bias: human level is not known" in done.stdout
    assert "test" not in [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
