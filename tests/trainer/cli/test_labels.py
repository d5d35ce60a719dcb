"""`trainer labels` and the labels of `trainer export`, as a user runs them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.filled import as_json, execute
from trainer.cli.app import app


def test_labels_are_shown_with_what_agrees_and_a_page(run: Callable[..., str], tmp_path: Path) -> None:
    said = run("labels --compare poll,results")
    assert "poll/distance and results/distance" in said
    assert (tmp_path / "labels" / "labels.md").read_text().startswith("# Labels")
    found = as_json(run("labels --json --of horses"))
    assert [label["key"] for label in found["labels"]] == [
        "poll/distance", "results/distance", "results-placed/distance", "results-after/distance",
        "comment/distance",
    ]  # fmt: skip
    assert found["about"] == "horses"
    assert found["labels"][3]["subjects"] == 0  # a horse alone has no photo after which it ran


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("labels --compare polls", "--label polls is neither a definition"),
        ("labels --compare ,", "--compare names no label definition"),
        ("labels --axis length", "No label definition has the axis length."),
        ("export --label results --axis maturity", "has no axis maturity"),
    ],
)
def test_a_wrong_label_is_one_sentence(run: Callable[..., str], words: str, said: str) -> None:
    assert said in run(words, 2)


@pytest.mark.usefixtures("run")
def test_a_database_without_labels_says_what_collects_them(filled: str) -> None:
    execute(filled, "DELETE FROM aptitude")
    execute(filled, "DELETE FROM entry")
    execute(filled, "UPDATE photo SET distance_said = NULL, claims = '[]'")
    done = CliRunner().invoke(app, ["labels"])
    assert done.exit_code == 2
    assert "`collector refresh-labels`" in done.stderr.splitlines()[-1]


def test_labels_of_horses_are_stored_and_replaced(run: Callable[..., str], filled: str) -> None:
    assert "labels are stored" in run("labels --store --compare poll,results --axis distance")
    stored = "SELECT horse_id, definition, value, metres FROM horse_label ORDER BY horse_id"
    held = execute(filled, stored)
    starts = "SELECT DISTINCT horse_id FROM entry JOIN race USING (race_id) WHERE surface <> 'jump' ORDER BY horse_id"
    assert [row[0] for row in held] == [name for (name,) in execute(filled, starts)]
    assert {row[1] for row in held} == {"results"}
    assert all(1000 <= row[3] <= 3200 for row in held)
    execute(filled, "DELETE FROM entry WHERE horse_id = %s", held[0][0])
    assert as_json(run("labels --store --compare results --json"))["stored"] == len(held) - 1
    assert [row[0] for row in execute(filled, stored)] == [row[0] for row in held[1:]]
    assert "leave out --of photos" in run("labels --store --of photos", 2)
