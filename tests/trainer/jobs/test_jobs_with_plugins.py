"""Jobs of presets that name what a plug-in adds."""

import json

import pytest

from tests.trainer.stable import QUICK, Stable, alone_in
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.jobs.task import LOCAL, Task, with_plugins

LOSS = """
from trainer.models.registry import loss

@loss("mine")
def mine(answer, label):
    return (answer - label).abs()
"""


@pytest.mark.timeout(180)
def test_a_sweep_knows_the_plugins_of_the_command_that_began_it(
    stable: Stable, few: tuple[Directories, Version]
) -> None:
    # A path is that of the folder in which the command was typed; the job runs in another one.
    (stable.project / "mine.py").write_text(LOSS)
    data = ("--data", str(few[1].folder))
    (stable.home / "jobs").mkdir()
    with alone_in(stable.home):  # no engine takes it: only its environment is looked at
        words = ("job", "run", "--preset", "first-cnn", "--set", "loss=mine", *data, "--name", "one")
        stable.type(*words, PADDOCK_PLUGINS="mine.py")
        stable.type("job", "stop", "one")
    assert stable.job("one").task.environment == {"PADDOCK_PLUGINS": str(stable.project / "mine.py")}
    values = [word for value in (*QUICK, "epochs=1", "loss=mine,mse") for word in ("--set", value)]
    words = ("sweep", "--preset", "first-cnn", *values, *data, "--name", "try", "--json")
    rows = json.loads(stable.type(*words, PADDOCK_PLUGINS="mine.py"))
    assert [row["state"] for row in rows] == ["done", "done"]
    assert rows[0]["train_mse"] != rows[1]["train_mse"]
    assert stable.job("try-1").task.environment == stable.job("one").task.environment


def test_what_a_job_says_of_its_environment_goes_before_and_other_machines_have_their_own() -> None:
    preset = Task(preset="probe")
    assert with_plugins(preset, LOCAL, ["/a.py", "b"]).environment == {"PADDOCK_PLUGINS": "/a.py,b"}
    own = Task(preset="probe", environment={"PADDOCK_PLUGINS": "/c.py"})
    assert with_plugins(own, LOCAL, ["/a.py"]) == own
    assert with_plugins(preset, "fleet", ["/a.py"]) == with_plugins(preset, LOCAL, []) == preset
    command = Task(command=("ls",))
    assert with_plugins(command, LOCAL, ["/a.py"]) == command
