"""Whose turn it is: machines take the jobs that fit them, and nothing starves."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from trainer.jobs import job_store
from trainer.jobs.hold import BEAT
from trainer.jobs.job_store import Connection
from trainer.jobs.notebook import make_notebook
from trainer.jobs.task import Job, Task
from trainer.jobs.turn import CLAIM, LEFT, PASSING

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
    assert claimed(line, 1, 1) == "next"  # where the big one could never run, it blocks no job
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


def test_a_process_frozen_while_it_queues_a_job_is_not_waited_for(
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
