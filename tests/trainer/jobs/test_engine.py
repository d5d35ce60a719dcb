"""The engine of training jobs as a process: what it runs, and what happens when it or a job is killed."""

import asyncio
import gc
import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.commands import run_command
from tests.trainer.conftest import trained
from tests.trainer.stable import QUICK, WITHIN, Stable, alive, alone_in
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.jobs import attempt, engine
from trainer.jobs.folders import Folders, mark
from trainer.jobs.reasons import Cause
from trainer.jobs.task import State
from trainer.jobs.working import Engine
from trainer.locks import is_locked


def test_two_jobs_run_at_once_and_a_third_waits_for_its_turn(stable: Stable) -> None:
    gate = stable.home / "gate"
    script = f"while [ ! -e {gate} ]; do sleep 0.1; done"
    first, second, third = (stable.run("--", "sh", "-c", script) for _ in range(3))
    for name in (first, second):
        stable.child_pid(name)
    time.sleep(0.5)
    assert [stable.job(name).state for name in (first, second, third)] == ["running", "running", "queued"]
    gate.touch()
    jobs = [stable.wait(name) for name in (first, second, third)]
    assert {job.state for job in jobs} == {State.DONE}


def test_a_job_trained_when_its_engine_died_is_not_trained_again(
    stable: Stable, few: tuple[Directories, Version]
) -> None:
    directories, version = few
    run, _, _ = trained(directories, version, "first-cnn", *QUICK, "epochs=1")
    words = [word for setting in (*QUICK, "epochs=1") for word in ("--set", setting)]
    (stable.home / "jobs").mkdir()
    with alone_in(stable.home):  # no engine takes it yet
        name = stable.run("--preset", "first-cnn", "--data", str(version.folder), *words)
        folders = Folders(stable.home / "jobs" / name)
        shutil.copytree(run.folder, folders.output / name)
        mark(folders, stable.job(name))
    stable.type("job", "list")
    job = stable.wait(name)
    assert (job.state, job.reason) == (State.DONE, ""), stable.log(name)
    assert stable.log(name) == "It is trained already.\n"
    landed = stable.home / "runs" / name
    assert (landed / "model.safetensors").read_bytes() == (run.folder / "model.safetensors").read_bytes()


def test_a_killed_job_goes_on_and_is_given_up_after_three_times(stable: Stable) -> None:
    script = "echo $PADDOCK_ATTEMPT >> $PADDOCK_OUTPUT/tries; echo begun; [ $PADDOCK_ATTEMPT = 2 ] || sleep 60"
    name = stable.run("--", "sh", "-c", script)
    stable.wait(name, lambda _: "begun" in stable.log(name))
    os.kill(stable.child_pid(name), signal.SIGKILL)
    job = stable.wait(name)
    assert (job.state, job.attempts) == (State.DONE, 2)
    stable.type("job", "output", name, "--out", str(stable.home / "got"))
    assert (stable.home / "got" / "tries").read_text() == "1\n2\n"
    hopeless = stable.run("--", "sh", "-c", "kill -9 $$")
    job = stable.wait(hopeless)
    assert (job.state, job.attempts) == (State.FAILED, 3)
    assert job.reason == Cause.KILLED_TOO_OFTEN
    assert "killed 3 times" in job.why
    stable.type("job", "resume", hopeless)  # by hand, so it gets as many tries again
    assert stable.wait(hopeless).attempts == 6


def test_attempts_that_ended_otherwise_do_not_count_as_kills(stable: Stable) -> None:
    """Handed from engine to engine three times, it is still begun again after a kill."""
    name = stable.run("--", "sh", "-c", "[ $PADDOCK_ATTEMPT = 5 ] || sleep 300")
    for number in range(1, 4):
        stable.wait(name, lambda job: job.attempts == number)  # noqa: B023
        stable.child_pid(name)
        os.kill(stable.engine_pid(), signal.SIGTERM)
        stable.wait(name, lambda job: job.state is State.QUEUED)
        stable.wait_until(lambda: not is_locked(stable.home / "jobs" / "engine.lock"))
        stable.type("job", "list")
    stable.wait(name, lambda job: job.attempts == 4)
    stable.wait_until(lambda: alive(stable.child_pid(name)))
    os.kill(stable.child_pid(name), signal.SIGKILL)
    job = stable.wait(name)
    assert (job.state, job.attempts, job.kills) == (State.DONE, 5, 1)


def test_a_killed_engine_leaves_nothing_running_and_the_next_goes_on(stable: Stable) -> None:
    script = (
        "trap 'echo saved > $PADDOCK_OUTPUT/state; exit 1' TERM; [ -e $PADDOCK_OUTPUT/state ] && exit 0; "
        "sleep 60 & wait"
    )
    name = stable.run("--", "sh", "-c", script)
    pid = stable.child_pid(name)
    stable.wait(name, lambda job: job.state is State.RUNNING)
    os.kill(stable.engine_pid(), signal.SIGKILL)
    deadline = time.monotonic() + WITHIN
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert stable.job(name).state is State.RUNNING  # no engine is there to say otherwise
    stable.type("job", "list")
    job = stable.wait(name)
    assert (job.state, job.attempts) == (State.DONE, 2), job.why


