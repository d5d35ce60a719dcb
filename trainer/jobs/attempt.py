"""One attempt at a job on this machine: its folder is laid, its command runs, what it prints and makes is kept."""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from collector.errors import UsageError
from trainer.dataset.manifest import MANIFEST
from trainer.jobs import bundles, cloud, code
from trainer.jobs.book import APPEND, FORGET_MIDDLE, KEPT_HEAD, KEPT_TAIL
from trainer.jobs.cloud_task import cloud_name, describe_task
from trainer.jobs.task import Job
from trainer.places import Places
from trainer.runs import FACTS

logger = logging.getLogger(__name__)

GRACE = 60.0  # seconds to save a checkpoint in
LEAST = 20.0  # seconds that a cloud's driver has before it is told to end: it must be able to hear it
COLLECT_EVERY = 60.0  # seconds between two looks at what a running job has made
PIECE = 256 << 10  # bytes of a log in one row, at most
SOON = 0.2  # seconds that what is printed waits for more
KEEPER = Path(__file__).with_name("keeper.py")
# What a job takes over of the engine's environment: where programs, files and devices are; nothing that is secret.
PASSED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_HOME", "HF_HOME",
    "SSL_CERT_FILE", "OMP_NUM_THREADS", "XDG_CACHE_HOME", "TORCH_HOME",
)  # fmt: skip


@dataclass(slots=True)
class Folders:
    """Where an attempt works."""

    root: Path
    input: Path | None

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
        """The command's process group."""
        return self.root / "pid"


@dataclass(slots=True)
class Ending:
    """How an attempt ended."""

    exit_code: int
    seconds: float
    limit: str = ""  # the limit that ended it
    output: str | None = None


@dataclass(slots=True)
class Attempt:
    """An attempt at work."""

    job: Job
    folders: Folders
    connection: psycopg.AsyncConnection[Any]
    conninfo: str
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    seen: tuple[tuple[str, int, int], ...] = ()  # what was there when output was last collected
    output: str | None = None


def lay(connection: psycopg.Connection[Any], job: Job, places: Places, root: Path) -> Folders:
    """Lay a job's folder: its code, its data set version, and what an earlier attempt has made.

    Raises:
        UsageError: its data set version is nowhere.
    """
    folders = Folders(root, _find_input(connection, job, places))
    shutil.rmtree(folders.code, ignore_errors=True)
    folders.code.mkdir(parents=True)
    if job.code:
        code.unpack(bundles.read(connection, job.code), folders.code)
    if job.output and not folders.output.exists():
        bundles.bring(connection, job.output, folders.output)
    folders.output.mkdir(exist_ok=True)
    return folders


def _find_input(connection: psycopg.Connection[Any], job: Job, places: Places) -> Path | None:
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
    bundles.bring(connection, digest, folder)
    return folder


def write_protect(folder: Path) -> None:
    """Take the right to write from everybody; root is stopped by a mount of its own (see the keeper)."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


def command_of(job: Job, folders: Folders) -> list[str]:
    """The words that the job's process is started with."""
    if job.task.cloud is not None:
        return _driver_of(job, folders)
    if job.task.command:
        return list(job.task.command)
    run = folders.output / job.name
    if (run / FACTS).is_file() and json.loads((run / FACTS).read_text())["status"] == "done":
        # Its engine was killed after the training and before it could say so.
        return [sys.executable, "-c", "print('It is trained already.')"]
    words = ["train", "--data", str(folders.input), "--out", str(folders.output)]
    if (run / FACTS).exists():
        words.append("--resume")
    else:
        words += ["--preset", job.task.preset]
        words += [word for setting in job.task.settings for word in ("--set", setting)]
    python = [sys.executable, "-m", "trainer"]
    if job.gpus > 1:
        python = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(job.gpus)]
        python += ["-m", "trainer"]
    return [*python, *words, "--name", job.name]


def _driver_of(job: Job, folders: Folders) -> list[str]:
    """The program that drives a job in a cloud. It is ours: what was shipped is not looked at for its modules."""
    task = describe_task(
        job.task, name=cloud_name(job.machine or "", job.id, job.name), job_name=job.name, gpus=job.gpus,
        attempt=job.attempts, code=folders.code if job.code else None, data=folders.input,
        output=folders.output if any(folders.output.iterdir()) else None,
    )  # fmt: skip
    return [sys.executable, "-P", "-m", "trainer.jobs.cloud", json.dumps({"task": task, "stop": job.stop_asked})]


