"""Presets of one's own: what a file may say, and that a run needs the file only once."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.errors import UsageError
from tests.trainer.conftest import CPU
from trainer.cli.app import app
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.inference.serving import Predictor
from trainer.runs.config import make_config
from trainer.runs.preset_file import config_of
from trainer.runs.runs import read_run


def written(folder: Path, text: str) -> str:
    """The path of a preset of this text."""
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_a_file_changes_its_base_and_the_command_line_changes_the_file(tmp_path: Path) -> None:
    preset = written(tmp_path, 'base = "finetune"\nepochs = 3\nrate = 1e-4\nflip = false\nfreeze = ["backbone.a*"]\n')
    config = config_of(preset, ("rate=2e-4",), ("backbone.b*",))
    expected = make_config("finetune", ("epochs=3", "rate=2e-4", "flip=false"), ("backbone.a*", "backbone.b*"))
    assert config == expected.model_copy(update={"preset": "mine"})
    assert config_of("probe", ("height=64",)) == make_config("probe", ("height=64",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs = 3\n", r"mine\.toml: it names no base; write base = with one of first-cnn, svr"),
        ('base = "best"\n', r"mine\.toml: its base 'best' is not a preset; write base ="),
        (
            'base = "probe"\n\nspeed = 3\n',
            r"mine\.toml, line 3: speed: this is not a setting; the settings are .*height",
        ),
        ('base = "finetune"\nrate = "fast"\n', r"mine\.toml, line 2: rate: .* valid number"),
        ('base = "finetune"\n# epochs\nepochs = 0\n', r"mine\.toml, line 3: epochs: .* greater than or equal to 1"),
        ('base = "probe"\nepochs = 3\n', r"mine\.toml, line 2: epochs: The preset probe has no use for epochs"),
        ('base = "probe"\nnetwork = "svr"\n', r"mine\.toml, line 2: network: 'svr' is not a model of a plug-in"),
        ('base = "finetune"\n[epochs]\nfirst = 1\n', r"mine\.toml, line 2: epochs: .* valid integer"),
        ('base = "probe\n', r"mine\.toml is not valid TOML: .*line 1"),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        config_of(written(tmp_path, text))


def test_a_file_that_is_not_there_or_has_a_presets_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no/such\.toml cannot be read: No such file"):
        config_of("no/such.toml")
    (tmp_path / "probe.toml").write_text('base = "probe"\n')
    with pytest.raises(UsageError, match="and not as a preset"):
        config_of(str(tmp_path / "probe.toml"))
    with pytest.raises(UsageError, match="takes the path of a TOML file"):
        config_of("mine")


def test_a_run_of_a_file_is_resumed_and_served_without_it(few: tuple[Directories, Version], tmp_path: Path) -> None:
    where, version = few
    preset = written(tmp_path, 'base = "first-cnn"\nheight = 16\nwidth = 16\nepochs = 1\nmirror_answers = true\n')
    command = CliRunner(env={"PADDOCK_HOME": str(where.home)})
    words = ["train", "--preset", preset, "--data", version.name, "--device", "cpu"]
    done = command.invoke(app, [*words, "--set", "batch=64"])
    assert done.exit_code == 0, done.stderr
    Path(preset).unlink()
    run = read_run(where.runs / "mine-1")
    assert (run.config.preset, run.config.height, run.config.batch) == ("mine", 16, 64)
    assert Predictor(run, CPU).network.mirror
    run.facts.status = "stopped"
    run.save()
    again = command.invoke(app, ["train", "--resume", "--preset", preset])
    assert again.exit_code == 0, again.stderr
    assert read_run(run.folder).facts.status == "done"
