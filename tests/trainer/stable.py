"""A home with its database and its project, as a person at a terminal has it, for the tests of jobs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from tests.paths import ROOT
from trainer.cli.app import app
from trainer.jobs import job_store
from trainer.jobs.task import Job
from trainer.locks import try_lock

PATH = os.environ["PATH"]  # noqa: TID251
QUICK = ("height=16", "width=16", "batch=64")
WITHIN = 60.0  # seconds that anything may take on a busy machine


@dataclass
class Stable:
    """A home with its database, as a person at a terminal has it."""

    home: Path
    project: Path
    conninfo: str
    program: str = "trainer"  # the module that its commands run

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": PATH, "PADDOCK_HOME": str(self.home), "PADDOCK_DATABASE_URL": self.conninfo,
            "PYTHONPATH": str(ROOT), "HOME": str(self.home), "OMP_NUM_THREADS": "1",
            "MPLCONFIGDIR": str(self.home / "mpl"),
        }  # fmt: skip

    def start(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", self.program, *words], cwd=self.project, env=self.environment | more, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def type(self, *words: str, code: int = 0, **more: str) -> str:
        """What a command prints; its sentence where it is to fail. The engine that it starts is a process as ever."""
        with chdir(self.project):
            done = CliRunner(env=self.environment | more).invoke(app, list(words))
        assert done.exit_code == code, f"{words}\n{done.stdout}\n{done.stderr}\n{done.exception!r}"
        return done.stderr if code else done.stdout

    def job(self, name: str = "last") -> Job:
        with job_store.opened(self.conninfo) as connection:
            return job_store.find_job(connection, name)

    def run(self, *words: str) -> str:
        """Queue a job; its name."""
        return json.loads(self.type("job", "run", "--json", *words))["name"]

    def wait(self, name: str, until: Callable[[Job], bool] = lambda job: job.state.ended) -> Job:
        deadline = time.monotonic() + WITHIN
        while not until(job := self.job(name)):
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        return job

    def wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def log(self, name: str) -> str:
        with job_store.opened(self.conninfo) as connection:
            job = job_store.find_job(connection, name)
            return b"".join(piece for _, piece in job_store.read_log(connection, job)).decode()

    def engine_pid(self) -> int:
        """The process that holds the engine's lock."""
        lock = str(self.home / "jobs" / "engine.lock")
        for entry in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(entry.readlink()) == lock:
                    return int(entry.parts[2])
            except OSError:
                continue
        raise AssertionError("no engine is at work")

    def child_pid(self, name: str) -> int:
        """The process group of a job's command."""
        path = self.home / "jobs" / name / "pid"
        deadline = time.monotonic() + WITHIN
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return int(path.read_text().split()[0])


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Hold the engine's place, so that no engine starts."""
    descriptor = try_lock(home / "jobs" / "engine.lock")
    assert descriptor is not None
    try:
        yield
    finally:
        os.close(descriptor)


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
