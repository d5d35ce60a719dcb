"""Drives one job on a machine that SkyPilot rents: launches it, follows its log, brings its output back, and removes
everything that would cost money. The supervisor runs it like any job's command:

    python -m trainer.jobs.cloud.driver '{"task": ..., "stop": false}'

The values of the job's own variables come as PADDOCK_ENV_NAME in the environment, so no list of processes shows them.
On SIGTERM the managed job is cancelled, its output is brought back, and its bucket is deleted. A driver that was killed
is started again, and finds its managed job by name: it never launches a second one. A managed job without a driver,
after a power cut, still ends at the job's limit (see cloud/task.py).

Checked against SkyPilot 0.14.1 itself: the task, its secrets, prices, the optimizer, and the server's answers when no
cloud is set up. Never run against a real cloud: launching, following, cancelling, recovery, and buckets.
"""

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from collector.errors import UsageError
from trainer.jobs.cloud.bucket import fetch
from trainer.jobs.cloud.offer import in_a_sentence, load_sky
from trainer.jobs.cloud.task import OUTPUT

GRACE = 900.0  # seconds that a driver has to cancel, bring the output back, and delete
LOOK_EVERY = 5.0  # seconds
BRING_EVERY = 300.0  # seconds between two copies of a running job's output
SECRET = "PADDOCK_ENV_"  # noqa: S105  (a prefix of variables)
STOPPED = 128 + signal.SIGTERM
T = TypeVar("T")


