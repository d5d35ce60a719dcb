"""Whose turn it is: machines take what fits them, nothing starves, and whatever waits says for what."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from collector.console.wording import in_japan
from collector.errors import UsageError
from tests.trainer.stable import PATH, QUICK, ROOT, WITHIN, Stable
from trainer.dataset.manifest import Version
from trainer.jobs import job_store
from trainer.jobs.command_line import check_program, check_words
from trainer.jobs.hold import BEAT
from trainer.jobs.job_store import Connection
from trainer.jobs.notebook import make_notebook
from trainer.jobs.task import Job, State, Task, check_name
from trainer.jobs.turn import CLAIM, LEFT, PASSING
from trainer.jobs.waiting import SOON, Machine, explain

QUEUE = "fleet:gpu"


@pytest.fixture
def line(conninfo: str) -> Iterator[Connection]:
    """The line of jobs."""
    with job_store.opened(conninfo) as connection:
        yield connection


def queue(line: Connection, name: str, gpus: int, minutes_ago: float = 0, task: Task | None = None) -> Job:
    job = job_store.queue(
        line, name, task or Task(command=("true",)), place="stable", queue=QUEUE if gpus else "fleet:cpu", gpus=gpus,
        code=None, data=None,
    )  # fmt: skip
    line.execute("UPDATE training_job SET queued_at = now() - make_interval(mins => %s)", (minutes_ago,))
    return job


def age(line: Connection, **minutes: float) -> None:
    """How long ago each was queued."""
    for name, ago in minutes.items():
        line.execute(
            "UPDATE training_job SET queued_at = now() - make_interval(secs => %s) WHERE name = %s", (ago * 60, name)
        )


def claimed(line: Connection, free: int, most: int, queues: tuple[str, ...] = (QUEUE,), **more: Any) -> str | None:
    """The job that a machine with `most` slots, of which `free` are free, would take."""
    facts: dict[str, Any] = {"machine": "m", "queues": list(queues), "busy": [], "passing": PASSING}
    cursor = line.execute(CLAIM, facts | {"free": free, "most": most} | more)
    row = cursor.fetchone()
    names = [column.name for column in cursor.description or ()]
    return row[names.index("name")] if row else None


# --- what fits -------------------------------------------------------------------------------------------------


def test_a_machine_takes_only_what_it_has_gpus_for(line: Connection) -> None:
    for name, gpus in (("two", 2), ("one", 1), ("four", 4), ("other", 1)):
        queue(line, name, gpus)
    assert [claimed(line, 1, 1) for _ in range(3)] == ["one", "other", None]
    assert [claimed(line, 2, 2), claimed(line, 2, 2), claimed(line, 8, 8)] == ["two", None, "four"]


def test_jobs_begin_as_queued_and_one_that_goes_on_keeps_its_turn(
    line: Connection,
) -> None:
    for name in ("a", "b", "c"):
        queue(line, name, 1)
    age(line, a=3, b=2, c=1)
    assert claimed(line, 1, 1) == "a"
    line.execute("UPDATE training_job SET state = 'queued' WHERE name = 'a'")
    assert [claimed(line, 1, 1) for _ in range(3)] == ["a", "b", "c"]


def test_small_jobs_pass_a_big_one_for_ten_minutes_and_no_longer(line: Connection) -> None:
    """On a machine with two GPUs, one of them busy."""
    queue(line, "big", 2)
    queue(line, "small", 1)
    age(line, big=PASSING / 60 - 1, small=1)
    assert claimed(line, 1, 2) == "small"
    queue(line, "next", 1)
    age(line, big=PASSING / 60 + 1, next=1)
    assert claimed(line, 1, 2) is None
    assert claimed(line, 1, 1) == "next"  # where the big one could never run it stands in nobody's way
    assert claimed(line, 2, 2) == "big"


def test_a_job_that_was_queued_before_a_big_one_is_not_kept_waiting_by_it(line: Connection) -> None:
    queue(line, "small", 1)
    queue(line, "big", 2)
    age(line, small=60, big=50)
    assert claimed(line, 1, 2) == "small"


def test_a_folder_in_which_a_process_still_saves_is_passed_over(line: Connection) -> None:
    queue(line, "a", 1)
    queue(line, "b", 1)
    assert claimed(line, 1, 1, busy=["a"]) == "b"


def test_many_machines_at_once_take_each_job_once_and_number_its_attempt(conninfo: str, line: Connection) -> None:
    for number in range(30):
        queue(line, f"j{number}", 1)
    taken: list[str] = []

    def work() -> None:
        with job_store.opened(conninfo) as connection:
            while name := claimed(connection, 1, 1):
                taken.append(name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"j{number}" for number in range(30))
    assert {job.attempts for job in job_store.list_jobs(line)} == {1}


def test_an_idle_notebook_keeps_no_slot_from_a_job(line: Connection) -> None:
    queue(line, "notebook", 0, task=Task(command=("lab",), opens="http://127.0.0.1:1/"))
    queue(line, "job", 0)
    queues = ("fleet:cpu",)
    assert claimed(line, 0, 1, queues) == "notebook"
    assert claimed(line, 1, 1, queues) == "job"
    assert make_notebook.__doc__  # what it makes opens a page, by which it is known


def test_what_no_longer_fits_a_machine_keeps_no_engine_up(line: Connection) -> None:
    queue(line, "two", 2)
    facts = {"queues": [QUEUE], "slots": 1}
    assert line.execute(LEFT, facts | {"gpus": 1}).fetchone() == (False,)
    assert line.execute(LEFT, facts | {"gpus": 2}).fetchone() == (True,)


def test_whoever_is_frozen_while_it_queues_a_job_holds_up_nobody_for_long(
    conninfo: str, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_store, "NOT_IDLE", job_store.NOT_IDLE.replace("10s", "1s"))
    queue(line, "running", 1)
    assert claimed(line, 1, 1) == "running"
    facts = {"job": 1, "attempt": 1, "seconds": 0.0}
    with job_store.opened(conninfo) as frozen, suppress(psycopg.Error), frozen.transaction():
        queue(frozen, "never", 1)
        began = time.monotonic()
        assert line.execute(BEAT, facts).fetchone() == (False,)  # waits for the frozen one
        assert time.monotonic() - began < 5
    assert [job.name for job in job_store.list_jobs(line)] == ["running"]


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


def test_a_job_for_too_many_gpus_blocks_nobody_and_says_its_wait(
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


def test_whoever_watches_is_told_within_seconds_for_what_a_job_waits(stable: Stable) -> None:
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


# --- the words of a command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a && b"], "is a line for a shell, and a job's command is run without one: write -- sh -c 'a && b'"),
        (["python train.py"], "write -- sh -c 'python train.py'"),
        (["a|b"], "write -- sh -c 'a|b'"),
        (["echo $HOME"], "write -- sh -c 'echo $HOME'"),
        (["it's"], """write -- sh -c 'it'"'"'s'"""),
        (["cd", "x"], "'cd' is built into the shell, and a job's command is run without one: write -- sh -c 'cd"),
        (["source", "env"], "write -- sh -c 'source env'"),
        (["cat", "a", "|", "wc"], "'|' is for a shell, and a job's command is run without one: write -- sh -c 'cat"),
        (["a", "&&", "b"], "write -- sh -c 'a && b'"),
        (["a", ">", "b"], "write -- sh -c 'a > b'"),
        (["a", "2>&1"], "'2>&1' is for a shell"),
        (["a", ">log.txt"], "write -- sh -c 'a >log.txt'"),
        (["a", "2>/dev/null"], "write -- sh -c 'a 2>/dev/null'"),
        (["until", "a"], "'until' is built into the shell"),
        (["python", "a b.py", "--out=$PADDOCK_OUTPUT/x"], """-- sh -c 'python '"'"'a b.py'"'"' "--out=$PADDOCK"""),
        (["cp", "a", "${PADDOCK_OUTPUT}"], """write -- sh -c 'cp a "${PADDOCK_OUTPUT}"'"""),
        (["RATE=1", "python", "a b.py"], "write --env RATE=1 -- python 'a b.py'"),
        (["RATE=1"], "write --env RATE=1 -- PROGRAM"),
        ([""], "name a program there"),
        ([" "], "name a program there"),
    ],
)  # fmt: skip
def test_what_only_a_shell_runs_is_refused_with_the_words_for_it(words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_words(words)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        ["timeout", "9", "sh", "-c", "ls $1", "$PADDOCK_INPUT"], ["pip", "install", "x>=1"], ["a", "<pad>"],
        ["python", "-c", "import os; print(os.environ['PADDOCK_OUTPUT'])"], ["a", ">=2"], ["grep", "$PADDOCK"],
        ["sh", "-c", "a && b | c"], ["/bin/bash", "-c", "exec $0", "|"], ["python", "-c", "print(1 > 2)"],
        ["python", "train.py", "--name", "a b", "x=1"], ["find", ".", "-exec", "ls", "{}", ";"], ["./a.sh"],
    ],
)  # fmt: skip
def test_a_program_and_its_arguments_are_left_as_they_are(words: list[str]) -> None:
    check_words(words)


