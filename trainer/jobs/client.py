"""The client of the jobs: ship code and data, queue, choose, and bring back the output."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from collector.console.measures import read_span
from collector.errors import UsageError
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.jobs import bundles, code, job_store, own
from trainer.jobs.cloud.offer import offer, priced
from trainer.jobs.command_line import check_program
from trainer.jobs.job_store import Connection
from trainer.jobs.machine import list_gpus, machine_name
from trainer.jobs.profiles import SKYPILOT, Profile
from trainer.jobs.task import LOCAL, Job, State, Task
from trainer.jobs.turn import FLEET, queue_of


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks to run."""

    task: Task
    name: str | None
    gpus: int
    version: Version | None
    folder: Path  # the project, or a folder in it


@dataclass(frozen=True, slots=True)
class Shipment:
    """The code that is shipped to a job."""

    root: Path  # its folder on this machine
    commit: str
    files: int
    packed: bytes


def submit(
    connection: Connection, order: Order, profile: Profile, home: Path, *, shared: bool, stem: str | None = None
) -> tuple[Job, int]:
    """Ship what is not in the database yet, and queue the job; the job, and the number of bytes sent.

    `shared`: other machines use this database, so it has to hold the data set version for them.

    Raises:
        UsageError: the place has no such machine, or the code cannot be shipped.
    """
    rented = profile.kind == SKYPILOT
    here = rented or profile.kind == LOCAL
    if rented:
        offer(profile, order.gpus)
        profile = priced(profile, order.gpus)
    shipment = find_code(order, profile)
    task = _task_of(order, profile, shipment)
    sent = 0
    with connection.transaction():
        bundles.hold(connection)
        digest = None
        if shipment is not None:
            digest, sent = bundles.keep(connection, "code", BytesIO(shipment.packed))
        data = None
        if order.version is not None:
            data = order.version.name
            if here:
                data = str(order.version.folder)
            elif shared and bundles.find_data(connection, data) is None:
                sent += bundles.keep_folder(connection, f"data {data}", order.version.folder)[1]
        job = job_store.queue(
            connection, order.name, task, place=profile.name,
            queue=_queue_for(connection, profile, home, order.gpus), gpus=order.gpus, code=digest, data=data,
            stem=stem or task.preset or "job", runs=_runs(home) if task.preset and here else (),
        )  # fmt: skip
    return job, sent


def _task_of(order: Order, profile: Profile, shipment: Shipment | None) -> Task:
    """The task of an order, completed with facts about the place and the code."""
    return replace(
        order.task,
        photos=sum(order.version.manifest.photos.values()) if order.version else 0,
        price_per_hour=profile.hourly,
        currency=profile.currency,
        commit=shipment.commit if shipment else "",
        cloud=profile.cloud if profile.kind == SKYPILOT else None,
    )


def _queue_for(connection: Connection, profile: Profile, home: Path, gpus: int) -> str:
    """The queue for the job. A job in a cloud is driven from a CPU slot of this machine."""
    if profile.kind == SKYPILOT:
        return queue_of(LOCAL, machine_name(connection, home), 0)
    return queue_of(profile.kind, machine_name(connection, home), gpus)


def find_code(order: Order, profile: Profile) -> Shipment | None:
    """The code to ship; None for a preset outside of a project, which the installed trainer runs.

    A rented machine has no trainer, so a preset there always ships Paddock itself.

    Raises:
        UsageError: a command is not in a project, its program is not shipped, or the project cannot be shipped.
    """
    root = code.find_root(order.folder)
    if root is None and order.task.command:
        raise UsageError(
            f"{order.folder} is not in a git repository, and git says what a job's code is: `git init` makes one."
        )
    if order.task.preset and profile.kind == SKYPILOT:
        return _find_own(root)
    if root is None:
        return None
    names = code.list_files(root)
    if order.task.command:
        check_program(order.task.command[0], root, names)
    return Shipment(root, code.commit_of(root), len(names), code.pack(root))


def _find_own(root: Path | None) -> Shipment:
    """Paddock's own code: the checkout at `root` if it is one, else the installed code."""
    if root is None or not own.is_paddock(root):
        root = own.FOLDER
    if code.find_root(root) != root:
        return Shipment(root, own.VERSION, len(own.files()), own.pack())
    names = code.list_files(root)
    if own.LOCK not in names:
        raise UsageError(f"{root} has no {own.LOCK} in git, and a rented machine installs what it lists: add it.")
    return Shipment(root, code.commit_of(root), len(names), code.pack(root))