def say(words: str) -> None:
    """Write a line to the job's log."""
    sys.stdout.write(f"[cloud] {words}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Driver:
    """One job in a cloud, and what its driver knows of it."""

    sky: Any
    task: dict[str, Any]
    secrets: dict[str, str]
    output: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    name: str = field(init=False)  # of the managed job, and of its bucket

    def __post_init__(self) -> None:
        self.name = self.task["name"]

    def retry(self, ask: Callable[[], T], words: str) -> T:
        """Ask SkyPilot until it answers: the job runs on while its server or the network is away."""
        away = (OSError, RuntimeError, self.sky.exceptions.ClusterNotUpError, self.sky.exceptions.CloudError)
        for turn in itertools.count():
            try:
                return ask()
            except away as error:
                if turn == 0:
                    say(f"{words} failed, and is tried until it succeeds ({in_a_sentence(error)}).")
                time.sleep(LOOK_EVERY)
        raise AssertionError

    def newest(self) -> Any:
        """The newest managed job of this name, or None."""
        self.retry(self._await_launches, "Asking what is being launched")
        return self.retry(self._newest, "Asking for the managed job")

    def _await_launches(self) -> None:
        """Wait until the server has finished all launches: an earlier driver may have asked for one."""
        while any("jobs.launch" in request.name for request in self.sky.api_status(all_status=False)):
            time.sleep(LOOK_EVERY)

    def _newest(self) -> Any:
        try:
            found = self._queue(refresh=False)
        except self.sky.exceptions.ClusterNotUpError as error:
            if error.cluster_status is None:
                return None  # without a controller no managed job exists
            found = self._queue(refresh=True)  # the controller sleeps; wake it
        mine = [job for job in found if job.job_name == self.name]
        return max(mine, key=lambda job: job.job_id, default=None)

    def _queue(self, *, refresh: bool) -> list[Any]:
        return self.sky.get(self.sky.jobs.queue_v2(refresh=refresh, name_match=self.name))[0]

    def has_bucket(self) -> bool:
        """Whether the bucket exists; it is deleted last, so without it everything is settled."""
        names = self.retry(lambda: self.sky.get(self.sky.storage_ls()), "Asking for the bucket")
        return any(storage.name == self.name for storage in names)

    def launch(self) -> None:
        """Launch the managed job.

        Raises:
            UsageError: SkyPilot refuses; the error has its reason.
        """
        task = self.sky.Task.from_yaml_config({key: self.task[key] for key in self.task if key != "secrets"})
        task.update_secrets(self.secrets)
        try:
            self.sky.stream_and_get(self.sky.jobs.launch(task, name=self.name))
        except (OSError, RuntimeError, ValueError, *_refusals(self.sky)) as error:
            if self.newest() is None:
                raise UsageError(f"SkyPilot did not launch it: {in_a_sentence(error)}.") from error

    def follow(self, job_id: int) -> Any:
        """Follow the managed job until it ends or this driver is stopped; the managed job then."""
        brought, tail = time.monotonic(), self._tail(job_id)
        while not (job := self.newest()).status.is_terminal() and not self.stopping.is_set():
            if not tail.is_alive():
                say("The log was interrupted; it continues here.")
                tail = self._tail(job_id, 100)
            if time.monotonic() - brought > BRING_EVERY:
                self.bring()
                brought = time.monotonic()
            self.stopping.wait(LOOK_EVERY)
        if job.status.is_terminal():
            tail.join(60)
        return job

    def _tail(self, job_id: int, lines: int | None = None) -> threading.Thread:
        def tail() -> None:
            with contextlib.suppress(OSError, RuntimeError, self.sky.exceptions.ClusterNotUpError):
                self.sky.jobs.tail_logs(job_id=job_id, follow=True, tail=lines)

        thread = threading.Thread(target=tail, daemon=True)
        thread.start()
        return thread

    def cancel(self, job_id: int) -> Any:
        """Cancel the managed job after an upload of its output, and wait until it has ended; the managed job then."""
        say(f"Stopping. If this is the last line: sky jobs cancel {job_id}; sky storage delete {self.name}")
        ask = self.sky.jobs.cancel
        self.retry(lambda: self.sky.get(ask(job_ids=[job_id], graceful=True, graceful_timeout=120)), "Cancelling")
        while not (job := self.newest()).status.is_terminal():
            time.sleep(LOOK_EVERY)
        return job

    def bring(self) -> bool:
        """Copy the content of the bucket into the output's folder; whether that succeeded."""
        problem = fetch(self.task["file_mounts"][OUTPUT]["store"], self.name, self.output)
        if problem:
            say(f"The output is not brought back: {problem}")
        return not problem

    def settle(self) -> bool:
        """Bring the output back, then delete the bucket; whether nothing that costs money is left."""
        if not self.has_bucket():
            return True
        delete = f"sky storage delete {self.name}"
        if not self.bring():
            say(f"THE BUCKET {self.name} IS LEFT, AND COSTS. Copy its content yourself, then type: {delete}")
            return False
        try:
            self.sky.get(self.sky.storage_delete(self.name))
        except (OSError, RuntimeError, ValueError, *_refusals(self.sky)) as error:
            say(f"THE BUCKET {self.name} IS LEFT, AND COSTS ({in_a_sentence(error)}). Type: {delete}")
            return False
        return True


def _refusals(sky: Any) -> tuple[type[Exception], ...]:
    """The exceptions by which SkyPilot refuses."""
    known = sky.exceptions
    return (
        known.NoCloudAccessError, known.ResourcesUnavailableError, known.NotSupportedError, known.ClusterNotUpError,
        known.StorageError, known.CloudError,
    )  # fmt: skip


def find_again(driver: Driver) -> Any:
    """The managed job that an earlier driver left unsettled; None if one may be launched."""
    job = driver.newest()
    if job is None or not job.status.is_terminal():
        return job
    if not driver.has_bucket():
        return None
    if job.status.value != "CANCELLED":
        return job  # it ended while no driver ran
    if not driver.settle():
        raise UsageError("What an earlier attempt has left has to be settled first.")
    return None


def drive(driver: Driver, *, stop: bool) -> int:
    """Driver the job to its end; its exit code. `stop`: only end it, if it exists.

    Raises:
        UsageError: SkyPilot refuses to launch it, or an earlier attempt is not settled.
    """
    job = find_again(driver)
    if job is not None:
        say(f"Found again: it is SkyPilot's managed job {job.job_id}. Its log from the beginning:")
    elif stop or driver.stopping.is_set():
        return STOPPED if driver.settle() else 1
    else:
        driver.launch()
        job = driver.newest()
        if job is None:
            raise UsageError(
                f"SkyPilot launched it but does not list it; look: sky jobs queue. Its name: {driver.name}"
            )
    if stop:
        driver.stopping.set()
    job = driver.follow(job.job_id)
    if not job.status.is_terminal():
        job = driver.cancel(job.job_id)
    settled = driver.settle()
    if job.status.value == "SUCCEEDED":
        return 0 if settled else 1
    say(f"SkyPilot: {job.status.value}{f' ({job.failure_reason})' if job.failure_reason else ''}")
    return STOPPED if job.status.value == "CANCELLED" else 1


def main(words: list[str]) -> int:
    """The program. With `serve` it starts SkyPilot's server, which outlives this process."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    sky = load_sky()
    if words == ["serve"]:
        from sky.server import common  # pyright: ignore[reportMissingImports]

        if common.is_api_server_local():
            sky.api_start()
        return 0
    facts = json.loads(words[0])
    here = os.environ  # noqa: TID251  (handed on, not read as settings)
    secrets = {key.removeprefix(SECRET): value for key, value in here.items() if key.startswith(SECRET)}
    driver = Driver(sky, facts["task"], secrets, Path(here["PADDOCK_OUTPUT"]), stopping)
    try:
        return drive(driver, stop=facts["stop"])
    except UsageError as error:
        say(str(error))
        driver.settle()
        return 1
    except BaseException:  # a bug of ours must not cost money
        say(f"This driver failed, and cancels the job. Make sure: sky jobs cancel -n {driver.name}; sky storage ls")
        sky.jobs.cancel(name=driver.name)
        raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
