"""A job that waits says for what, and until when at the latest."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from collector.console.wording import in_japan
from tests.trainer.stable import PATH, QUICK, ROOT, WITHIN, Stable
from trainer.dataset.manifest import Version
from trainer.jobs import job_store
from trainer.jobs.task import Job, State, Task
from trainer.jobs.waiting import SOON, Machine, explain

QUEUE = "fleet:gpu"

# --- for what it waits -------------------------------------------------------------------------------------------
NOW = datetime(2026, 4, 5, 12, 0, tzinfo=UTC)
IN_AN_HOUR = in_japan(NOW + timedelta(hours=1), seconds=False)


def a_job(name: str, gpus: int = 0, *, minutes_ago: float = 1, **more: Any) -> Job:
    facts: dict[str, Any] = {
        "id": 1, "uid": UUID(int=1), "name": name, "task": Task(command=("true",)), "place": "stable",
        "queue": QUEUE if gpus else "fleet:cpu", "gpus": gpus, "code": None, "data": None, "state": State.QUEUED,
        "reason": "", "reason_detail": {}, "machine": None, "stop_asked": False, "attempts": 0, "kills": 0,
        "queued_at": NOW - timedelta(minutes=minutes_ago), "started_at": None, "ended_at": None, "seconds": 0.0,
        "exit_code": None, "output": None, "output_attempt": 0, "log_bytes": 0,
    }  # fmt: skip
    return Job(**facts | more)


def a_machine(name: str = "m", gpus: int = 1, slots: int = 1, silent: float = 1, **more: Any) -> Machine:
    facts: dict[str, Any] = {"fleet": True, "working": True} | more
    return Machine(name, ["A"] * gpus, slots, silent=silent, **facts)


def running(name: str, gpus: int = 0, **more: Any) -> Job:
    return a_job(name, gpus, minutes_ago=100, **{"state": State.RUNNING, "machine": "m"} | more)


LIMITED = Task(command=("true",), max_seconds=7200)
PAGE = Task(command=("lab",), opens="http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("job", "others", "machines", "says"),
    [
        (a_job("a"), [running("b")], [a_machine()], "waits for a CPU slot on m, held by b (without a limit)"),
        (a_job("a"), [running("a")], [a_machine()], ""),  # begun since it was looked up
        (
            a_job("a", 2), [running("b", 1, task=LIMITED, seconds=3600.0)], [a_machine(gpus=2)],
            f"waits for 2 GPUs on m, held by b (until {IN_AN_HOUR} at the latest)",
        ),
        (
            a_job("a"), [running("b"), a_job("c", minutes_ago=2)], [a_machine()],
            "waits for a CPU slot on m, held by b (without a limit), after 1 queued before it",
        ),
        (a_job("a", 1), [running("b", 1, task=PAGE)], [a_machine()], "held by b (until it is idle)"),
        (a_job("a", 1), [running("b")], [a_machine()], "waits for the engine on m to take it"),  # that has no GPU
        (a_job("a"), [running("b", task=PAGE)], [a_machine()], "waits for the engine on m to take it"),
        (
            a_job("a", 1), [running("b", 1), a_job("big", 2, minutes_ago=11)], [a_machine(gpus=2)],
            "waits behind big, which has waited longer than 10 min for 2 GPUs",
        ),
        (a_job("a", 2), [], [a_machine()], "waits for a machine of the fleet with 2 GPUs (m has 1); `trainer worker`"),
        (a_job("a", 2), [], [], "waits for a machine of the fleet with 2 GPUs (none is there); `trainer worker`"),
        (a_job("a", 2), [], [a_machine(gpus=2, silent=300)], "(m had 2 and was last seen 5 min ago)"),
        (a_job("a", 2), [], [a_machine(gpus=2, working=False)], "(m had 2 and has ended its engine)"),
        (a_job("a", 2), [], [a_machine(gpus=2, fleet=False)], "(none is there)"),
        (a_job("a", place="local", queue="x:cpu"), [], [], "the machine that queued it (no engine is at work there)"),
        (running("a"), [], [a_machine(silent=90)], "m was last seen 90 s ago, and is taken over by the next"),
        (running("a", place="local"), [], [a_machine(silent=90)], "and continues when that is back"),
        (running("a"), [], [a_machine()], ""),
        (a_job("a", minutes_ago=SOON / 120), [], [a_machine()], ""),
        (a_job("a", state=State.DONE), [], [], ""),
    ],
)  # fmt: skip
def test_a_job_says_for_what_it_waits_and_until_when(
    job: Job, others: list[Job], machines: list[Machine], says: str
) -> None:
    words = explain(job, [job, *others], machines, NOW)
    assert says in words
    assert bool(says) == bool(words)


# --- machines for real -------------------------------------------------------------------------------------------
@pytest.fixture
def with_gpus(tmp_path: Path) -> Any:
    """A search path on which the driver's own program lists `count` GPUs."""

    def make(count: int) -> str:
        tools = tmp_path / f"bin-{count}"
        tools.mkdir(exist_ok=True)
        (tools / "nvidia-smi").write_text(f"#!/bin/sh\nfor i in $(seq {count}); do echo NVIDIA; done\n")
        (tools / "nvidia-smi").chmod(0o755)
        return f"{tools}:{PATH}"

    return make


