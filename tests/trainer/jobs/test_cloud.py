"""Jobs in clouds: the task that SkyPilot is given, what it says before, and the driver that leaves nothing behind.

What needs SkyPilot itself runs against the real package where it is installed, without a network: its own reading of
the task, its catalogue and its optimizer, with a made-up catalogue and an account that is only said to be there. Only
the driver's course is against a stand-in for the server's answers, since no cloud can be reached here.
"""

import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from tests.paths import ROOT
from trainer.jobs import client, job_store
from trainer.jobs.cloud import driver
from trainer.jobs.cloud.driver import STOPPED, Driver, drive
from trainer.jobs.cloud.offer import NOT_INSTALLED, load_sky
from trainer.jobs.cloud.task import INPUT, OUTPUT, cloud_name, describe_task
from trainer.jobs.own import LOCK
from trainer.jobs.profiles import Profile
from trainer.jobs.task import State, Task

INSTALLED = importlib.util.find_spec("sky") is not None
needs_sky = pytest.mark.skipif(not INSTALLED, reason=NOT_INSTALLED)
PATH = os.environ["PATH"]  # noqa: TID251
RENTED = Profile(name="far", kind="skypilot", infra="lambda", accelerators="A10:1")
ANY = Profile(name="any", kind="skypilot")
SPOT = Profile(name="cheap", kind="skypilot", infra="aws/us-east-1", accelerators="A100", spot=True, store="gcs")
IMAGE = Profile(name="own", kind="skypilot", infra="k8s", image="docker:nvcr.io/nvidia/pytorch:25.01-py3")


def described(task: Task, profile: Profile = RENTED, gpus: int = 0, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"code": Path("/tmp"), "data": Path("/tmp"), "output": None} | more
    return describe_task(
        replace(task, cloud=profile.cloud), name="paddock-a-1", job_name="a", gpus=gpus, attempt=1, **facts
    )


def test_nobody_is_told_to_have_the_controller_die_with_this_machine() -> None:
    """`jobs.controller.consolidation_mode` of SkyPilot's: then nothing is left that ends a job at its limit."""
    texts = [ROOT / "README.md", *(ROOT / "trainer").rglob("*.py"), *(ROOT / "docs").glob("*.md")]
    assert [path for path in texts if "consolidation" in path.read_text()] == []


# --- the task -----------------------------------------------------------------------------------------------


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


def test_a_machine_of_anybodys_project_installs_what_the_project_says(tmp_path: Path) -> None:
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


# --- SkyPilot itself ----------------------------------------------------------------------------------------


@pytest.mark.skipif(INSTALLED, reason="SkyPilot is installed")
def test_where_it_is_not_installed_one_sentence_says_so() -> None:
    with pytest.raises(UsageError) as refused:
        load_sky()
    assert str(refused.value) == NOT_INSTALLED


