"""JupyterLab as a job: with the job's code and data, on this machine only; it ends by itself when it is idle."""

import importlib.util
import secrets
import socket
import sys

from collector.errors import UsageError
from trainer.errors import not_installed
from trainer.jobs.task import Task

HOST = "127.0.0.1"


def make_notebook(idle_minutes: float, environment: dict[str, str | None], max_seconds: float | None) -> Task:
    """A job that serves JupyterLab, and ends `idle_minutes` after its last use.

    Raises:
        UsageError: JupyterLab is not installed.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise UsageError(not_installed("JupyterLab", "notebook"))
    port, token = _free_port(), secrets.token_urlsafe(24)
    idle = max(1, round(idle_minutes * 60))
    command = (
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--ServerApp.allow_root=True", "--ServerApp.open_browser=False",
        # An idle kernel is ended; when none is left and no request has come, the server ends, too.
        f"--MappingKernelManager.cull_idle_timeout={idle}", f"--MappingKernelManager.cull_interval={min(idle, 60)}",
        "--MappingKernelManager.cull_connected=True", f"--ServerApp.shutdown_no_activity_timeout={idle}",
        "--ServerApp.root_dir=../output",  # what is written there is kept
    )  # fmt: skip
    return Task(
        command=command,
        environment=environment | {"JUPYTER_TOKEN": token},
        max_seconds=max_seconds,
        opens=f"http://{HOST}:{port}/lab?token={token}",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
