"""What an engine does with a claimed job: it runs the attempt, and records how it ended."""

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from collector.errors import UsageError
from trainer.directories import Directories
from trainer.errors import Superseded
from trainer.jobs.attempt import Attempt, Ending, run, send_beats, write
from trainer.jobs.awaiting import first_line, first_of, is_away
from trainer.jobs.cloud.task import cloud_name
from trainer.jobs.command import environment_of
from trainer.jobs.database import Database
from trainer.jobs.folders import Folders, prepare, write_protect
from trainer.jobs.hold import BEAT, FINISH, HELD, REQUEUE
from trainer.jobs.job_store import conninfo_of_jobs
from trainer.jobs.machine import Slots, list_gpus, machine_name
from trainer.jobs.profiles import find_profile
from trainer.jobs.reasons import Cause, Reason
from trainer.jobs.task import LOCAL, Job, State
from trainer.jobs.turn import CPU, FLEET, GPU, queue_of
from trainer.runs.runs import FACTS

logger = logging.getLogger(__name__)

TRIES = 3  # attempts at a job whose process is killed from outside
KILLED = 128 + signal.SIGKILL
NO_PROGRAM = 127  # a shell's exit code where a program is not found
ASKED = f"SELECT stop_asked FROM training_job WHERE {HELD}"


@dataclass(slots=True)
class Engine:
    """The state that the attempts of this process share."""

    database: Database
    directories: Directories
    fleet: bool
    machine: str
    gpus: list[str]
    slots: int
    kinds: dict[str, Slots]
    at_work: set[int] = field(default_factory=set)  # jobs
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def at(cls, conninfo: str, home: Path, *, fleet: bool) -> "Engine":
        """The engine of a home on this machine."""
        directories, gpus, database = Directories(home), list_gpus(), Database(conninfo_of_jobs(conninfo))
        with psycopg.connect(database.conninfo, autocommit=True) as connection:
            name = machine_name(connection, home)
        slots, folder = find_profile(home, LOCAL).slots, directories.jobs / "slots"
        kinds = {CPU: Slots(folder, CPU, slots), GPU: Slots(folder, GPU, len(gpus))}
        return cls(database, directories, fleet, name, gpus, slots, kinds)

    def lock_of(self, name: str) -> Path:
        """The file that is locked while a process works in a job's folder; it may outlive its engine to save."""
        return self.directories.jobs / f"{name}.lock"

    def queues(self, kind: str) -> list[str]:
        """The queues of CPU or GPU jobs that it takes from."""
        whose = [LOCAL, FLEET] if self.fleet else [LOCAL]
        return [queue_of(place, self.machine, int(kind == GPU)) for place in whose]


async def do_job(engine: Engine, job: Job, gpus: Sequence[int], held: Sequence[int]) -> None:
    """Run the claimed attempt, record how it ended, and release its slots."""
    attempt = Attempt(job, Folders(engine.directories.jobs / job.name), engine.database, engine.leaving)
    engine.at_work.add(job.id)
    holding = asyncio.create_task(send_beats(attempt))
    try:
        ending = await _attempt(engine, attempt, gpus, held)
        await _end(engine, attempt, ending)
    except Superseded:
        logger.warning("an attempt has ended that no longer owned its job", extra={"job": job.name})
    except Exception as error:  # noqa: BLE001  # only this job fails, not the engine
        await _fail(attempt, error)
    finally:
        holding.cancel()
        engine.at_work.discard(job.id)
        for descriptor in held:
            os.close(descriptor)


async def _fail(attempt: Attempt, error: Exception) -> None:
    name = attempt.job.name
    if is_away(error):
        # An engine will find the attempt silent, and queue the job again.
        logger.error("a job's end could not be stored", extra={"job": name, "reason": first_line(error)})
        return
    logger.error("a job failed", extra={"job": name}, exc_info=error)
    reason = Reason(Cause.NOT_RUN, {"error": first_line(error)})
    try:
        await write(attempt, FINISH, state=State.FAILED, exit_code=None, **reason.as_parameters)
    except (Superseded, psycopg.Error) as lost:
        logger.error("a job's end could not be stored", extra={"job": name, "reason": first_line(lost)})


async def _attempt(
    engine: Engine, attempt: Attempt, gpus: Sequence[int], held: Sequence[int]
) -> Ending | Reason | None:
    """How the attempt ended; the reason if it could not begin or continue, None if it was stopped before it began."""
    try:
        attempt.folders = await asyncio.to_thread(_prepare, engine, attempt)
        environment = environment_of(attempt.job, attempt.folders, engine.directories.home, gpus)
        if attempt.job.task.cloud is not None:
            await _start_cloud_server(attempt, environment)
        attempt.check()
        await write(attempt, BEAT)  # if it was frozen meanwhile, another may have taken over
        return await run(attempt, environment, held)
    except InterruptedError:
        return None
    except UsageError as error:
        return Reason(Cause.NOT_STARTED, {"error": str(error)})
    except OSError as error:
        return Reason(Cause.NOT_CONTINUED, {"error": error.strerror or str(error)})


def _prepare(engine: Engine, attempt: Attempt) -> Folders:
    with psycopg.connect(engine.database.conninfo, autocommit=True) as connection:
        folders = prepare(connection, attempt.job, engine.directories, attempt.folders.root, attempt.check)
    if folders.input:
        write_protect(folders.input)
    return folders


