"""A training job for real: the code, data and variables that it gets, its log and output, and its end."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from safetensors.torch import load_file
from torch import equal

from tests.commands import run_command
from tests.trainer.conftest import trained
from tests.trainer.stable import QUICK, WITHIN, Stable, alive
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.jobs import job_store
from trainer.jobs.reasons import Cause
from trainer.jobs.task import State


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


def test_a_log_comes_live_and_a_killed_watcher_stops_nothing(stable: Stable) -> None:
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


def test_a_stopped_training_resumed_ends_as_if_undisturbed(stable: Stable, few: tuple[Directories, Version]) -> None:
    directories, version = few
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
    # Its run is where the runs of this machine are, and its weights are those of an undisturbed run.
    ours = load_file(stable.home / "runs" / name / "model.safetensors")
    alone, _, _ = trained(directories, version, "first-cnn", *QUICK, "epochs=30")
    theirs = load_file(alone.folder / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(equal(ours[key], theirs[key]) for key in ours)


def test_a_job_and_a_run_never_share_a_name_by_chance(stable: Stable, few: tuple[Directories, Version]) -> None:
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


def test_a_job_ends_at_its_limit_and_its_children_with_it(stable: Stable) -> None:
    name = stable.run(
        "--max-hours", "0.0003", "--", "sh", "-c", "setsid sleep 61 & echo $! > $PADDOCK_OUTPUT/pid; wait"
    )
    job = stable.wait(name)
    assert (job.state, job.reason, job.why) == (State.STOPPED, Cause.LIMIT, "its limit of 1 s is reached")
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
    with job_store.opened(stable.conninfo) as connection:
        pieces = list(job_store.read_log(connection, job))
        held = job_store.kept_bytes(connection)[job.id]
    assert pieces[0][1].startswith(b"begun\n")
    assert pieces[-1][1].endswith(b"ended\n")
    assert held <= job_store.KEPT_HEAD + job_store.KEPT_TAIL + (1 << 20)
    shown = run_command("trainer", "job", "logs", name, env=stable.environment)
    assert "of a very long log are not kept" in shown.stderr


def test_deleting_frees_the_disk_and_prune_says_first_what_would_go(stable: Stable) -> None:
    name = stable.run("--", "sh", "-c", "head -c 3000000 /dev/urandom > $PADDOCK_OUTPUT/model; echo done")
    stable.wait(name)
    assert "3.0 MB" in stable.type("job", "prune")
    assert stable.job(name).state is State.DONE  # nothing has gone yet
    assert "3.0 MB freed" in stable.type("job", "delete", name, "--yes")
    with psycopg.connect(job_store.conninfo_of_jobs(stable.conninfo)) as connection:
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
    with job_store.opened(stable.conninfo) as connection:
        assert job_store.list_jobs(connection) == []


def test_an_unknown_command_or_variable_fails_with_a_reason(stable: Stable) -> None:
    missing = stable.wait(stable.run("--", "no-such-program"))
    assert (missing.state, missing.exit_code, missing.reason) == (State.FAILED, 127, Cause.NO_PROGRAM)
    assert "no-such-program cannot be started" in stable.log(missing.name)
    secret = stable.wait(stable.run("--env", "NOT_THERE", "--", "true"))
    assert (secret.state, secret.attempts, secret.reason) == (State.FAILED, 1, Cause.NOT_STARTED)
    assert "NOT_THERE is not set where its engine runs" in secret.why


def test_values_of_the_environment_reach_the_job_and_are_never_shown(stable: Stable) -> None:
    name = stable.run("--env", "SECRET=horseradish", "--", "sh", "-c", "echo ${#SECRET}")
    assert stable.wait(name).state is State.DONE
    assert stable.log(name) == "11\n"
    for words in (("list",), ("info", name), ("list", "--json"), ("info", name, "--json")):
        assert "horseradish" not in stable.type("job", *words)
    assert "horseradish" not in (stable.home / "jobs" / "engine.log").read_text()


def test_a_data_set_version_is_read_only_for_the_job(stable: Stable, few: tuple[Directories, Version]) -> None:
    _, version = few
    before = {path: path.stat().st_mtime_ns for path in version.folder.rglob("*")}
    script = "ls $PADDOCK_INPUT/manifest.json && ! touch $PADDOCK_INPUT/new && ! rm $PADDOCK_INPUT/manifest.json"
    name = stable.run("--data", str(version.folder), "--", "sh", "-c", script)
    assert stable.wait(name).state is State.DONE, stable.log(name)
    assert {path: path.stat().st_mtime_ns for path in version.folder.rglob("*")} == before


def test_a_full_disk_fails_the_job_with_its_reason_and_no_other(stable: Stable) -> None:
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
