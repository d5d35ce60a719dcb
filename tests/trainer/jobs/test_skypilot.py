"""SkyPilot itself, where it is installed, without a network: its own reading of the task, catalogue and optimizer.

The catalogue is made up, and the account is only said to be there.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from collector.errors import UsageError
from tests.paths import ROOT
from tests.trainer.jobs.clouds import ANY, IMAGE, INSTALLED, PATH, RENTED, SPOT, described, needs_sky
from trainer.jobs.cloud.offer import NOT_INSTALLED, load_sky
from trainer.jobs.profiles import Profile
from trainer.jobs.task import Task


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