def test_a_job_for_too_many_gpus_blocks_no_job_and_says_its_wait(
    stable: Stable, tmp_path: Path, with_gpus: Any
) -> None:
    (stable.home / "profiles.toml").write_text('[stable]\nkind = "fleet"\n')
    machines = [Stable(tmp_path / name, stable.project, stable.conninfo) for name in ("one", "two")]
    for machine in machines:
        machine.home.mkdir()
    workers = [
        machine.start("worker", PATH=with_gpus(count)) for count, machine in enumerate(machines, 1)
    ]  # with one GPU and with two
    try:
        with job_store.opened(stable.conninfo) as connection:
            stable.wait_until(lambda: len(job_store.list_unended(connection)[1]) == 2)
        refused = stable.type("job", "run", "--where", "stable", "--gpu", "3", "--", "true", code=2)
        assert "of the 2 machines on which `trainer worker` runs, none has that many" in refused
        assert f"{machines[0].home}: 1" in refused
        assert f"{machines[1].home}: 2" in refused
        workers[1].kill()  # the machine is gone that the job is to wait for
        workers[1].communicate()
        big = stable.run("--where", "stable", "--gpu", "2", "--", "true")
        small = stable.run("--where", "stable", "--gpu", "1", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        assert stable.wait(small).state is State.DONE
        assert stable.log(small) == "0\n"
        assert stable.job(big).state is State.QUEUED
        with job_store.opened(stable.conninfo) as connection:
            connection.execute("UPDATE machine SET seen_at = now() - interval '5 minutes' WHERE cardinality(gpus) = 2")
        for printed in (stable.type("job", "info", big), stable.type("job", "list")):
            words = " ".join(printed.split())
            assert "waits for a machine of the fleet with 2 GPUs" in words
            assert "had 2 and was last seen 5 min ago" in words
        assert "with 2 GPUs" in json.loads(stable.type("job", "info", big, "--json"))["waits"]
        time.sleep(3)  # within which the log says so, too
        ended = time.monotonic()
        workers[0].terminate()
        log = workers[0].communicate(timeout=WITHIN)[1]
        assert time.monotonic() - ended < 8
        assert workers[0].returncode == 0
        assert f"a job waits job={big} why=waits for a machine of the fleet with 2 GPUs" in log
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    stable.type("job", "stop", big)


def test_a_watcher_sees_within_seconds_what_a_job_waits_for(stable: Stable) -> None:
    (stable.home / "profiles.toml").write_text("[local]\nslots = 1\n")
    holds = stable.run("--max-hours", "1", "--", "sleep", "300")
    stable.child_pid(holds)
    waits = stable.run("--", "true")
    began = time.monotonic()
    watching = stable.start("job", "logs", "-f", waits)
    assert watching.stderr is not None
    lines = [watching.stderr.readline() for _ in range(2)]
    assert time.monotonic() - began < 3 + 5  # the command's own start, on a busy machine
    assert f"held by {holds} (until " in lines[1]
    log = stable.home / "jobs" / "engine.log"
    stable.wait_until(lambda: f"job={waits} why=waits for a CPU slot" in log.read_text())
    stable.type("job", "stop", holds)
    assert stable.wait(waits).state is State.DONE
    watching.communicate(timeout=WITHIN)


SKEWED = """
import datetime
class Skewed(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(hours={hours})
datetime.datetime = Skewed
"""


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wrong_clock_neither_hides_a_wait_nor_ages_a_job(stable: Stable, tmp_path: Path, hours: int) -> None:
    (tmp_path / "sitecustomize.py").write_text(SKEWED.format(hours=hours))
    done = stable.run("--name", "over", "--", "true")
    stable.wait(done)
    with job_store.opened(stable.conninfo) as connection:
        job_store.queue(
            connection, "waits", Task(command=("true",)), place="local", queue="another machine:cpu", gpus=0,
            code=None, data=None,
        )  # fmt: skip
        connection.execute("UPDATE training_job SET queued_at = now() - interval '1 minute' WHERE name = 'waits'")
    skewed = f"{tmp_path}:{ROOT}"
    info, removed = [
        stable.start("job", *words, PYTHONPATH=skewed).communicate(timeout=WITHIN)[0]
        for words in (("info", "waits", "--json"), ("delete", "--older-than", "1h", "--yes"))
    ]
    assert "on the machine that queued it" in json.loads(info)["waits"]
    assert removed == "No such job.\n"


def test_a_sweep_says_for_what_it_waits(stable: Stable, version: Version) -> None:
    (stable.home / "profiles.toml").write_text("[local]\nslots = 1\n")
    holds = stable.run("--", "sleep", "300")
    stable.child_pid(holds)
    words = [word for setting in (*QUICK, "epochs=1", "random_seed=0,1") for word in ("--set", setting)]
    sweeping = stable.start("sweep", "--preset", "first-cnn", *words, "--data", str(version.folder), "--name", "try")
    assert sweeping.stderr is not None
    assert "try-1 waits for a CPU slot" in (line := sweeping.stderr.readline())
    assert f"held by {holds} (without a limit). 1 more wait, too." in line
    sweeping.kill()
    sweeping.communicate()


def test_a_job_that_fits_no_machine_any_more_is_not_resumed(stable: Stable, with_gpus: Any) -> None:
    words = ("job", "run", "--json", "--gpu", "1", "--", "false")
    name = json.loads(stable.type(*words, PATH=with_gpus(1)))["name"]
    assert stable.wait(name).state is State.FAILED
    assert "this machine has no GPU" in stable.type("job", "resume", name, code=2)
    assert stable.job(name).state is State.FAILED