async def _start_cloud_server(attempt: Attempt, environment: dict[str, str]) -> None:
    """Start SkyPilot's server outside of any job: a driver's supervisor would end it with that driver."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PADDOCK_")}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "trainer.jobs.cloud.driver", "serve", env=kept, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    asked = asyncio.create_task(server.communicate())
    await first_of(server.wait(), attempt.stopping.wait(), attempt.leaving.wait(), attempt.lost.wait())
    if server.returncode is None:
        server.kill()
    printed, _ = await asked
    attempt.check()
    if server.returncode:
        reason = (printed.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1][:300]
        raise UsageError(f"SkyPilot's server did not start: {reason}")


async def _end(engine: Engine, attempt: Attempt, ending: Ending | Reason | None) -> None:
    job = attempt.job
    state, reason = await _judge(engine, attempt, ending)
    if state is State.QUEUED:
        killed = int(isinstance(ending, Ending) and ending.exit_code == KILLED and not engine.leaving.is_set())
        state = (await write(attempt, REQUEUE, killed=killed, **reason.as_parameters))["state"]
    else:
        if state is State.DONE and job.bound and job.task.preset:
            reason = await asyncio.to_thread(_hand_over, attempt.folders, job.name, engine.directories)
        exit_code = ending.exit_code if isinstance(ending, Ending) else None
        await write(attempt, FINISH, state=state, exit_code=exit_code, **reason.as_parameters)
        if not (isinstance(ending, Ending) and ending.not_kept):
            await asyncio.to_thread(remove, attempt.folders.root)
    logger.info(
        "job ended", extra={"job": job.name, "state": str(state), "reason": reason.cause, "detail": reason.detail}
    )


async def _judge(engine: Engine, attempt: Attempt, ending: Ending | Reason | None) -> tuple[State, Reason]:
    job = attempt.job
    stopped = (await write(attempt, ASKED))["stop_asked"]
    if isinstance(ending, Ending) and ending.not_kept:
        facts = {"error": ending.not_kept, "folder": str(attempt.folders.output)}
        return State.FAILED, Reason(Cause.NOT_KEPT, facts)
    if isinstance(ending, Ending):
        return judge(ending, job, stopped=stopped, leaving=engine.leaving.is_set())
    if ending is None:
        # The next driver looks for a machine that may be rented, and stops it.
        over = stopped and job.task.cloud is None
        return (State.STOPPED, Reason(Cause.STOPPED)) if over else (State.QUEUED, Reason(Cause.ENGINE_STOPPED))
    if job.task.cloud is not None and job.attempts > 1:
        ending = replace(ending, detail={**ending.detail, "rented": _rented(job)})
    return State.FAILED, ending


def _rented(job: Job) -> str:
    """What the rented machine is called in the cloud."""
    return cloud_name(job.machine or "", job.id, job.name)


def judge(ending: Ending, job: Job, *, stopped: bool, leaving: bool) -> tuple[State, Reason]:
    """The job's next state after an attempt has ended, and the reason."""
    # A driver returns 0 only if the job in the cloud is done.
    cut_short = ending.out_of_touch or (ending.interrupted and job.task.cloud is None)
    if ending.exit_code == 0 and not cut_short:
        return State.DONE, Reason()
    kills = job.kills + 1
    if job.task.cloud is not None and ending.exit_code == KILLED and kills < TRIES:
        return State.QUEUED, Reason(Cause.DRIVER_KILLED)
    if ending.out_of_touch and not stopped:
        return State.QUEUED, Reason(Cause.OUT_OF_TOUCH)
    if stopped:
        return State.STOPPED, Reason(Cause.STOPPED)
    if ending.limit:
        return State.STOPPED, Reason(Cause.LIMIT, {"limit": ending.limit})
    if leaving:
        return State.QUEUED, Reason(Cause.ENGINE_STOPPED)
    if ending.exit_code == KILLED:
        if kills < TRIES:
            return State.QUEUED, Reason(Cause.KILLED)
        if job.task.cloud is not None:
            return State.FAILED, Reason(Cause.DRIVER_LOST, {"rented": _rented(job)})
        return State.FAILED, Reason(Cause.KILLED_TOO_OFTEN, {"times": kills})
    cause = Cause.NO_PROGRAM if ending.exit_code == NO_PROGRAM else Cause.EXIT_CODE
    return State.FAILED, Reason(cause, {"exit_code": ending.exit_code})


def _hand_over(folders: Folders, name: str, directories: Directories) -> Reason:
    """Add a preset's run to the runs of this machine, as if it was trained without a job; the reason if that fails.

    It is copied, and gets its name when it is complete: if the engine is killed meanwhile, the output is unchanged.
    """
    run, to, part = folders.output / name, directories.runs / name, folders.root / "run.part"
    if not run.is_dir():
        return Reason()
    if to.exists():
        same = (to / FACTS).is_file() and (to / FACTS).read_bytes() == (run / FACTS).read_bytes()
        return Reason() if same else Reason(Cause.RUN_EXISTS)
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(run, part)
    part.rename(to)
    return Reason()


def remove(root: Path) -> None:
    """Remove the folder and the lock of an ended job; its output is in the database."""
    shutil.rmtree(root, ignore_errors=True)
    root.with_name(f"{root.name}.lock").unlink(missing_ok=True)
