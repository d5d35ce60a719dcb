"""The libraries that runs are followed with. Each keeps a run's configuration, its metrics, and how it ended.

Where a library keeps them, on this machine or on a server, is up to its own environment variables. Each adds facts of
its own about the machine and the code by default; all of that is switched off here.
"""

import importlib
import importlib.util
import os
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from collector.errors import UsageError
from trainer.errors import not_installed

PROJECT = "paddock"  # where the library's own variable names none
PATIENCE = 60.0  # seconds that wandb waits at the end for a server that is away
# MLflow counts its users, and tries a server that is away for some minutes; wandb reports its own errors, with paths.
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "WANDB_ERROR_REPORTING": "false",
}
ENDED = {"done": "FINISHED", "stopped": "KILLED"}  # MLflow's word for a status


class Tracker(StrEnum):
    """A library, by the name of its module, which is also the name of our extra."""

    TRACKIO = "trackio"
    MLFLOW = "mlflow"
    WANDB = "wandb"


class Followed(Protocol):
    """A run as a library keeps it."""

    id: str  # by which the library finds it again

    def log(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Add the metrics of an epoch."""
        ...

    def end(self, facts: Mapping[str, float | str], epoch: int) -> None:
        """Add how it ended, after this epoch, and close it; `status` is one of the facts."""
        ...


def check_installed(tracker: Tracker) -> None:
    """Check that a library is there.

    Raises:
        UsageError: it is not.
    """
    spec = importlib.util.find_spec(tracker)
    if spec is None or spec.origin is None:  # a folder `wandb`, where wandb keeps runs, would do
        raise UsageError(not_installed(tracker, tracker))


def follow(tracker: Tracker, name: str, config: Mapping[str, Any], known: str | None) -> Followed:
    """Begin to follow a run, or go on with the one that the library knows by the id `known`."""
    for variable, value in DEFAULTS.items():
        os.environ.setdefault(variable, value)  # noqa: TID251  (the libraries read it; a user's own value stays)
    kinds = {Tracker.TRACKIO: Trackio, Tracker.MLFLOW: MLflow, Tracker.WANDB: Wandb}
    return kinds[tracker](name, config, known)


class Trackio:
    """A run in trackio, which knows it by its name."""

    def __init__(self, name: str, config: Mapping[str, Any], known: str | None) -> None:
        self.id = name
        self._library = importlib.import_module("trackio")
        # A Space that it makes is private: by default it would be public.
        self._run = self._library.init(
            project=PROJECT, name=name, config=dict(config), resume="allow" if known else "never", private=True,
            embed=False, auto_log_gpu=False, auto_log_cpu=False,
        )  # fmt: skip

    def log(self, metrics: Mapping[str, float], epoch: int) -> None:
        self._run.log(dict(metrics), step=epoch)

    def end(self, facts: Mapping[str, float | str], epoch: int) -> None:
        self._run.log(dict(facts), step=epoch)
        self._library.finish()


class MLflow:
    """A run in MLflow. The plain client sends what it is given; `mlflow.start_run` would add paths and names."""

    def __init__(self, name: str, config: Mapping[str, Any], known: str | None) -> None:
        library = importlib.import_module("mlflow")
        self._entities = library.entities
        self._client = library.MlflowClient()
        if known:
            self.id = known
            self._client.update_run(known, status="RUNNING")
            return
        experiment = importlib.import_module("mlflow.environment_variables").MLFLOW_EXPERIMENT_NAME.get() or PROJECT
        found = self._client.get_experiment_by_name(experiment)
        place = found.experiment_id if found else self._client.create_experiment(experiment)
        self.id = self._client.create_run(place, run_name=name).info.run_id
        self._client.log_batch(self.id, params=[self._entities.Param(key, str(value)) for key, value in config.items()])

    def log(self, metrics: Mapping[str, float], epoch: int) -> None:
        now = round(time.time() * 1000)
        self._client.log_batch(self.id, [self._entities.Metric(key, metrics[key], now, epoch) for key in metrics])

    def end(self, facts: Mapping[str, float | str], epoch: int) -> None:
        self.log({key: value for key, value in facts.items() if not isinstance(value, str)}, epoch)
        for key, value in facts.items():
            if isinstance(value, str):
                self._client.set_tag(self.id, key, value)
        self._client.set_terminated(self.id, ENDED.get(str(facts["status"]), "FAILED"))


class Wandb:
    """A run in Weights & Biases."""

    def __init__(self, name: str, config: Mapping[str, Any], known: str | None) -> None:
        library = importlib.import_module("wandb")
        settings = library.Settings(
            console="off", disable_git=True, disable_code=True, save_code=False, host=PROJECT, x_disable_meta=True,
            x_disable_stats=True, x_disable_machine_info=True, x_save_requirements=False, finish_timeout=PATIENCE,
            finish_timeout_raises=True,
        )  # fmt: skip
        project = library.setup().settings.project or PROJECT
        self._run = library.init(
            project=project, name=name, config=dict(config), id=known, resume="allow" if known else None,
            settings=settings,
        )  # fmt: skip
        self.id = self._run.id
        # Its own steps only rise, and what is logged for an earlier one is dropped without a word: each network of a
        # run with several random seeds begins at epoch 1.
        self._run.define_metric("epoch")
        self._run.define_metric("*", step_metric="epoch")

    def log(self, metrics: Mapping[str, float], epoch: int) -> None:
        self._run.log({**metrics, "epoch": epoch})

    def end(self, facts: Mapping[str, float | str], epoch: int) -> None:  # noqa: ARG002
        self._run.summary.update(dict(facts))
        self._run.finish(exit_code=0 if facts["status"] == "done" else 1)
