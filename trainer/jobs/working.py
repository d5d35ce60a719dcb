"""What an engine does with a job that it has claimed: it takes it through an attempt, and writes down what came of
it."""

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from collector.errors import UsageError
from trainer.errors import Superseded
from trainer.jobs.attempt import Attempt, Ending, keep_hold, run, write
from trainer.jobs.awaiting import first_of, in_a_line, is_away
from trainer.jobs.book import conninfo_of_jobs
from trainer.jobs.cloud.task import cloud_name
from trainer.jobs.command import environment_of
from trainer.jobs.folders import Folders, lay, write_protect
from trainer.jobs.hold import AGAIN, BEAT, FINISH, HELD
from trainer.jobs.line import Line
from trainer.jobs.machine import Slots, list_gpus, machine_name
from trainer.jobs.profiles import find_profile
from trainer.jobs.task import LOCAL, Job, State
from trainer.jobs.turn import CPU, FLEET, GPU, queue_of
from trainer.places import Places
from trainer.runs.runs import FACTS

logger = logging.getLogger(__name__)

TRIES = 3  # of a job whose process is killed from outside
KILLED = 128 + signal.SIGKILL
HINTS = {127: ", as where a program is not there; its log says which"}
ASKED = f"SELECT stop_asked FROM training_job WHERE {HELD}"


@dataclass(slots=True)
class Engine:
    """What the attempts of this process share."""

    line: Line
    places: Places
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
        places, gpus, line = Places(home), list_gpus(), Line(conninfo_of_jobs(conninfo))
        with psycopg.connect(line.conninfo, autocommit=True) as connection:
            name = machine_name(connection, home)
        slots, folder = find_profile(home, LOCAL).slots, places.jobs / "slots"
        kinds = {CPU: Slots(folder, CPU, slots), GPU: Slots(folder, GPU, len(gpus))}
        return cls(line, places, fleet, name, gpus, slots, kinds)

    def lock_of(self, name: str) -> Path:
        """What is locked while a process is at work in a job's folder; it may outlive its engine, while it saves."""
        return self.places.jobs / f"{name}.lock"

    def queues(self, kind: str) -> list[str]:
        """The queues that it takes jobs of a kind from."""
        whose = [LOCAL, FLEET] if self.fleet else [LOCAL]
        return [queue_of(place, self.machine, int(kind == GPU)) for place in whose]


async def do_job(engine: Engine, job: Job, gpus: Sequence[int], held: Sequence[int]) -> None:
    """Take a job through the attempt that was claimed, write down what came of it, and give back what it held."""
    attempt = Attempt(job, Folders(engine.places.jobs / job.name), engine.line, engine.leaving)
    engine.at_work.add(job.id)
    holding = asyncio.create_task(keep_hold(attempt))
    try:
        ending = await _attempt(engine, attempt, gpus, held)
        await _end(engine, attempt, ending)
    except Superseded:
        logger.warning("an attempt has ended that was no longer its job's own", extra={"job": job.name})
    except Exception as error:  # noqa: BLE001  # it is this job that fails, and not the engine with all others
        await _fail(attempt, error)
    finally:
        holding.cancel()
        engine.at_work.discard(job.id)
        for descriptor in held:
            os.close(descriptor)


async def _fail(attempt: Attempt, error: Exception) -> None:
    name = attempt.job.name
    if is_away(error):
        # Whoever sees next that nobody is at work on it queues it again.
        logger.error("a job's end could not be written down", extra={"job": name, "reason": in_a_line(error)})
        return
    logger.error("a job failed", extra={"job": name}, exc_info=error)
    reason = f"it could not be run or kept: {in_a_line(error)} (the engine's log tells more)"
    try:
        await write(attempt, FINISH, state=State.FAILED, reason=reason, exit_code=None)
    except (Superseded, psycopg.Error) as lost:
        logger.error("a job's end could not be written down", extra={"job": name, "reason": in_a_line(lost)})


async def _attempt(engine: Engine, attempt: Attempt, gpus: Sequence[int], held: Sequence[int]) -> Ending | str | None:
    """How the attempt ended; a sentence where it could not begin or go on, None where it was stopped before."""
    try:
        attempt.folders = await asyncio.to_thread(_lay, engine, attempt)
        environment = environment_of(attempt.job, attempt.folders, engine.places.home, gpus)
        if attempt.job.task.cloud is not None:
            await _start_cloud_server(attempt, environment)
        attempt.go_on()
        await write(attempt, BEAT)  # where it was frozen meanwhile, another may have taken over
        return await run(attempt, environment, held)
    except InterruptedError:
        return None
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"The job could not go on ({error.strerror or error})."


def _lay(engine: Engine, attempt: Attempt) -> Folders:
    with psycopg.connect(engine.line.conninfo, autocommit=True) as connection:
        folders = lay(connection, attempt.job, engine.places, attempt.folders.root, attempt.go_on)
    if folders.input:
        write_protect(folders.input)
    return folders


