"""What the tests of the commands share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trainer.cli.app import app


@pytest.fixture
def run(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give a command in this process; what it prints, or of a mistake the one sentence."""
    monkeypatch.setenv("PADDOCK_DATABASE_URL", filled)
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
        assert done.exit_code == code, done.output
        if code:
            assert done.stdout == ""
            (line,) = done.stderr.splitlines()
            return line
        return done.stdout

    return run
