"""Training jobs for real: the engine as a process, Postgres, jobs that are killed, and disks that are full."""

import asyncio
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from safetensors.torch import load_file
from torch import equal

from tests.trainer.conftest import trained
from tests.trainer.stable import QUICK, WITHIN, Stable, alive, alone_in
from trainer.dataset.manifest import Version
from trainer.jobs import attempt, book, engine
from trainer.jobs.folders import Folders, mark
from trainer.jobs.task import State
from trainer.jobs.working import Engine
from trainer.locks import is_locked
from trainer.places import Places


def test_a_job_runs_the_shipped_code_and_its_log_and_output_stay(stable: Stable) -> None:
    script = "./say.sh; mkdir $PADDOCK_OUTPUT/sub; echo 42 > $PADDOCK_OUTPUT/sub/a"
    printed = stable.type("job", "run", "--", "sh", "-c", script)
    assert printed.startswith("job-1 is queued (")
    assert "sent" in printed
    followed = stable.type("job", "logs", "-f", "job-1")
    assert followed.startswith("said by job-1\n")
    job = stable.job()
    assert (job.state, job.exit_code, job.attempts) == (State.DONE, 0, 1)
    assert "sub/a" in stable.type("job", "output", "last")
    stable.type("job", "output", "last", "--get")
    assert (stable.project / "job-1" / "sub" / "a").read_text() == "42\n"
    stable.wait_until(lambda: not (stable.home / "jobs" / "job-1").exists())
    shutil.rmtree(stable.project / "job-1")  # else it would be sent: it is part of the project now
    assert "nothing had to be sent" in stable.type("job", "run", "--", "true").replace("\n", " ")


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


def test_a_log_comes_live_and_whoever_watches_may_be_killed(stable: Stable) -> None:
    name = stable.run(
        "--", "sh", "-c", "echo first; while [ ! -e $PADDOCK_OUTPUT/go ]; do sleep 0.1; done; echo second"
    )
    watching = stable.start("job", "logs", "-f", name)
    assert watching.stdout is not None
    assert watching.stdout.readline() == "first\n"
    assert stable.job(name).state is State.RUNNING
    watching.kill()
    watching.communicate()
    (stable.home / "jobs" / name / "output" / "go").touch()
    assert stable.wait(name).state is State.DONE
    assert stable.type("job", "logs", name) == "first\nsecond\n"


