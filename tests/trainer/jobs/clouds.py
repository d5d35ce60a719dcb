"""Clouds to rent in, and the task that SkyPilot is given there."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainer.jobs.cloud.offer import NOT_INSTALLED
from trainer.jobs.cloud.task import describe_task
from trainer.jobs.profiles import Profile
from trainer.jobs.task import Task

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
