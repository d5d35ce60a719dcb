"""`trainer evaluate` and `trainer diagnose` as commands."""

import json

import pytest
from typer.testing import CliRunner, Result

from collector.errors import UsageError
from tests.trainer.conftest import trained
from trainer.cli.app import app
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.runs.config import make_config
from trainer.runs.runs import Run


@pytest.fixture(scope="module")
def run(few: tuple[Directories, Version]) -> Run:
    """What is judged."""
    return trained(*few, "probe", "height=32", "width=48")[0]


def type_(few: tuple[Directories, Version], *words: str) -> Result:
    """Give a command in this process, which has loaded everything; there is no database."""
    environment = {"PADDOCK_HOME": str(few[0].home), "PADDOCK_DATABASE_URL": "", "COLUMNS": "100"}
    return CliRunner(env=environment).invoke(app, list(words))


def test_a_run_and_a_file_of_its_answers_are_judged_alike(few: tuple[Directories, Version], run: Run) -> None:
    found = json.loads(type_(few, "evaluate", run.name, "--json").stdout)
    assert found["side"] == "out_of_fold"
    assert found["skill"] == (found["verdict"] in ("skill", "beyond_pedigree_and_race"))
    answers = str(run.folder / "evaluation-out_of_fold" / "predictions.parquet")
    of_file = type_(few, "evaluate", "--predictions", answers).stdout
    assert of_file.startswith(found["verdict"].replace("_", " ").upper())
    assert f"R2 {found['r2']['value']:.3f}" in of_file
    both = type_(few, "evaluate", run.name, "--predictions", answers)
    assert both.exit_code == 2
    assert "leave one of them out" in both.stderr


def test_the_numbers_of_a_comparison_are_numbers_in_json_too(few: tuple[Directories, Version]) -> None:
    one, other = (trained(*few, "svr", f"svr_c={its}")[0].name for its in (5, 1))
    found = json.loads(type_(few, "runs", "compare", one, other, "--json").stdout)
    assert found["settings"] == {"svr_c": [5, 1]}
    assert [set(mse) for mse in found["validation_mse"]] == [{"value", "low", "high"}] * 2
    assert found["gain"]["low"] <= found["gain"]["value"] <= found["gain"]["high"]


def test_a_run_of_a_former_release_says_that_it_needs_no_label() -> None:
    with pytest.raises(UsageError, match="not learnt poll/surface; it has learnt that of its data set, and needs no"):
        make_config("probe").place_of("poll/surface")


def test_a_diagnosis_names_each_step_with_its_interval(few: tuple[Directories, Version], run: Run) -> None:
    done = type_(few, "diagnose", run.name, "--no-curve")
    assert "What to do next:" in done.stdout
    assert "bias: human level is not known" in done.stdout
    assert "test" not in [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