def ask_sky(home: Path, words: str) -> str:
    """What a program prints that uses SkyPilot in a separate home, without usage statistics."""
    bin_ = home / "bin"
    bin_.mkdir(exist_ok=True)
    (bin_ / "aws").write_text("#!/bin/sh\n")
    (bin_ / "aws").chmod(0o755)
    lines = "from trainer.jobs.cloud.offer import *\nfrom trainer.jobs.profiles import Profile\nfar = Profile("
    lines += "name='far', kind='skypilot', infra='lambda', accelerators='A10:1')\n"
    environment = {"HOME": str(home), "PATH": f"{bin_}:{PATH}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", lines + words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


GPU = "\"{'Gpus': [{'Name': 'A10', 'MemoryInfo': {'SizeInMiB': 24576}}], 'TotalGpuMemoryInMiB': 24576}\""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A home whose SkyPilot knows two machines of one cloud, and believes that it may rent them."""
    folder = tmp_path / ".sky" / "catalogs" / "v8"
    (folder / "lambda").mkdir(parents=True)
    (folder / "common").mkdir()
    (folder / "lambda" / "vms.csv").write_text(
        "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"
        f"gpu_1x_a10,A10,1.0,30.0,200.0,0.75,us-east-1,{GPU},\ngpu_2x_a10,A10,2.0,60.0,400.0,1.5,us-west-1,{GPU},\n"
    )
    (folder / "common" / "accelerators.csv").write_text("AcceleratorName,Clouds\nA10,\"['Lambda']\"\n")
    ask_sky(
        tmp_path,
        "load_sky()\nfrom sky import global_user_state as state\nfrom sky.clouds import CloudCapability\n"
        "state.set_allowed_clouds(__import__('sky.check').check._get_workspace_allowed_clouds('default'), 'default')\n"
        "state.set_enabled_clouds(['Lambda'], CloudCapability.COMPUTE, 'default')",
    )
    return tmp_path


@needs_sky
@pytest.mark.parametrize("profile", [RENTED, SPOT, IMAGE, ANY], ids=lambda profile: profile.name)
@pytest.mark.parametrize("task", [Task(command=("a", "b c")), Task(preset="probe")], ids=["command", "preset"])
def test_skypilot_takes_the_task_and_writes_no_secret(profile: Profile, task: Task, tmp_path: Path) -> None:
    asked = described(Task(command=task.command, preset=task.preset, environment={"KEY": "horseradish"}), profile)
    printed = ask_sky(
        tmp_path,
        f"sky = load_sky()\nasked = {asked!r}\nprint(as_yaml(asked))\nasked.pop('secrets')\n"
        "task = sky.Task.from_yaml_config(asked)\ntask.update_secrets({'KEY': 'horseradish'})\n"
        "assert task.secrets['KEY'].get_secret_value() == 'horseradish'\n"
        "print(task.to_yaml_config(use_user_specified_yaml=True))",
    )
    assert "MOUNT_CACHED" in printed
    assert "horseradish" not in printed


@needs_sky
def test_a_price_is_the_catalogues_where_the_profile_says_none(catalogue: Path) -> None:
    printed = ask_sky(catalogue, "print(priced(far).hourly, priced(far, 2).hourly, priced(far, 8).hourly)")
    assert printed == "0.75 1.5 0.0"


@needs_sky
def test_without_a_network_a_price_is_not_known(tmp_path: Path) -> None:
    assert (
        ask_sky(tmp_path, "import os; os.environ['HTTPS_PROXY'] = 'http://127.0.0.1:9'\nprint(priced(far).hourly)")
        == "0.0"
    )


@needs_sky
def test_the_optimizer_says_what_it_would_take(catalogue: Path) -> None:
    assert ask_sky(catalogue, "print(offer(far, 2))") == "gpu_2x_a10 of Lambda/us-west-1, 1.50 USD an hour"


@needs_sky
def test_without_credentials_skypilots_own_reason_is_one_sentence(tmp_path: Path) -> None:
    printed = ask_sky(tmp_path, "try: offer(far, 0)\nexcept UsageError as error: print(error)")
    assert printed == "--where far: SkyPilot: Cloud access is not set up. Run: sky check."


# --- the driver ---------------------------------------------------------------------------------------------


class NotUp(Exception):
    def __init__(self, cluster_status: Any = None) -> None:
        super().__init__("not up")
        self.cluster_status = cluster_status


class Status(str):
    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self)

    def is_terminal(self) -> bool:
        return self in ("SUCCEEDED", "FAILED", "CANCELLED")


class Server:
    """Stands in for SkyPilot: managed jobs and buckets, and what was done about them."""

    def __init__(self, *held: str, buckets: tuple[str, ...] = (), ends: str = "SUCCEEDED") -> None:
        self.held = [self.job(number, status) for number, status in enumerate(held, 1)]
        self.buckets, self.ends, self.done = list(buckets), ends, list[str]()
        self.exceptions = SimpleNamespace(
            ClusterNotUpError=NotUp, NoCloudAccessError=KeyError, ResourcesUnavailableError=KeyError,
            NotSupportedError=KeyError, StorageError=KeyError, CloudError=KeyError,
        )  # fmt: skip
        self.Task = SimpleNamespace(from_yaml_config=self.make)
        self.jobs = SimpleNamespace(
            queue_v2=self.queue, launch=self.launch, cancel=self.cancel, tail_logs=lambda **_: self.end()
        )
        self.launching: list[Any] = []

    @staticmethod
    def job(number: int, status: str) -> Any:
        return SimpleNamespace(job_id=number, job_name="paddock-a-1", status=Status(status), failure_reason=None)

    def make(self, config: dict[str, Any]) -> Any:
        assert "secrets" not in config
        return SimpleNamespace(update_secrets=lambda values: self.done.append(f"secrets {sorted(values)}"))

    def get(self, answer: Any) -> Any:
        return answer

    stream_and_get = get

    def api_status(self, **_: Any) -> list[Any]:
        return [self.launching.pop()] if self.launching else []

    def queue(self, **_: Any) -> Any:
        if not self.held:
            raise NotUp
        return (self.held, 0, {}, 0)

    def launch(self, _: Any, name: str) -> None:
        self.done.append("launch")
        self.held.append(self.job(len(self.held) + 1, "RUNNING"))
        self.buckets.append(name)

    def end(self) -> None:
        if self.ends:
            self.held[-1].status = Status(self.ends)

    def cancel(self, **_: Any) -> None:
        self.done.append("cancel")
        self.held[-1].status = Status("CANCELLED")

    def storage_ls(self) -> list[Any]:
        return [SimpleNamespace(name=name) for name in self.buckets]

    def storage_delete(self, name: str) -> None:
        self.done.append("delete")
        self.buckets.remove(name)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the output was brought back; nothing waits long."""
    calls: list[str] = []

    def bring(_: Driver) -> bool:
        calls.append("brought")
        return True

    monkeypatch.setattr(Driver, "bring", bring)
    monkeypatch.setattr(driver, "LOOK_EVERY", 0.01)
    return calls


def a_driver(server: Server) -> Driver:
    task = {"name": "paddock-a-1", "run": "true", "secrets": {"KEY": "***"}}
    return Driver(server, task, {"KEY": "value"}, Path("/nowhere"))


def test_a_job_is_launched_followed_brought_back_and_nothing_is_left(brought: list[str]) -> None:
    server = Server()
    assert drive(a_driver(server), stop=False) == 0
    assert server.done == ["secrets ['KEY']", "launch", "delete"]
    assert brought == ["brought"]
    assert server.buckets == []


def test_a_driver_begun_again_finds_its_job_and_rents_nothing_more(brought: list[str]) -> None:
    server = Server("RUNNING", buckets=("paddock-a-1",))
    assert drive(a_driver(server), stop=False) == 0
    assert server.done == ["delete"]


def test_what_the_server_is_still_launching_is_waited_for(brought: list[str]) -> None:
    server = Server("RUNNING", buckets=("paddock-a-1",))
    server.launching = [SimpleNamespace(name="sky.jobs.launch")] * 3
    assert drive(a_driver(server), stop=False) == 0
    assert "launch" not in server.done


def test_what_ended_while_nobody_looked_is_taken(brought: list[str]) -> None:
    unseen = Server("SUCCEEDED", buckets=("paddock-a-1",))
    assert drive(a_driver(unseen), stop=False) == 0
    assert unseen.done == ["delete"]
    settled = Server("CANCELLED")
    assert drive(a_driver(settled), stop=False) == 0
    assert "launch" in settled.done


@pytest.mark.parametrize("stop", [True, False])
def test_the_end_cancels_brings_back_and_deletes(brought: list[str], stop: bool) -> None:
    server = Server("RUNNING", buckets=("paddock-a-1",), ends="")
    stopped = a_driver(server)
    if not stop:
        stopped.stopping.set()
    assert drive(stopped, stop=stop) == STOPPED
    assert server.done == ["cancel", "delete"]
    assert brought == ["brought"]


def test_what_is_stopped_before_it_was_launched_is_never_launched(brought: list[str]) -> None:
    server = Server()
    assert drive(a_driver(server), stop=True) == STOPPED
    assert server.done == []


def test_a_job_that_fails_there_has_failed(brought: list[str]) -> None:
    assert drive(a_driver(Server(ends="FAILED")), stop=False) == 1


def test_a_bucket_that_cannot_be_emptied_is_kept_and_reported(
    brought: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Driver, "bring", lambda _: False)
    server = Server()
    assert drive(a_driver(server), stop=False) == 1
    assert server.buckets == ["paddock-a-1"]
    assert "AND COSTS. Copy its content yourself, then type: sky storage delete paddock-a-1" in capsys.readouterr().out


def test_a_job_that_may_run_in_a_cloud_is_looked_for_before_it_stops(conninfo: str) -> None:
    with job_store.opened(conninfo) as connection:
        task = Task(command=("true",), cloud=RENTED.cloud)
        facts: dict[str, Any] = {"place": "far", "queue": "q", "gpus": 0, "code": None, "data": None}
        never, begun = (job_store.queue(connection, name, task, **facts) for name in ("never", "begun"))
        connection.execute("UPDATE training_job SET attempts = 1 WHERE id = %s", (begun.id,))
        assert [job_store.stop(connection, job) for job in (never, begun)] == [State.STOPPED, State.QUEUED]
        now = job_store.read_job(connection, begun.id)
        assert now is not None
        assert now.stop_asked
