"""A job as a SkyPilot task: the machine, its setup, the command, and the bucket for the output. Pure."""

import hashlib
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collector.errors import UsageError
from trainer.jobs.task import Task

MASK = "***"  # replaces the values of variables in every task that is written
INPUT, OUTPUT = "~/paddock/input", "~/paddock/output"
# The image's own Python is often too old. If the profile names an image, its installed packages stay visible.
SETUP = """
export PATH="$HOME/.local/bin:$PATH"
command -v uv > /dev/null || python3 -m pip install --quiet --user uv
[ -d ~/paddock/env ] || uv venv --quiet --python '>=3.11' {site}~/paddock/env
. ~/paddock/env/bin/activate
"""
TORCH = "torch>=2.11,<2.14"  # as in pyproject.toml; not in the lock, as its build differs by machine
# Paddock's own code comes with its lock, and is on Python's path (see own.py). It is never installed by name: a package
# of that name in an index is not ours. Any other project lists its dependencies itself.
INSTALL = f"""\
if [ -e requirements-trainer.lock ]; then
    uv pip install --require-hashes --no-deps -r requirements-trainer.lock
    python -c 'import torch' 2> /dev/null || uv pip install '{TORCH}'
    [ ! -e pyproject.toml ] || uv pip install --no-deps --no-build-isolation -e .
elif [ -e pyproject.toml ]; then uv pip install .
elif [ -e requirements.txt ]; then uv pip install -r requirements.txt
fi
"""
RUN = """
. ~/paddock/env/bin/activate
export PADDOCK_OUTPUT=~/paddock/output PADDOCK_HOME=~/paddock/home PYTHONPATH="$PWD"
"""
LAST_SECONDS = 60  # that a command has to save a checkpoint, as on this machine


def cloud_name(machine: str, job_id: int, job_name: str) -> str:
    """The name of a job and its bucket in the cloud: always the same, so that they are found again."""
    digest = hashlib.sha256(f"{machine}/{job_id}/{job_name}".encode()).hexdigest()[:12]
    return f"paddock-{re.sub('[^a-z0-9]+', '-', job_name.lower())[:30].strip('-')}-{digest}"


def resources_of(cloud: Mapping[str, Any], gpus: int) -> dict[str, Any]:
    """The machine to rent; --gpu sets the number of accelerators, else the profile does.

    Raises:
        UsageError: GPUs are requested, and the profile names none.
    """
    accelerators = cloud.get("accelerators")
    if gpus and not accelerators:
        raise UsageError(f'--gpu {gpus}: which GPU? Name it in profiles.toml: accelerators = "A10:1".')
    found = {"infra": cloud.get("infra"), "image_id": cloud.get("image")}
    if accelerators:
        found["accelerators"] = f"{accelerators.partition(':')[0]}:{gpus}" if gpus else accelerators
    # A lost machine is replaced; a program that fails is not started again.
    recovery = {"strategy": "EAGER_NEXT_REGION", "max_restarts_on_errors": 0}
    kept = {key: value for key, value in found.items() if value}
    return kept | {"use_spot": bool(cloud.get("spot")), "job_recovery": recovery}


def describe_task(
    task: Task,
    *,
    name: str,
    job_name: str,
    gpus: int,
    attempt: int,
    code: Path | None,
    data: Path | None,
    output: Path | None,
) -> dict[str, Any]:
    """The task for `sky.Task.from_yaml_config`, with the values of the job's own variables masked.

    `output`: the output of an earlier attempt, which the bucket begins with; None if there was none.
    """
    cloud = task.cloud or {}
    bucket = {"name": name, "store": cloud.get("store", "s3"), "mode": "MOUNT_CACHED", "persistent": True}
    mounts: dict[str, Any] = {OUTPUT: bucket | ({"source": str(output)} if output else {})}
    if data:
        mounts[INPUT] = str(data)
    found: dict[str, Any] = {
        "name": name,
        "resources": resources_of(cloud, gpus),
        "envs": {
            "PADDOCK_JOB": job_name, "PADDOCK_ATTEMPT": str(attempt), "PADDOCK_CODE": task.commit,
            "PYTHONUNBUFFERED": "1",
        },
        "file_mounts": mounts,
        "setup": SETUP.format(site="--system-site-packages " if cloud.get("image") else "") + INSTALL,
        "run": RUN + _input_of(data) + _command_of(task, job_name, count_gpus(cloud, gpus)),
        "api_server_access": False,  # the job does not need our cloud accounts
    }  # fmt: skip
    if code:
        found["workdir"] = str(code)
    if task.environment:
        found["secrets"] = dict.fromkeys(task.environment, MASK)
    return found


def count_gpus(cloud: Mapping[str, Any], gpus: int) -> int:
    """The number of GPUs of the machine."""
    named = (cloud.get("accelerators") or ":0").partition(":")[2] or "1"
    return gpus or int(float(named))


def _input_of(data: Path | None) -> str:
    return 'export PADDOCK_INPUT=~/paddock/input\nchmod -R a-w "$PADDOCK_INPUT"\n' if data else ""


def _command_of(task: Task, job_name: str, gpus: int) -> str:
    """The command; `timeout` ends it at the job's limit even if this machine is down."""
    limit = task.limit()
    begin = f"timeout --kill-after={LAST_SECONDS} {round(limit[0]) + 1} " if limit else ""
    if task.command:
        return begin + shlex.join(task.command) + "\n"
    first = shlex.join(["--preset", task.preset, *(word for setting in task.settings for word in ("--set", setting))])
    python = ["python", "-m"]
    if gpus > 1:
        python += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus), "-m"]
    # A machine that replaces a lost one finds the checkpoint in the bucket, and continues from it.
    return (
        f'if [ -e "$PADDOCK_OUTPUT/{job_name}/run.json" ]; then set -- --resume; else set -- {first}; fi\n'
        f'{begin}{shlex.join(python)} trainer train --data "$PADDOCK_INPUT" --out "$PADDOCK_OUTPUT" "$@" '
        f"--name {job_name}\n"
    )