def test_a_cut_connection_loses_and_doubles_nothing_that_a_job_printed(stable: Stable) -> None:
    name = stable.run("--", "sh", "-c", "for i in $(seq 60); do echo $i; sleep 0.1; done")
    stable.wait(name, lambda job: job.log_bytes > 0)
    with psycopg.connect(stable.conninfo, autocommit=True) as connection:
        for _ in range(4):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            time.sleep(0.7)
    job = stable.wait(name)
    assert (job.state, job.attempts) == (State.DONE, 1), job.why
    assert stable.log(name) == "".join(f"{i}\n" for i in range(1, 61))


def test_an_engine_that_is_terminated_queues_its_jobs_again(stable: Stable) -> None:
    name = stable.run("--", "sh", "-c", "[ $PADDOCK_ATTEMPT = 2 ] || sleep 60")
    stable.child_pid(name)
    os.kill(stable.engine_pid(), signal.SIGTERM)
    assert stable.wait(name, lambda job: job.state is State.QUEUED).reason == Cause.ENGINE_STOPPED
    stable.type("job", "list")
    assert stable.wait(name).state is State.DONE


def test_a_job_that_saves_and_exits_when_terminated_is_not_done(stable: Stable) -> None:
    script = "trap 'echo saved > $PADDOCK_OUTPUT/state; exit 0' TERM; touch $PADDOCK_OUTPUT/begun; sleep 300 & wait"
    name = stable.run("--", "sh", "-c", script)
    begun = stable.home / "jobs" / name / "output" / "begun"
    stable.wait_until(begun.exists)
    os.kill(stable.engine_pid(), signal.SIGTERM)
    assert stable.wait(name, lambda job: job.state is not State.RUNNING).state is State.QUEUED
    begun.unlink()
    stable.wait_until(lambda: not is_locked(stable.home / "jobs" / "engine.lock"))
    stable.type("job", "list")
    stable.wait_until(begun.exists)
    assert f"{name}: stopped (stopped by hand)" in stable.type("job", "stop", name)


def test_when_nothing_runs_nothing_is_left_running(tmp_path_factory: pytest.TempPathFactory, open_folder: Path) -> None:
    home = open_folder / f"home-{os.getpid()}"
    home.mkdir(mode=0o711)
    project = tmp_path_factory.mktemp("project")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / "a").touch()
    own = Stable(home, project, "")
    environment = {name: value for name, value in own.environment.items() if name != "PADDOCK_DATABASE_URL"}

    def type_(*words: str) -> Any:
        with chdir(project):
            done = run_command("trainer", *words, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    type_("job", "run", "--", "echo", "hello")
    assert type_("job", "logs", "-f") == "hello\n"
    deadline = time.monotonic() + WITHIN
    while (home / "postgres" / "data" / "postmaster.pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert json.loads(type_("job", "list", "--json"))[0]["state"] == "done"  # the history is still there


def test_an_engine_that_may_not_write_ends_and_leaves_nothing_behind(
    conninfo: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it does beside one another fails of the same, as when the database has become another's standby."""
    begin = Engine.at

    def begin_and_lose_the_right(*given: Any, **more: Any) -> Engine:
        begun = begin(*given, **more)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            name = Identifier(connection.info.dbname)
            connection.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        return begun

    monkeypatch.setattr(Engine, "at", begin_and_lose_the_right)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        engine.main(conninfo, tmp_path, fleet=True, until_idle=False)
    gc.collect()  # a connection that is still open says so, and a task whose error was not read
    assert caplog.records == []
    assert not is_locked(tmp_path / "jobs" / "engine.lock")


def test_what_a_killed_engine_left_of_an_ended_job_is_removed_by_the_next(stable: Stable) -> None:
    left = stable.home / "jobs" / "job-of-old"
    (left / "output").mkdir(parents=True)
    stable.run("--", "true")
    stable.wait_until(lambda: not left.exists())


async def test_a_checkpoint_that_vanishes_does_not_end_the_collecting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looks: list[int] = []

    def collect(_attempt: attempt.Attempt) -> None:
        looks.append(1)
        if len(looks) == 1:
            raise FileNotFoundError(2, "No such file or directory", str(tmp_path / "checkpoint"))

    monkeypatch.setattr(attempt, "collect", collect)
    monkeypatch.setattr(attempt, "COLLECT_EVERY", 0.01)
    its: Any = SimpleNamespace(job=SimpleNamespace(name="a"), over=asyncio.Event())
    collecting = asyncio.create_task(attempt._collect_regularly(its))
    while len(looks) < 3:
        assert not collecting.done()
        await asyncio.sleep(0.01)
    its.over.set()
    await collecting
