"""`trainer forecast` as a user runs it: freeze, score, verify."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from tests.filled import as_json, execute
from trainer.cli.app import app


def warned(option: str) -> str:
    """What `trainer forecast` says on stderr."""
    return CliRunner().invoke(app, ["forecast", option]).stderr


def test_forecasts_are_frozen_verified_and_scored(command: Callable[..., str], filled: str, tmp_path: Path) -> None:
    assert "The register is empty" in command("forecast --verify")
    assert "The register is empty" in command("forecast --score")
    said = command("forecast --run {run} --device cpu")
    ((count, digest),) = execute(filled, "SELECT number, digest FROM forecast ORDER BY number DESC LIMIT 1")
    assert f"{count} forecasts of" in said
    assert digest in said
    assert "No new photo to forecast" in command("forecast --run {run} --device cpu")
    assert as_json(command("forecast --verify --json")) == {"forecasts": count, "newest": digest, "wrong": []}
    scored = as_json(command("forecast --score --json"))
    assert (scored[0]["forecasts"], scored[0]["judged"], scored[0]["verdict"]) == (count, 0, None)
    assert "TOO FEW (0 horses with results)" in command("forecast --score")
    (tmp_path / "forecasts.jsonl").unlink()
    assert f"until now: {count} forecasts" in warned("--verify")
    assert "Without a note" not in warned("--verify")
    execute(filled, "ALTER TABLE forecast DISABLE TRIGGER only_added")
    execute(filled, "UPDATE forecast SET low = 0 WHERE number = 1")
    assert "Forecast 1 was changed." in command("forecast --verify", 2)
    assert "Forecast 1 was changed. So these scores prove nothing" in warned("--score")


def test_two_things_at_once_are_one_sentence(command: Callable[..., str]) -> None:
    assert "give one of them" in command("forecast --score --verify", 2)
