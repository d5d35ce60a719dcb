"""Jobs in clouds: the task that SkyPilot is given."""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from tests.paths import ROOT
from tests.trainer.jobs.clouds import ANY, IMAGE, PATH, RENTED, SPOT, described
from trainer.jobs import client
from trainer.jobs.cloud.task import INPUT, OUTPUT, cloud_name
from trainer.jobs.own import LOCK
from trainer.jobs.profiles import Profile
from trainer.jobs.task import Task


def test_no_text_advises_a_controller_on_this_machine() -> None:
    """`jobs.controller.consolidation_mode` of SkyPilot's: then nothing is left that ends a job at its limit."""
    texts = [ROOT / "README.md", *(ROOT / "trainer").rglob("*.py"), *(ROOT / "docs").glob("*.md")]
    assert [path for path in texts if "consolidation" in path.read_text()] == []


@pytest.mark.parametrize(
    ("profile", "gpus", "asked"),
    [
        (RENTED, 0, {"infra": "lambda", "accelerators": "A10:1", "use_spot": False}),
        (RENTED, 4, {"infra": "lambda", "accelerators": "A10:4", "use_spot": False}),
        (SPOT, 0, {"infra": "aws/us-east-1", "accelerators": "A100", "use_spot": True}),
        (SPOT, 8, {"infra": "aws/us-east-1", "accelerators": "A100:8", "use_spot": True}),
        (IMAGE, 0, {"infra": "k8s", "image_id": "docker:nvcr.io/nvidia/pytorch:25.01-py3", "use_spot": False}),
        (ANY, 0, {"use_spot": False}),
    ],
)
def test_a_profile_says_which_machine_and_gpu_says_how_many_accelerators(
    profile: Profile, gpus: int, asked: dict[str, Any]
) -> None:
    resources = described(Task(command=("true",)), profile, gpus)["resources"]
    assert resources.pop("job_recovery")["max_restarts_on_errors"] == 0
    assert resources == asked


def test_gpus_of_no_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="which GPU"):
        described(Task(command=("true",)), ANY, 1)


def test_code_data_and_output_have_their_places() -> None:
    found = described(Task(command=("true",)), output=Path("/kept"))
    assert found["workdir"] == "/tmp"
    assert found["file_mounts"][INPUT] == "/tmp"
    bucket = found["file_mounts"][OUTPUT]
    assert bucket == {
        "name": "paddock-a-1", "store": "s3", "mode": "MOUNT_CACHED", "persistent": True, "source": "/kept",
    }  # fmt: skip
    bare = described(Task(preset="probe"), code=None, data=None)
    assert "workdir" not in bare
    assert list(bare["file_mounts"]) == [OUTPUT]


def test_a_limit_holds_there_also_without_a_driver() -> None:
    assert "timeout --kill-after=60 3601 python" in described(Task(command=("python",), max_seconds=3600))["run"]


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text(min_size=1).map(lambda text: f"§{text}"), min_size=1
    )
)
def test_no_value_of_the_environment_is_in_what_is_written_down(environment: dict[str, str | None]) -> None:
    written = json.dumps(described(Task(command=("train",), environment=environment)), ensure_ascii=False)
    assert "§" not in written
    assert all(f'"{name}": "***"' in written for name in environment)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True), st.integers(1, 10**9))
def test_a_name_makes_a_bucket_and_is_the_same_whenever_it_is_asked(name: str, number: int) -> None:
    found = cloud_name("machine:/home", number, name)
    assert found == cloud_name("machine:/home", number, name)
    assert len(found) <= 63
    assert all(letter.isascii() and (letter.islower() or letter.isdigit() or letter == "-") for letter in found)
    assert "--" not in found
    assert found != cloud_name("another:/home", number, name)


