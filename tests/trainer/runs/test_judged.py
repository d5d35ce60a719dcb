"""Answers to new photos come from the best run, and say how good it is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from collector.errors import UsageError
from trainer.inference.serving import UNKNOWN
from trainer.runs.config import make_config
from trainer.runs.judged import find_best, judged, judged_words
from trainer.runs.runs import Facts, Run, begin, check_name
from trainer.web.about import about


def make_run(root: Path, name: str, *, data: str = "paddock-1", label: str = "poll/distance") -> Run:
    """A run that has a model."""
    facts = Facts("done", data, "nowhere", "code", "none", "cpu", f"2026-11-01T00:00:0{len(list(root.glob('*')))}Z")
    run = begin(root, name, make_config("probe", [f"label={label}"]), facts)
    (run.folder / "model.json").write_text("{}")
    return run


def judge(run: Run, mse: float, side: str = "out_of_fold", verdict: str = "skill") -> None:
    """Write what `trainer evaluate` writes."""
    folder = run.folder / f"evaluation-{side}"
    folder.mkdir()
    facts = {"scores": {"mse": {"value": mse}}, "r2": {"value": 1 - mse / 5}, "verdict": verdict, "horses": 40}
    (folder / "scores.json").write_text(json.dumps(facts))


def test_the_best_run_is_that_of_the_least_error_out_of_fold(tmp_path: Path) -> None:
    good, bad, last = (make_run(tmp_path, name) for name in ("good", "bad", "last-one"))
    assert find_best(tmp_path, "best").name == last.name  # nothing is known yet
    judge(bad, 4.5)
    judge(good, 4.0)
    judge(last, 1.0, side="test")  # the final test chooses nothing
    assert find_best(tmp_path, "best").name == good.name
    assert find_best(tmp_path, "bad").name == bad.name
    assert find_best(tmp_path, "last").name == last.name


def test_runs_on_other_photos_or_labels_are_not_compared(tmp_path: Path) -> None:
    judge(make_run(tmp_path, "other-data", data="paddock-0"), 0.1)
    judge(make_run(tmp_path, "other-label", label="results/distance"), 0.2)
    judge(make_run(tmp_path, "this"), 4.0)
    assert find_best(tmp_path, "best").name == "this"


def test_how_good_a_run_is_in_words(tmp_path: Path) -> None:
    run = make_run(tmp_path, "one")
    assert judged(run) is None
    assert judged_words(run) == "NOT EVALUATED: `trainer evaluate one` says how good it is"
    judge(run, 4.0, verdict="beyond_pedigree_and_race")
    assert judged_words(run) == "BEYOND PEDIGREE AND RACE on 40 horses (out of fold), R2 0.200 against the mean"


def test_the_page_of_a_second_label_says_how_to_measure_that_label(tmp_path: Path) -> None:
    config = make_config("probe", ["label=poll/distance", "also=poll/surface"])
    run = replace(make_run(tmp_path, "one"), config=config)
    assert about(run, "poll/surface", UNKNOWN, None).how_to_judge == "trainer evaluate one --label poll/surface"
    assert about(run, "poll/distance", UNKNOWN, None).how_to_judge == "trainer evaluate one"


@pytest.mark.parametrize("name", ["last", "best"])
def test_a_run_cannot_be_called_what_names_another(name: str) -> None:
    with pytest.raises(UsageError, match="not a valid name"):
        check_name(name)


def test_without_runs_there_is_none_to_answer(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`trainer train` makes one"):
        find_best(tmp_path, "best")