def test_a_stopped_training_resumed_ends_as_if_undisturbed(stable: Stable, few: tuple[Places, Version]) -> None:
    places, version = few
    words = [word for setting in (*QUICK, "epochs=30") for word in ("--set", setting)]
    name = stable.run("--preset", "first-cnn", "--data", str(version.folder), "--cpu", *words)
    stable.wait(name, lambda _: "epoch   1" in stable.log(name))
    assert f"{name}: stopped (stopped by hand)" in stable.type("job", "stop", name)
    files = stable.type("job", "output", name)
    assert "checkpoint-" in files
    stable.type("job", "resume", name)
    job = stable.wait(name)
    assert (job.state, job.attempts) == (State.DONE, 2), stable.log(name)
    assert "Resuming at step" in stable.log(name)
    # Its run is where the runs of this machine are, and its weights are those of a run that nobody has disturbed.
    ours = load_file(stable.home / "runs" / name / "model.safetensors")
    alone, _, _ = trained(places, version, "first-cnn", *QUICK, "epochs=30")
    theirs = load_file(alone.folder / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(equal(ours[key], theirs[key]) for key in ours)


def test_a_job_trained_when_its_engine_died_is_not_trained_again(stable: Stable, few: tuple[Places, Version]) -> None:
    places, version = few
    run, _, _ = trained(places, version, "first-cnn", *QUICK, "epochs=1")
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


def test_a_job_and_a_run_never_share_a_name_by_chance(stable: Stable, few: tuple[Places, Version]) -> None:
    _, version = few
    held = stable.home / "runs" / "svr-1"
    held.mkdir(parents=True)
    words = ("--preset", "svr", "--data", str(version.folder))
    assert "There is a run svr-1 already" in stable.type("job", "run", *words, "--name", "svr-1", code=2)
    name = stable.run(*words)
    assert name == "svr-2"
    assert stable.wait(name).state is State.DONE
    assert (stable.home / "runs" / "svr-2" / "model.json").exists()
    assert list(held.iterdir()) == []


def test_a_killed_job_goes_on_and_is_given_up_after_three_times(stable: Stable) -> None:
    script = "echo $PADDOCK_ATTEMPT >> $PADDOCK_OUTPUT/tries; [ $PADDOCK_ATTEMPT = 2 ] || sleep 60"
    name = stable.run("--", "sh", "-c", script)
    os.kill(stable.child_pid(name), signal.SIGKILL)
    job = stable.wait(name)
    assert (job.state, job.attempts) == (State.DONE, 2)
    stable.type("job", "output", name, "--out", str(stable.home / "got"))
    assert (stable.home / "got" / "tries").read_text() == "1\n2\n"
    hopeless = stable.run("--", "sh", "-c", "kill -9 $$")
    job = stable.wait(hopeless)
    assert (job.state, job.attempts) == (State.FAILED, 3)
    assert "killed 3 times" in job.reason
    stable.type("job", "resume", hopeless)  # by somebody who has seen to it, so it is tried as often again
    assert stable.wait(hopeless).attempts == 6


def test_attempts_that_ended_otherwise_are_no_kills(stable: Stable) -> None:
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
    assert stable.job(name).state is State.RUNNING  # nobody is there to say otherwise
    stable.type("job", "list")
    job = stable.wait(name)
    assert (job.state, job.attempts) == (State.DONE, 2), job.reason


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
    assert (job.state, job.attempts) == (State.DONE, 1), job.reason
    assert stable.log(name) == "".join(f"{i}\n" for i in range(1, 61))


def test_an_engine_that_is_told_to_end_queues_its_jobs_again(stable: Stable) -> None:
    name = stable.run("--", "sh", "-c", "[ $PADDOCK_ATTEMPT = 2 ] || sleep 60")
    stable.child_pid(name)
    os.kill(stable.engine_pid(), signal.SIGTERM)
    assert stable.wait(name, lambda job: job.state is State.QUEUED).reason == "its engine was stopped"
    stable.type("job", "list")
    assert stable.wait(name).state is State.DONE


def test_a_job_that_saves_and_ends_well_when_it_is_told_to_is_not_done(stable: Stable) -> None:
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


def test_a_job_ends_at_its_limit_and_its_children_with_it(stable: Stable) -> None:
    name = stable.run(
        "--max-hours", "0.0003", "--", "sh", "-c", "setsid sleep 61 & echo $! > $PADDOCK_OUTPUT/pid; wait"
    )
    job = stable.wait(name)
    assert (job.state, job.reason) == (State.STOPPED, "its limit of 1 s is reached")
    stable.type("job", "output", name, "--out", str(stable.home / "got"))
    assert not alive(int((stable.home / "got" / "pid").read_text()))


def test_a_log_of_100_mb_keeps_both_ends_and_the_engine_stays_small(stable: Stable) -> None:
    name = stable.run(
        "--", sys.executable, "-c", "print('begun')\nfor _ in range(100): print('x' * 999_999)\nprint('ended')"
    )
    pid = stable.engine_pid()
    peak = 0
    deadline = time.monotonic() + WITHIN
    while not stable.job(name).state.ended:
        assert time.monotonic() < deadline
        peak = max(peak, int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]))
        time.sleep(0.1)
    job = stable.job(name)
    assert (job.state, job.log_bytes) == (State.DONE, 100_000_012)
    assert peak < 200_000  # kB
    with book.opened(stable.conninfo) as connection:
        pieces = list(book.read_log(connection, job))
        held = book.kept_bytes(connection)[job.id]
    assert pieces[0][1].startswith(b"begun\n")
    assert pieces[-1][1].endswith(b"ended\n")
    assert held <= book.KEPT_HEAD + book.KEPT_TAIL + (1 << 20)
    shown = subprocess.run(
        [sys.executable, "-m", "trainer", "job", "logs", name], cwd=stable.project, env=stable.environment,
        capture_output=True,
    )  # fmt: skip
    assert b"of a very long log are not kept" in shown.stderr


def test_deleting_frees_the_disk_and_prune_says_first_what_would_go(stable: Stable) -> None:
    name = stable.run("--", "sh", "-c", "head -c 3000000 /dev/urandom > $PADDOCK_OUTPUT/model; echo done")
    stable.wait(name)
    assert "3.0 MB" in stable.type("job", "prune")
    assert stable.job(name).state is State.DONE  # nothing has gone yet
    assert "3.0 MB freed" in stable.type("job", "delete", name, "--yes")
    with psycopg.connect(book.conninfo_of_jobs(stable.conninfo)) as connection:
        for table in ("training_job", "training_log", "bundle", "bundle_part"):
            assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,), table
    stable.wait_until(lambda: not (stable.home / "jobs" / name).exists())


