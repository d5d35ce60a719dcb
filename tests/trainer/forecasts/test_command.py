"""`trainer forecast` as a user runs it: freeze, score, verify."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.filled import as_json, execute
from tests.trainer.conftest import Trained
from trainer.cli.app import app
from trainer.directories import Directories


@pytest.fixture
def run(
    filled: str, probe: Trained, directories: Directories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run a command on a database with photos, in a home with one trained run; what it prints."""
    (tmp_path / "runs").symlink_to(directories.runs)
    monkeypatch.setenv("PADDOCK_DATABASE_URL", filled)
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    name = probe[0].name

    def run_it(words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, words.format(run=name).split(), catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.stderr if code else done.stdout

    return run_it


def warned(option: str) -> str:
    """What `trainer forecast` says on stderr."""
    return CliRunner().invoke(app, ["forecast", option]).stderr


def test_forecasts_are_frozen_verified_and_scored(run: Callable[..., str], filled: str, tmp_path: Path) -> None:
    assert "The register is empty" in run("forecast --verify")
    assert "The register is empty" in run("forecast --score")
    said = run("forecast --run {run} --device cpu")
    ((count, digest),) = execute(filled, "SELECT number, digest FROM forecast ORDER BY number DESC LIMIT 1")
    assert f"{count} forecasts of" in said
    assert digest in said
    assert "No new photo to forecast" in run("forecast --run {run} --device cpu")
    assert as_json(run("forecast --verify --json")) == {"forecasts": count, "newest": digest, "wrong": []}
    scored = as_json(run("forecast --score --json"))
    assert (scored[0]["forecasts"], scored[0]["judged"], scored[0]["verdict"]) == (count, 0, None)
    assert "TOO FEW (0 horses with results)" in run("forecast --score")
    (tmp_path / "forecasts.jsonl").unlink()
    assert f"{count} forecasts had no note" in warned("--verify")
    assert "no note" not in warned("--verify")
    execute(filled, "ALTER TABLE forecast DISABLE TRIGGER only_added")
    execute(filled, "UPDATE forecast SET low = 0 WHERE number = 1")
    assert "Forecast 1 was changed." in run("forecast --verify", 2)
    assert "Forecast 1 was changed. So these scores prove nothing" in warned("--score")


def test_two_things_at_once_are_one_sentence(run: Callable[..., str]) -> None:
    assert "give one of them" in run("forecast --score --verify", 2)