def _runs(home: Path) -> list[str]:
    folder = Directories(home).runs
    return [run.name for run in folder.iterdir()] if folder.is_dir() else []


def check_gpus(connection: Connection, gpus: int, kind: str) -> None:
    """Refuse a job that no machine can run; the error says what the machines have.

    Raises:
        UsageError: no machine of that kind of place has `gpus` GPUs.
    """
    check_gpus_here(gpus, kind)
    if not gpus or kind in (SKYPILOT, LOCAL):
        return
    fleet = [machine for machine in job_store.list_unended(connection)[1] if machine.fleet and machine.there]
    if all(len(machine.gpus) < gpus for machine in fleet):
        have = "; ".join(f"{machine.name}: {len(machine.gpus)}" for machine in fleet)
        raise UsageError(
            f"--gpu {gpus}: of the {len(fleet)} machines on which `trainer worker` runs, none has that many"
            f"{f' ({have})' if have else ''}."
        )


def check_gpus_here(gpus: int, kind: str) -> None:
    """The part of `check_gpus` that needs no database: a job on this machine.

    Raises:
        UsageError: this machine has fewer GPUs.
    """
    have = len(list_gpus()) if gpus and kind == LOCAL else gpus
    if have < gpus:
        raise UsageError(
            f"--gpu {gpus}: this machine has {have or 'no'} GPU{'s' if have > 1 else ''} (`nvidia-smi` lists "
            "them); leave it out to train on the CPU, or name another place with --where."
        )


def check_still_fits(connection: Connection, job: Job, home: Path) -> None:
    """`check_gpus` for a job that is to be resumed.

    Raises:
        UsageError: no machine has that many GPUs any more.
    """
    if job.place != LOCAL:
        check_gpus(connection, job.gpus, SKYPILOT if job.task.cloud is not None else FLEET)
    elif job.queue == queue_of(
        LOCAL, machine_name(connection, home), job.gpus
    ):  # only this machine can be asked for its GPUs
        check_gpus(connection, job.gpus, LOCAL)


# --- choosing ---------------------------------------------------------------------------------------------


def read_age(words: str) -> timedelta:
    """An age such as `90s`, `30m`, `12h`, `7d` or `2w`.

    Raises:
        UsageError: it is not written like these.
    """
    return read_span(words, "--older-than", units="smhdw")


def check_age(words: str | None) -> None:
    """Refuse an age that cannot be read, before anything is looked up.

    Raises:
        UsageError: it was given and is not an age.
    """
    if words is not None:
        read_age(words)


def choose(connection: Connection, words: Sequence[str], states: Sequence[State], older_than: str | None) -> list[Job]:
    """The jobs that match: by name, by state, and by their age since they ended. An empty filter lets all pass.

    A word is a name, `last`, or the beginning of several names.

    Raises:
        UsageError: a word matches no job.
    """
    held = job_store.list_jobs(connection)
    if words:
        meant = {job.id for word in words for job in _meant(connection, held, word)}
        held = [job for job in held if job.id in meant]
    if states:
        held = [job for job in held if job.state in states]
    if older_than:
        before = job_store.now(connection) - read_age(older_than)
        held = [job for job in held if (job.ended_at or job.queued_at) < before]
    return held


def _meant(connection: Connection, held: Sequence[Job], word: str) -> list[Job]:
    if word == "last" or any(job.name == word for job in held):
        return [job_store.find_job(connection, word)]
    return [job for job in held if job.name.startswith(word)] or [job_store.find_job(connection, word)]


# --- bringing back the output ----------------------------------------------------------------------------------------


def list_output(connection: Connection, job: Job) -> list[tuple[str, int]]:
    """The files of a job's output so far: path and bytes."""
    with connection.transaction():
        digest = _hold_output(connection, job)
        return bundles.list_files(connection, digest) if digest else []


def bring_output(connection: Connection, job: Job, folder: Path) -> Path:
    """Unpack a job's output into a new or empty folder.

    Raises:
        UsageError: it has no output, or the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already; name another folder with --out.")
    with connection.transaction():
        digest = _hold_output(connection, job)
        if digest is None:
            raise UsageError(f"{job.name} has no output ({job.state}): its $PADDOCK_OUTPUT was empty.")
        bundles.restore(connection, digest, folder)
    return folder


def _hold_output(connection: Connection, job: Job) -> str | None:
    """The digest of a job's newest output, held until the transaction ends; a running job replaces it each minute."""
    bundles.hold(connection)
    now = job_store.read_job(connection, job.id)
    return now.output if now else None