def environment_of(job: Job, folders: Folders, home: Path, gpus: Sequence[int]) -> dict[str, str]:
    """The environment of the job's process.

    Raises:
        UsageError: a variable that was to be taken from this machine is not set.
    """
    here = os.environ  # noqa: TID251  (handed on, not read as settings)
    ours = str(Path(__file__).parents[2])
    rented = job.task.cloud is not None  # its driver is ours, and finds a cloud's credentials where they are
    found = dict(here) if rented else {name: here[name] for name in PASSED if name in here}
    found["PATH"] = f"{Path(sys.executable).parent}:{found.get('PATH', os.defpath)}"
    found |= {"PYTHONUNBUFFERED": "1", "PADDOCK_JOB": job.name, "PADDOCK_ATTEMPT": str(job.attempts)}
    # The project's own modules first; a preset that ships no code runs the trainer that is installed.
    found["PYTHONPATH"] = ours if rented else os.pathsep.join([str(folders.code), ours])
    found["PADDOCK_OUTPUT"], found["PADDOCK_HOME"] = str(folders.output), str(home)
    found["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpus))
    found["PADDOCK_CODE"] = job.task.commit
    if folders.input:
        found["PADDOCK_INPUT"] = str(folders.input)
    for name, value in job.task.environment.items():
        if value is None and name not in here:
            raise UsageError(f"{name} is not set where its engine runs, and --env {name} takes it from there.")
        found[f"{cloud.SECRET}{name}" if rented else name] = here[name] if value is None else value
    return found


async def run(attempt: Attempt, environment: dict[str, str], held: Sequence[int]) -> Ending:
    """Run the job's command to its end, its limit, or until told to stop; whatever it prints and makes is kept."""
    job, folders = attempt.job, attempt.folders
    grace = GRACE if job.task.cloud is None else cloud.GRACE
    words = [str(grace), str(folders.code), str(folders.pid), str(folders.input or "")]
    began = time.monotonic()
    keeper = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(KEEPER), *words, *command_of(job, folders),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=environment, pass_fds=tuple(held), start_new_session=True, limit=PIECE,
    )  # fmt: skip
    printing = asyncio.create_task(_keep_log(attempt, keeper))
    collecting = asyncio.create_task(_collect_for_ever(attempt))
    try:
        limit = await _wait(attempt, keeper)
    finally:
        _end(keeper)
    exit_code = await keeper.wait()
    if exit_code < 0:
        _end_leftovers(folders.pid)
    collecting.cancel()
    await asyncio.gather(printing, collecting, return_exceptions=True)
    printing.result()  # where it could not be kept, that is told
    await asyncio.to_thread(collect, attempt)
    return Ending(exit_code if exit_code >= 0 else 128 - exit_code, time.monotonic() - began, limit, attempt.output)


async def _wait(attempt: Attempt, keeper: asyncio.subprocess.Process) -> str:
    """Wait for the end, for the limit, or to be told to stop; which limit it was."""
    limit = attempt.job.task.limit()
    left = limit[0] - attempt.job.seconds if limit else None
    if attempt.job.task.cloud is not None:
        left = None if left is None else max(LEAST, left)
    ended, told = asyncio.create_task(keeper.wait()), asyncio.create_task(attempt.stopping.wait())
    try:
        done, _ = await asyncio.wait(
            (ended, told), timeout=None if left is None else max(0, left), return_when=asyncio.FIRST_COMPLETED
        )
        return limit[1] if limit and not done else ""
    finally:
        told.cancel()
        ended.cancel()


def _end(keeper: asyncio.subprocess.Process) -> None:
    """Ask the keeper to end its command; it does so in its own time."""
    if keeper.returncode is None and keeper.stdin is not None:
        keeper.stdin.close()


def _end_leftovers(pid_file: Path) -> None:
    """Where the keeper itself was killed, its command is still there; elsewhere the number may be somebody else's."""
    with contextlib.suppress(OSError, ValueError):
        os.killpg(int(pid_file.read_text()), signal.SIGKILL)


async def _keep_log(attempt: Attempt, keeper: asyncio.subprocess.Process) -> None:
    """Keep what is printed, in pieces; a job that prints faster than can be kept waits.

    Raises:
        psycopg.Error: the database is lost. The job was told to stop then, and could still print.
    """
    assert keeper.stdout is not None
    try:
        while piece := await _next_piece(keeper.stdout):
            await _keep_piece(attempt, piece)
    except psycopg.Error:
        attempt.stopping.set()
        while await keeper.stdout.read(PIECE):
            pass  # whoever does not read stops the job from saving
        raise


async def _keep_piece(attempt: Attempt, piece: bytes) -> None:
    facts = {"job": attempt.job.id, "engine_job": attempt.job.engine_job, "size": len(piece), "content": piece}
    row = await (await attempt.connection.execute(APPEND, facts)).fetchone()
    if row and row[0] + len(piece) > KEPT_HEAD + KEPT_TAIL:
        await attempt.connection.execute(FORGET_MIDDLE, (attempt.job.id, KEPT_HEAD, row[0] - KEPT_TAIL))


async def _next_piece(stream: asyncio.StreamReader) -> bytes:
    """What is printed within a moment, up to a piece's size; nothing at the end."""
    piece = bytearray(await stream.read(PIECE))
    deadline = time.monotonic() + SOON
    while piece and len(piece) < PIECE and (left := deadline - time.monotonic()) > 0:
        try:
            more = await asyncio.wait_for(stream.read(PIECE - len(piece)), left)
        except TimeoutError:
            break
        if not more:
            break
        piece += more
    return bytes(piece)


async def _collect_for_ever(attempt: Attempt) -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY)
        try:
            await asyncio.to_thread(collect, attempt)
        except (OSError, psycopg.Error) as error:  # a checkpoint that was replaced just then; the next look finds it
            logger.warning("output not collected", extra={"job": attempt.job.name, "reason": str(error)})


COLLECTED = "UPDATE training_job SET output = %s WHERE id = %s AND engine_job = %s"


def collect(attempt: Attempt) -> None:
    """Keep what the job has made so far, if that has changed; what was kept before is dropped."""
    folder = attempt.folders.output
    found = tuple(
        (str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (stat := path.stat())
    )
    if not found or found == attempt.seen:
        return
    with psycopg.connect(attempt.conninfo, autocommit=True) as connection, connection.transaction():
        digest, _ = bundles.keep_folder(connection, "output", folder)
        connection.execute(COLLECTED, (digest, attempt.job.id, attempt.job.engine_job))
        bundles.drop_unused(connection)
    attempt.seen, attempt.output = found, digest