def run_there(task: Task, home: Path, **more: Any) -> str:
    """What a task's `run` prints when bash runs it, with programs that only say how they were called."""
    (home / "paddock" / "env" / "bin").mkdir(parents=True)
    (home / "paddock" / "env" / "bin" / "activate").write_text('PATH="$HOME/bin:$PATH"\n')
    (home / "paddock" / "input").mkdir()
    (home / "bin").mkdir()
    (home / "bin" / "python").write_text('#!/bin/sh\necho "$@"\n')
    (home / "bin" / "python").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", described(task, **more)["run"]], env={"HOME": str(home), "PATH": PATH}, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_command_finds_its_input_and_output_there(tmp_path: Path) -> None:
    printed = run_there(Task(command=("sh", "-c", "echo $PADDOCK_INPUT $PADDOCK_OUTPUT; test ! -w /nowhere")), tmp_path)
    assert printed == f"{tmp_path}/paddock/input {tmp_path}/paddock/output\n"


def test_a_preset_goes_on_where_a_machine_replaces_a_lost_one(tmp_path: Path) -> None:
    task = Task(preset="probe", settings=("epochs=2",))
    first = run_there(task, tmp_path / "one", gpus=2)
    assert first.startswith("-m torch.distributed.run --standalone --nproc-per-node 2 -m trainer train --data ")
    assert "--preset probe --set epochs=2 --name a" in first
    run = tmp_path / "two" / "paddock" / "output" / "a"
    run.mkdir(parents=True)
    (run / "run.json").touch()
    again = run_there(task, tmp_path / "two")
    assert "--resume --name a" in again
    assert "--preset" not in again


def test_what_sets_a_machine_up_is_shell() -> None:
    for task in (Task(command=("true",)), Task(preset="probe")):
        for profile in (RENTED, IMAGE):
            subprocess.run(["bash", "-n", "-c", described(task, profile)["setup"]], check=True)


def set_up_there(folder: Path, task: Task) -> list[str]:
    """How `uv` is called when a machine is set up in a folder, torch not being there."""
    (folder / "home" / "paddock" / "env" / "bin").mkdir(parents=True)
    (folder / "home" / "paddock" / "env" / "bin" / "activate").touch()
    (folder / "bin").mkdir()
    for name, does in (("uv", 'echo "$@"'), ("python", "exit 1")):
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / "bin" / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", described(task)["setup"]], cwd=folder, text=True, capture_output=True,
        env={"HOME": str(folder / "home"), "PATH": f"{folder / 'bin'}:{PATH}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("task", [Task(command=("true",)), Task(preset="probe")], ids=["command", "preset"])
@pytest.mark.parametrize("files", [(LOCK,), (LOCK, "pyproject.toml")], ids=["wheel", "checkout"])
def test_a_machine_installs_the_shipped_lock_and_nothing_by_our_name(
    task: Task, files: tuple[str, ...], tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).write_text('[project]\nname = "keiba-paddock"\n')
    lock, torch, *rest = set_up_there(tmp_path, task)
    assert lock == "pip install --require-hashes --no-deps -r requirements-trainer.lock"
    assert torch.startswith("pip install torch>=")
    assert rest == (["pip install --no-deps --no-build-isolation -e ."] if "pyproject.toml" in files else [])


def test_a_machine_of_another_project_installs_what_that_says(tmp_path: Path) -> None:
    for name, words in (("requirements.txt", "pip install -r requirements.txt"), ("pyproject.toml", "pip install .")):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
        assert set_up_there(tmp_path / name, Task(command=("true",))) == [words]


def test_a_preset_ships_paddock_itself_from_everywhere(tmp_path: Path) -> None:
    order = client.Order(Task(preset="probe"), None, 0, None, tmp_path)
    shipped = client.find_code(order, RENTED)
    assert shipped is not None
    with tarfile.open(fileobj=io.BytesIO(shipped.packed)) as tar:
        names = tar.getnames()
    assert {LOCK, "trainer/training/loop.py", "collector/errors.py"} <= set(names)
    assert client.find_code(order, Profile(name="local", kind="local")) is None  # the installed trainer runs it


def test_a_checkout_without_a_lock_is_refused_before_anything_is_rented(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "keiba-paddock"\n')
    order = client.Order(Task(preset="probe"), None, 0, None, tmp_path)
    with pytest.raises(UsageError, match=r"has no requirements-trainer\.lock in git"):
        client.find_code(order, RENTED)
