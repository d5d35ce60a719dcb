"""What an attempt starts: the words of its command, and its environment."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from collector.errors import UsageError
from trainer.jobs.cloud import driver
from trainer.jobs.cloud.task import cloud_name, describe_task
from trainer.jobs.folders import Folders
from trainer.jobs.task import OUTPUT, Job
from trainer.runs.runs import FACTS

# What a job inherits of the engine's environment: where programs, files and devices are; nothing secret.
PASSED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_HOME", "HF_HOME",
    "SSL_CERT_FILE", "OMP_NUM_THREADS", "XDG_CACHE_HOME", "TORCH_HOME",
)  # fmt: skip


def command_of(job: Job, folders: Folders) -> list[str]:
    """The words of the command that the job's process runs."""
    if job.task.cloud is not None:
        return _driver_of(job, folders)
    if job.task.command:
        return list(job.task.command)
    run = folders.output / job.name
    if (run / FACTS).is_file() and json.loads((run / FACTS).read_text())["status"] == "done":
        # Its engine was killed after the training, before it wrote that down.
        return [sys.executable, "-c", "print('It is trained already.')"]
    words = ["train", "--data", str(folders.input), "--out", str(folders.output)]
    if (run / FACTS).exists():
        words.append("--resume")
    else:
        words += ["--preset", job.task.preset]
        words += [word for setting in job.task.settings for word in ("--set", setting)]
    python = [sys.executable, "-m", "trainer"]
    if job.gpus > 1:
        python = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(job.gpus)]
        python += ["-m", "trainer"]
    return [*python, *words, "--name", job.name]


def _driver_of(job: Job, folders: Folders) -> list[str]:
    """The program that drives a job in a cloud. It is our own, so its modules never come from the shipped code."""
    task = describe_task(
        job.task, name=cloud_name(job.machine or "", job.id, job.name), job_name=job.name, gpus=job.gpus,
        attempt=job.attempts, code=folders.code if job.code else None, data=folders.input,
        output=folders.output if any(folders.output.iterdir()) else None,
    )  # fmt: skip
    return [sys.executable, "-P", "-m", "trainer.jobs.cloud.driver", json.dumps({"task": task, "stop": job.stop_asked})]


def environment_of(job: Job, folders: Folders, home: Path, gpus: Sequence[int]) -> dict[str, str]:
    """The environment of the job's process.

    Raises:
        UsageError: a variable that is taken from this machine is not set here.
    """
    here = os.environ  # noqa: TID251  (handed on, not read as settings)
    ours = str(Path(__file__).parents[2])
    rented = job.task.cloud is not None  # its driver is our own program, and needs the credentials of the cloud
    found = dict(here) if rented else {name: here[name] for name in PASSED if name in here}
    found["PATH"] = f"{Path(sys.executable).parent}:{found.get('PATH', os.defpath)}"
    found |= {"PYTHONUNBUFFERED": "1", "PADDOCK_JOB": job.name, "PADDOCK_ATTEMPT": str(job.attempts)}
    # The project's own modules come first; a preset that ships no code runs the installed trainer.
    found["PYTHONPATH"] = ours if rented else os.pathsep.join([str(folders.code), ours])
    found[OUTPUT], found["PADDOCK_HOME"] = str(folders.output), str(home)
    found["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpus))
    found["PADDOCK_CODE"] = job.task.commit
    if folders.input:
        found["PADDOCK_INPUT"] = str(folders.input)
    for name, value in job.task.environment.items():
        if value is None and name not in here:
            raise UsageError(f"{name} is not set where its engine runs, and --env {name} takes it from there.")
        found[f"{driver.SECRET}{name}" if rented else name] = here[name] if value is None else value
    return found
