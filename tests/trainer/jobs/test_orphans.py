"""Processes of a job end with it: the supervisor ends them, or the next attempt does, and no stranger with them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.trainer.jobs.attempts import claim, queued
from tests.trainer.stable import WITHIN, Stable, alive
from trainer.directories import Directories
from trainer.jobs import attempt, job_store, supervisor
from trainer.jobs.folders import prepare
from trainer.jobs.task import State


# --- the supervisor ----------------------------------------------------------------------------------------------
@contextmanager
def keep(tmp_path: Path, script: str, *, grace: float = 60, lease: float = 0) -> "Iterator[subprocess.Popen[bytes]]":
    words = [str(grace), str(lease), str(tmp_path), str(tmp_path / "pid"), ""]
    command = [sys.executable, "-I", "-S", str(attempt.SUPERVISOR), *words, "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as kept:
        yield kept


def say(kept: "subprocess.Popen[bytes]", word: bytes) -> None:
    assert kept.stdin is not None
    kept.stdin.write(word + b"\n")
    kept.stdin.flush()


def test_a_keeper_that_hears_nothing_ends_the_command_and_says_why(tmp_path: Path) -> None:
    with keep(tmp_path, "trap 'touch saved; exit 0' TERM; while :; do sleep 0.1; done", lease=2) as kept:
        for _ in range(8):  # longer than the lease: it lasts as long as something is heard
            time.sleep(0.5)
            say(kept, b"on")
        assert kept.poll() is None
        assert kept.wait(timeout=WITHIN) == -signal.SIGHUP
    assert (tmp_path / "saved").exists()


def test_a_keeper_without_a_lease_waits_and_kills_on_request(tmp_path: Path) -> None:
    with keep(tmp_path, "trap '' TERM; touch begun; while :; do sleep 0.1; done") as kept:
        deadline = time.monotonic() + WITHIN
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        say(kept, b"end")
        time.sleep(1)
        assert kept.poll() is None  # it may save
        sent = time.monotonic()
        say(kept, b"kill")
        assert kept.wait(timeout=WITHIN) == 128 + signal.SIGKILL
        assert time.monotonic() - sent < 5


# --- processes beyond their numbers ----------------------------------------------------------------------------
@pytest.mark.parametrize("left", ["{pid}", "{pid} 1 {boot}", "{pid} {began} another-boot", "", "no number", "-1"])
def test_a_pid_file_that_an_earlier_attempt_left_ends_no_stranger(conninfo: str, tmp_path: Path, left: str) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pid, began, boot = supervisor.identify(stranger.pid).split()
    try:
        with job_store.opened(conninfo) as connection:
            job = claim(connection, queued(connection))
            folders = prepare(connection, job, Directories(tmp_path), tmp_path / "jobs" / "a")
            folders.pid.write_text(left.format(pid=pid, began=began, boot=boot))
            prepare(connection, job, Directories(tmp_path), tmp_path / "jobs" / "a")
        time.sleep(0.2)
        assert stranger.poll() is None
        assert not folders.pid.exists()
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("killed", ["supervisor", "engine and supervisor"])
def test_detached_processes_are_ended_when_no_keeper_is_left(stable: Stable, killed: str) -> None:
    """As the workers of several GPUs do: each begins a session of its own."""
    script = (
        "[ $PADDOCK_ATTEMPT = 2 ] && exit 0; for i in 1 2; do setsid sleep 301 & done; "
        "setsid sh -c 'setsid sleep 302 & wait' & echo begun > $PADDOCK_OUTPUT/begun; wait"
    )
    name = stable.run("--", "sh", "-c", script)
    command, engine = stable.child_pid(name), stable.engine_pid()
    stable.wait_until((stable.home / "jobs" / name / "output" / "begun").exists)

    def detached() -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if f"PADDOCK_JOB={name}\0PADDOCK".encode() in path.read_bytes() and alive(int(path.parts[2])):
                    found += [int(path.parts[2])] * (str(stable.home).encode() in path.read_bytes())
        return found

    stable.wait_until(lambda: len(detached()) >= 5)
    keeper_pid = int(Path(f"/proc/{command}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (engine, keeper_pid)[killed == "supervisor" :]:
        os.kill(pid, signal.SIGKILL)
    stable.type("job", "list")
    assert stable.wait(name).attempts == 2
    assert detached() == []


def test_an_orphaned_command_is_ended_before_the_next_attempt(stable: Stable) -> None:
    script = "echo $PADDOCK_ATTEMPT >> $PADDOCK_OUTPUT/tries; [ $PADDOCK_ATTEMPT = 2 ] || sleep 300"
    name = stable.run("--", "sh", "-c", script)
    command, engine = stable.child_pid(name), stable.engine_pid()
    stable.wait_until((stable.home / "jobs" / name / "output" / "tries").exists)
    keeper_pid = int(Path(f"/proc/{command}/stat").read_text().rpartition(")")[2].split()[1])
    for with_signal in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: a keeper ends its command with its engine
        for pid in (engine, keeper_pid):
            os.kill(pid, with_signal)
    time.sleep(0.5)
    assert alive(command)
    stable.type("job", "list")
    assert stable.wait(name).state is State.DONE
    assert not alive(command)