async def _start_cloud_server(attempt: Attempt, environment: dict[str, str]) -> None:
    """SkyPilot's server belongs to no job: started by a driver, it would end with that driver's keeper."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PADDOCK_")}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "trainer.jobs.cloud.driver", "serve", env=kept, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    asked = asyncio.create_task(server.communicate())
    await first_of(server.wait(), attempt.stopping.wait(), attempt.leaving.wait(), attempt.lost.wait())
    if server.returncode is None:
        server.kill()
    told, _ = await asked
    attempt.go_on()
    if server.returncode:
        reason = (told.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1][:300]
        raise UsageError(f"SkyPilot's server did not start: {reason}")


async def _end(engine: Engine, attempt: Attempt, ending: Ending | str | None) -> None:
    job = attempt.job
    state, reason = await _judge(engine, attempt, ending)
    if state is State.QUEUED:
        killed = int(isinstance(ending, Ending) and ending.exit_code == KILLED and not engine.leaving.is_set())
        state = (await write(attempt, AGAIN, reason=reason, killed=killed))["state"]
    else:
        if state is State.DONE and job.at_home and job.task.preset:
            reason = await asyncio.to_thread(_hand_over, attempt.folders, job.name, engine.places)
        exit_code = ending.exit_code if isinstance(ending, Ending) else None
        await write(attempt, FINISH, state=state, reason=reason, exit_code=exit_code)
        if not (isinstance(ending, Ending) and ending.unkept):
            await asyncio.to_thread(remove, attempt.folders.root)
    logger.info("job ended", extra={"job": job.name, "state": str(state), "reason": reason})


async def _judge(engine: Engine, attempt: Attempt, ending: Ending | str | None) -> tuple[State, str]:
    job = attempt.job
    stopped = (await write(attempt, ASKED))["stop_asked"]
    if isinstance(ending, Ending) and ending.unkept:
        there = f"it is in {attempt.folders.output}, and `trainer job resume {job.name}` tries it again"
        return State.FAILED, f"what it made or printed could not be kept ({ending.unkept}); {there}"
    if isinstance(ending, Ending):
        return judge(ending, job, stopped=stopped, leaving=engine.leaving.is_set())
    if ending is None:
        # What may be rented is looked for by the next driver, which then stops it.
        over = stopped and job.task.cloud is None
        return (State.STOPPED, "stopped by hand") if over else (State.QUEUED, "its engine was told to stop")
    if job.task.cloud is not None and job.attempts > 1:
        name = cloud_name(job.machine or "", job.id, job.name)
        ending += f" Should an earlier attempt still run and cost: sky jobs cancel -n {name}"
    return State.FAILED, ending


def judge(ending: Ending, job: Job, *, stopped: bool, leaving: bool) -> tuple[State, str]:
    """What an attempt's end means for its job, and why."""
    cut_short = ending.out_of_touch or (ending.told and job.task.cloud is None)  # a driver's 0 is the cloud's word
    if ending.exit_code == 0 and not cut_short:
        return State.DONE, ""
    kills = job.kills + 1
    if job.task.cloud is not None and ending.exit_code == KILLED and kills < TRIES:
        return State.QUEUED, "its driver was killed; the next one finds the rented machine by name"
    if ending.out_of_touch and not stopped:
        return State.QUEUED, "its engine was out of touch; it goes on from its last checkpoint"
    if stopped:
        return State.STOPPED, "stopped by hand"
    if ending.limit:
        return State.STOPPED, ending.limit
    if leaving:
        return State.QUEUED, "its engine was told to stop"
    if ending.exit_code == KILLED:
        if kills < TRIES:
            return State.QUEUED, "its process was killed; it goes on from its last checkpoint"
        if job.task.cloud is not None:
            name = cloud_name(job.machine or "", job.id, job.name)
            return State.FAILED, f"its driver was killed; should it still run and cost: sky jobs cancel -n {name}"
        return State.FAILED, f"its process was killed {kills} times; is the memory enough?"
    return State.FAILED, f"it ended with exit code {ending.exit_code}{HINTS.get(ending.exit_code, '')}"


def _hand_over(folders: Folders, name: str, places: Places) -> str:
    """Put a preset's run where the runs of this machine are, as if it had been trained without a job; why not, if not.

    It is copied, and gets its name when it is whole: an engine that is killed meanwhile leaves the output as it was.
    """
    run, to, part = folders.output / name, places.runs / name, folders.root / "run.part"
    if not run.is_dir():
        return ""
    if to.exists():
        same = (to / FACTS).is_file() and (to / FACTS).read_bytes() == (run / FACTS).read_bytes()
        return "" if same else "its run is in its output only: there is another run of that name"
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(run, part)
    part.rename(to)
    return ""


def remove(root: Path) -> None:
    """A job that has ended leaves nothing on the disk: what it has made is in the database."""
    shutil.rmtree(root, ignore_errors=True)
    root.with_name(f"{root.name}.lock").unlink(missing_ok=True)