def test_a_script_that_the_job_would_not_find_or_could_not_run_is_refused(tmp_path: Path) -> None:
    for name, mode in (("runs.sh", 0o755), ("plain.sh", 0o644), ("ignored.sh", 0o755)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    shipped = ["runs.sh", "plain.sh"]
    for word in ("./runs.sh", "python", "/usr/bin/env"):
        check_program(word, tmp_path, shipped)
    for word, says in (
        ("./plain.sh", "chmod +x plain.sh"), ("./ignored.sh", "git ignores it"), ("./none.sh", "no such file"),
        ("../runs.sh", "is not shipped"), ("runs.sh", "for the project's own file write -- ./runs.sh"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=says.replace("+", r"\+")):
            check_program(word, tmp_path, shipped)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("job", "run", "--gpu", "1", "--preset", "finetune"), "this machine has no GPU"),
        (("job", "run", "--gpu", "1", "--data", "none", "--", "true"), "this machine has no GPU"),
        (("job", "run", "--gpu", "1", "--", "a && b"), "is a line for a shell"),
        (("job", "run", "--gpu", "1", "--env", "1=2", "--", "true"), "cannot be set"),
        (("job", "run", "--where", "moon", "--gpu", "1", "--", "true"), "No place is called"),
        (("job", "run", "--preset", "finetune"), "data set"),
        (("sweep", "--preset", "probe", "--name", "a b", "--where", "moon", "--gpu", "1"), "is not a valid name"),
        (("sweep", "--preset", "probe", "--gpu", "1", "--data", "none"), "this machine has no GPU"),
        (("job", "notebook", "--gpu", "1", "--name", "a b"), "is not a valid name"),
        (("job", "notebook", "--gpu", "1", "--data", "none"), "this machine has no GPU"),
        (("job", "run", "--", "./none.sh"), "no such file"),
        (("sweep", "--preset", "probe", "--set", "random_seed=0,1", "--gpu", "1"), "this machine has no GPU"),
    ],
)  # fmt: skip
def test_mistakes_are_named_in_order_words_place_gpus_data(stable: Stable, words: tuple[str, ...], says: str) -> None:
    (line,) = stable.type(*words, code=2).splitlines()
    assert says in line


@pytest.mark.parametrize("name", ["engine", "slots", "Engine"])
def test_a_job_is_not_called_as_what_lies_beside_its_folder(name: str) -> None:
    with pytest.raises(UsageError, match="are reserved"):
        check_name(name)


def test_a_program_that_cannot_be_started_is_named_in_the_log(stable: Stable) -> None:
    (stable.project / "bare").write_text("import this\n")
    (stable.project / "bare").chmod(0o755)
    subprocess.run(["git", "-C", str(stable.project), "add", "."], check=True)
    for program, says in (("no-such-program", "has no such program"), ("./bare", "what runs it")):
        job = stable.wait(stable.run("--", program))
        assert (job.state, job.exit_code) == (State.FAILED, 127)
        assert says in stable.log(job.name)