def test_a_running_job_is_not_deleted(stable: Stable) -> None:
    name = stable.run("--", "sleep", "60")
    stable.child_pid(name)
    assert f"`trainer job stop {name}` first" in stable.type("job", "delete", name, "--yes", code=2)
    stable.type("job", "stop", "--all")
    assert stable.job(name).state is State.STOPPED


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("job", "info", "nobody"), "No jobs yet"),
        (("job", "run", "--where", "moon", "--", "true"), "No place is called 'moon'"),
        (("job", "run"), "Name what to run"),
        (("job", "run", "--preset", "nothing"), "No preset is called 'nothing'"),
        (("job", "run", "--preset", "finetune", "--set", "rate=fast"), "--set rate=fast"),
        (("job", "run", "--gpu", "1", "--", "true"), "this machine has no GPU"),
        (("job", "run", "--name", "last", "--", "true"), "'last' is not a valid name"),
        (("job", "run", "--max-price", "3", "--", "true"), "the price of local is not known"),
        (("job", "run", "--env", "PADDOCK_INPUT=/", "--", "true"), "cannot be set"),
        (("job", "stop"), "Name the jobs"),
        (("job", "delete", "--older-than", "soon", "--yes"), "soon is not a span of time"),
        (("job", "resume", "nobody"), "No jobs yet"),
    ],
)
def test_a_mistake_is_one_sentence_and_queues_nothing(stable: Stable, words: tuple[str, ...], says: str) -> None:
    (line,) = stable.type(*words, code=2).splitlines()
    assert says in line
    with book.opened(stable.conninfo) as connection:
        assert book.list_jobs(connection) == []


def test_an_unknown_command_or_variable_fails_with_a_reason(stable: Stable) -> None:
    missing = stable.wait(stable.run("--", "no-such-program"))
    assert (missing.state, missing.exit_code) == (State.FAILED, 127)
    assert "no-such-program cannot be started" in stable.log(missing.name)
    secret = stable.wait(stable.run("--env", "NOT_THERE", "--", "true"))
    assert (secret.state, secret.attempts) == (State.FAILED, 1)
    assert "NOT_THERE is not set where its engine runs" in secret.reason


def test_values_of_the_environment_reach_the_job_and_are_told_nowhere(stable: Stable) -> None:
    name = stable.run("--env", "SECRET=horseradish", "--", "sh", "-c", "echo ${#SECRET}")
    assert stable.wait(name).state is State.DONE
    assert stable.log(name) == "11\n"
    for words in (("list",), ("info", name), ("list", "--json"), ("info", name, "--json")):
        assert "horseradish" not in stable.type("job", *words)
    assert "horseradish" not in (stable.home / "jobs" / "engine.log").read_text()


def test_a_data_set_version_is_read_only_for_the_job(stable: Stable, few: tuple[Places, Version]) -> None:
    _, version = few
    before = {path: path.stat().st_mtime_ns for path in version.folder.rglob("*")}
    script = "ls $PADDOCK_INPUT/manifest.json && ! touch $PADDOCK_INPUT/new && ! rm $PADDOCK_INPUT/manifest.json"
    name = stable.run("--data", str(version.folder), "--", "sh", "-c", script)
    assert stable.wait(name).state is State.DONE, stable.log(name)
    assert {path: path.stat().st_mtime_ns for path in version.folder.rglob("*")} == before


def test_a_full_disk_fails_the_job_with_its_reason_and_stops_nobody_else(stable: Stable) -> None:
    place = stable.home / "jobs"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root, where the machine allows it")
    try:
        name = stable.run("--", "sh", "-c", "head -c 5000000 /dev/zero > $PADDOCK_OUTPUT/model")
        job = stable.wait(name)
        assert (job.state, job.exit_code) == (State.FAILED, 1)
        assert "No space left on device" in stable.log(name)
        assert stable.wait(stable.run("--", "./say.sh")).state is State.DONE
        (place / "rest").write_bytes(bytes(1 << 21)[:2_000_000])
    except OSError:
        pass
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_when_nothing_runs_nothing_is_left_running(tmp_path_factory: pytest.TempPathFactory, open_folder: Path) -> None:
    home = open_folder / f"home-{os.getpid()}"
    home.mkdir(mode=0o711)
    project = tmp_path_factory.mktemp("project")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / "a").touch()
    own = Stable(home, project, "")
    environment = {name: value for name, value in own.environment.items() if name != "PADDOCK_DATABASE_URL"}

    def type_(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "trainer", *words], cwd=project, env=environment, capture_output=True, text=True,
            timeout=WITHIN,
        )  # fmt: skip
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
    gc.collect()  # a connection that is still open says so, and a task whose error nobody has seen
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
