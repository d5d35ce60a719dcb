"""The folder that the attempts at a job on this machine use, one after the other.

An attempt continues from output that it finds there only if the database has none that is newer. The folder says which
attempt its output came from; the database says it of the output that it keeps.
"""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from collector.errors import UsageError
from trainer.dataset.manifest import MANIFEST
from trainer.directories import Directories
from trainer.jobs import bundles, code
from trainer.jobs.supervisor import identify
from trainer.jobs.task import OUTPUT, Job
from trainer.locks import try_lock

LOOK_EVERY = 0.2  # seconds
ROUNDS = 5


@dataclass(slots=True)
class Folders:
    """The folders of an attempt."""

    root: Path
    input: Path | None = None

    @property
    def code(self) -> Path:
        """The shipped code, unpacked."""
        return self.root / "code"

    @property
    def output(self) -> Path:
        """The output, which is brought back."""
        return self.root / "output"

    @property
    def pid(self) -> Path:
        """The file that identifies the command's process (see `identify` in the supervisor)."""
        return self.root / "pid"

    @property
    def marker(self) -> Path:
        """The file that says which attempt the output came from."""
        return self.root / "attempt.json"


def prepare(
    connection: psycopg.Connection[Any],
    job: Job,
    directories: Directories,
    root: Path,
    check: Callable[[], None] = lambda: None,
) -> Folders:
    """Fill a job's folder with its code, its data set version and its newest output.

    `check` is called now and then, and raises to end it.

    Raises:
        UsageError: its data set version is not found.
    """
    folders = Folders(root, _find_input(connection, job, directories, check))
    root.mkdir(parents=True, exist_ok=True)
    end_leftovers(folders)
    shutil.rmtree(folders.code, ignore_errors=True)
    folders.code.mkdir()
    if job.code:
        code.unpack(bundles.read(connection, job.code), folders.code)
    if not _is_newest(folders, job):
        shutil.rmtree(folders.output, ignore_errors=True)
        if job.output:
            bundles.restore(connection, job.output, folders.output, check)
    folders.output.mkdir(exist_ok=True)
    mark(folders, job)
    return folders


def mark(folders: Folders, job: Job) -> None:
    """Record that the output is this attempt's from now on."""
    part = folders.marker.with_suffix(".part")
    part.write_text(json.dumps({"job": str(job.uid), "attempt": job.attempts}))
    part.replace(folders.marker)


def attempt_in(folders: Folders, job: UUID) -> int | None:
    """The attempt at the job whose output is in the folder; None if it has no output of the job."""
    try:
        facts = json.loads(folders.marker.read_text())
        return facts["attempt"] if facts["job"] == str(job) else None
    except (OSError, ValueError, KeyError, TypeError):  # cut off, or of an earlier version
        return None


def _is_newest(folders: Folders, job: Job) -> bool:
    attempt = attempt_in(folders, job.uid)
    return attempt is not None and attempt >= job.output_attempt and folders.output.is_dir()


def end_leftovers(folders: Folders) -> None:
    """End the command of a supervisor that was killed, and the processes that the command has detached.

    The process id alone is not enough: another process may have it by now.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        recorded = folders.pid.read_text()
        if recorded == identify(pid := int(recorded.split()[0])):
            os.killpg(pid, signal.SIGKILL)
    folders.pid.unlink(missing_ok=True)
    for _ in range(ROUNDS):  # a process that starts meanwhile is found in the next round
        if not _end_detached(f"{OUTPUT}={folders.output}".encode()):
            return


def _end_detached(variable: bytes) -> int:
    """End all processes with this variable in their environment, which only an attempt's have; how many."""
    ended = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            process = os.pidfd_open(int(path.parts[2]))  # so that the signal cannot hit a later process of this id
            try:
                if variable in path.read_bytes().split(b"\0") and path.parts[2] != str(os.getpid()):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    ended += 1
            finally:
                os.close(process)
    return ended


def _find_input(
    connection: psycopg.Connection[Any], job: Job, directories: Directories, check: Callable[[], None]
) -> Path | None:
    """The job's data set version on this machine; it is copied here once, and kept for the next job."""
    if job.data is None:
        return None
    for folder in (Path(job.data), directories.datasets / job.data, directories.cache / "inputs" / job.data):
        if (folder / MANIFEST).is_file():
            return folder
    digest = bundles.find_data(connection, job.data)
    if digest is None:
        raise UsageError(f"The data set version {job.data} is neither on this machine nor in the database any more.")
    folder = directories.cache / "inputs" / job.data
    with _locked(folder.parent, check):
        if not (folder / MANIFEST).is_file():
            bundles.restore(connection, digest, folder, check)
    return folder


@contextlib.contextmanager
def _locked(folder: Path, check: Callable[[], None]) -> Iterator[None]:
    """Wait until no other job of this machine copies a version there: it may be the same version."""
    folder.mkdir(parents=True, exist_ok=True)
    while (descriptor := try_lock(folder)) is None:
        check()
        time.sleep(LOOK_EVERY)
    try:
        yield
    finally:
        os.close(descriptor)


def write_protect(folder: Path) -> None:
    """Remove the write permission for all users; for root the supervisor mounts the folder read-only."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
