"""Machines of a fleet that freeze or come back: a job goes on elsewhere, and only there."""

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import hurried
from tests.trainer.stable import WITHIN, Stable, alive
from trainer.jobs import bundles, hold, job_store
from trainer.jobs.task import State

# Counts from what is there, and saves what it has counted.
COUNTING = (
    "n=$(cat $PADDOCK_OUTPUT/step 2>/dev/null || echo 0); echo attempt $PADDOCK_ATTEMPT begins at $n; "
    "while :; do n=$((n+1)); echo $n > $PADDOCK_OUTPUT/step; sleep 0.05; done"
)


@pytest.fixture
def fleet(stable: Stable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stable]:
    """Two machines of a fleet, on which nothing runs yet, and which wait no longer than they must."""
    monkeypatch.setattr(hold, "FROZEN", hurried.FROZEN)
    (stable.home / "profiles.toml").write_text('[stable]\nkind = "fleet"\n')
    machines = [
        Stable(tmp_path / name, stable.project, stable.conninfo, "tests.trainer.hurried") for name in ("one", "two")
    ]
    for machine in machines:
        machine.home.mkdir()
    return machines


@pytest.fixture
def workers() -> Any:
    """Workers that are ended afterwards, whatever has become of them."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for worker in begun:
        with suppress(ProcessLookupError):
            worker.send_signal(signal.SIGCONT)
        worker.kill()
        worker.communicate()


def step_of(stable: Stable, name: str) -> int:
    job = stable.job(name)
    with job_store.opened(stable.conninfo) as connection:
        body = bundles.read_file(connection, job.output, "step") if job.output else None
    return int(body or 0)


def step_at(machine: Stable, name: str) -> int:
    path = machine.home / "jobs" / name / "output" / "step"
    return int((path.read_text() if path.exists() else "") or 0)


def test_a_machine_that_comes_back_goes_on_where_the_others_have_come_to(
    stable: Stable, fleet: list[Stable], workers: list["subprocess.Popen[str]"]
) -> None:
    """It stopped at one step, another went on to a later one, and it begins again with its old folder."""
    name = stable.run("--where", "stable", "--", "sh", "-c", COUNTING)
    reached = 0
    for machine in (fleet[0], fleet[1], fleet[0]):
        worker = machine.start("worker")
        workers.append(worker)
        # Its own folder, which is an older one at first where it was here before.
        stable.wait_until(lambda: "attempt" in stable.log(name) and step_at(machine, name) > reached + 10)  # noqa: B023
        worker.terminate()
        worker.communicate(timeout=WITHIN)
        assert stable.job(name).state is State.QUEUED
        assert step_of(stable, name) > reached
        reached = step_of(stable, name)
    begun = [int(line.split()[-1]) for line in stable.log(name).splitlines()]
    assert len(begun) == 3
    assert begun == sorted(set(begun))


def test_a_frozen_machine_ends_its_job_first_and_woken_it_writes_nothing(
    stable: Stable, fleet: list[Stable], workers: list["subprocess.Popen[str]"]
) -> None:
    """Only its engine is frozen here: what it has started would run on beside the other."""
    name = stable.run("--where", "stable", "--", "sh", "-c", COUNTING)
    workers.append(fleet[0].start("worker"))
    command = fleet[0].child_pid(name)
    stable.wait_until(lambda: step_at(fleet[0], name) > 5)
    workers[0].send_signal(signal.SIGSTOP)
    workers.append(fleet[1].start("worker"))
    stable.wait(name, lambda job: job.attempts == 2)
    assert not alive(command)
    stable.wait_until(lambda: step_at(fleet[1], name) > 5)
    workers[0].send_signal(signal.SIGCONT)
    time.sleep(4 * hurried.BEAT_EVERY)
    job = stable.job(name)
    assert (job.state, job.attempts) == (State.RUNNING, 2)
    assert alive(fleet[1].child_pid(name))
    assert workers[0].poll() is None  # it takes the next job
    assert [line.split()[1] for line in stable.log(name).splitlines()] == ["1", "2"]
    stable.type("job", "stop", name)
    assert stable.job(name).output_attempt == 2


def test_a_job_of_a_frozen_machine_can_be_stopped_and_deleted(
    stable: Stable, fleet: list[Stable], workers: list["subprocess.Popen[str]"]
) -> None:
    """No other machine is there to stop it."""
    name = stable.run("--where", "stable", "--name", "a", "--", "sh", "-c", COUNTING)
    workers.append(fleet[0].start("worker"))
    command = fleet[0].child_pid(name)
    stable.wait_until(lambda: step_at(fleet[0], name) > 5)
    workers[0].send_signal(signal.SIGSTOP)
    assert "a: stopped (stopped by hand)" in stable.type("job", "stop", name)
    stable.type("job", "delete", name, "--yes")
    assert not alive(command)
    again = stable.run("--where", "stable", "--name", "a", "--", "sh", "-c", "ls $PADDOCK_OUTPUT; echo anew")
    workers[0].send_signal(signal.SIGCONT)
    job = stable.wait(again)
    assert (job.state, job.attempts) == (State.DONE, 1)
    assert stable.log(again) == "anew\n"
