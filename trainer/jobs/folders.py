"""The folder that attempts at a job on this machine work in, one after the other.

What an earlier attempt has left there is gone on from only where it is the newest that there is: the folder says which
attempt its output came from, the database which attempt brought back what is kept.
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
from trainer.jobs import bundles, code
from trainer.jobs.keeper import identify
from trainer.jobs.task import OUTPUT, Job
from trainer.locks import try_lock
from trainer.places import Places

LOOK_EVERY = 0.2  # seconds
ROUNDS = 5


@dataclass(slots=True)
class Folders:
    """Where an attempt works."""

    root: Path
    input: Path | None = None

    @property
    def code(self) -> Path:
        """What was shipped, unpacked."""
        return self.root / "code"

    @property
    def output(self) -> Path:
        """What is brought back."""
        return self.root / "output"

    @property
    def pid(self) -> Path:
        """The command's process, beyond its number (see the keeper)."""
        return self.root / "pid"

    @property
    def marker(self) -> Path:
        """The attempt that the output came from."""
        return self.root / "attempt.json"


def lay(
    connection: psycopg.Connection[Any], job: Job, places: Places, root: Path, go_on: Callable[[], None] = lambda: None
) -> Folders:
    """Lay a job's folder: its code, its data set version, and the newest that an attempt has made.

    `go_on` is called now and then, and raises where it is to end.

    Raises:
        UsageError: its data set version is nowhere.
    """
    folders = Folders(root, _find_input(connection, job, places, go_on))
    root.mkdir(parents=True, exist_ok=True)
    end_leftovers(folders)
    shutil.rmtree(folders.code, ignore_errors=True)
    folders.code.mkdir()
    if job.code:
        code.unpack(bundles.read(connection, job.code), folders.code)
    if not _is_newest(folders, job):
        shutil.rmtree(folders.output, ignore_errors=True)
        if job.output:
            bundles.bring(connection, job.output, folders.output, go_on)
    folders.output.mkdir(exist_ok=True)
    mark(folders, job)
    return folders


def mark(folders: Folders, job: Job) -> None:
    """Say whose output it is from now on."""
    part = folders.marker.with_suffix(".part")
    part.write_text(json.dumps({"job": str(job.uid), "attempt": job.attempts}))
    part.replace(folders.marker)


def attempt_in(folders: Folders, job: UUID) -> int | None:
    """The attempt at a job whose output is there; None where there is none of it."""
    try:
        told = json.loads(folders.marker.read_text())
        return told["attempt"] if told["job"] == str(job) else None
    except (OSError, ValueError, KeyError, TypeError):  # cut off, or of an earlier version
        return None


def _is_newest(folders: Folders, job: Job) -> bool:
    attempt = attempt_in(folders, job.uid)
    return attempt is not None and attempt >= job.output_attempt and folders.output.is_dir()


def end_leftovers(folders: Folders) -> None:
    """End the command of a keeper that was killed itself, and what that has detached from itself.

    The number alone may be somebody else's by now.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        told = folders.pid.read_text()
        if told == identify(pid := int(told.split()[0])):
            os.killpg(pid, signal.SIGKILL)
    folders.pid.unlink(missing_ok=True)
    for _ in range(ROUNDS):  # what is being started just then is found in the next one
        if not _end_detached(f"{OUTPUT}={folders.output}".encode()):
            return


def _end_detached(variable: bytes) -> int:
    """End all processes in whose environment a variable stands as here, as in an attempt's alone; how many."""
    ended = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            process = os.pidfd_open(int(path.parts[2]))  # so that it is no other one when it is ended
            try:
                if variable in path.read_bytes().split(b"\0") and path.parts[2] != str(os.getpid()):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    ended += 1
            finally:
                os.close(process)
    return ended


def _find_input(
    connection: psycopg.Connection[Any], job: Job, places: Places, go_on: Callable[[], None]
) -> Path | None:
    """The job's data set version on this machine; brought here once, and kept for the next job."""
    if job.data is None:
        return None
    for folder in (Path(job.data), places.datasets / job.data, places.cache / "inputs" / job.data):
        if (folder / MANIFEST).is_file():
            return folder
    digest = bundles.find_data(connection, job.data)
    if digest is None:
        raise UsageError(f"The data set version {job.data} is neither on this machine nor in the database any more.")
    folder = places.cache / "inputs" / job.data
    with _alone_in(folder.parent, go_on):
        if not (folder / MANIFEST).is_file():
            bundles.bring(connection, digest, folder, go_on)
    return folder


@contextlib.contextmanager
def _alone_in(folder: Path, go_on: Callable[[], None]) -> Iterator[None]:
    """Wait until no other job of this machine brings anything there: it may be the same."""
    folder.mkdir(parents=True, exist_ok=True)
    while (descriptor := try_lock(folder)) is None:
        go_on()
        time.sleep(LOOK_EVERY)
    try:
        yield
    finally:
        os.close(descriptor)


def write_protect(folder: Path) -> None:
    """Take the right to write from everybody; root is stopped by a mount of its own (see the keeper)."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
