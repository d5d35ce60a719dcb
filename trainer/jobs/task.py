"""A job's task, and the state of the job. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from collector.console.measures import span_in_words
from collector.errors import UsageError
from trainer.jobs.reasons import describe
from trainer.plugins import SETTING as PLUGINS

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.IGNORECASE)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OUTPUT = "PADDOCK_OUTPUT"
OURS = ("PADDOCK_INPUT", OUTPUT, "PADDOCK_JOB", "PADDOCK_ATTEMPT")  # set in every job's environment
LOCAL = "local"
INTERNAL = ("uid", "reason_detail", "stop_asked", "output_attempt")  # left out of JSON
RESERVED = ("last", "engine", "slots")  # the word for the newest job, and names of files next to the jobs' folders


class State(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by hand or at a limit; `trainer job resume` continues it

    @property
    def ended(self) -> bool:
        """Whether the state is final, until the job is resumed."""
        return self in (State.DONE, State.FAILED, State.STOPPED)


@dataclass(frozen=True, slots=True)
class Task:
    """What a job runs: a preset of `trainer train`, or any command."""

    command: tuple[str, ...] = ()  # empty: a preset
    preset: str = ""
    settings: tuple[str, ...] = ()  # key=value of the preset
    environment: Mapping[str, str | None] = field(default_factory=dict)  # None: as it is on the machine that runs it
    max_seconds: float | None = None  # over all attempts
    max_price: float | None = None
    price_per_hour: float = 0.0  # of the place, when the job was queued
    currency: str = ""
    photos: int = 0  # of the data set version
    commit: str = ""  # of the shipped code, marked if there were changes since
    opens: str | None = None  # the address of a notebook, its token included
    cloud: Mapping[str, Any] | None = None  # the machine that SkyPilot rents for it; None: our own machine

    @property
    def words(self) -> str:
        """The command, or the preset and its settings, in a line."""
        return " ".join(self.command) or " ".join((self.preset, *self.settings))

    def limit(self) -> tuple[float, str] | None:
        """The seconds after which it ends, and the limit as it was given; None if it has no limit."""
        limits = []
        if self.max_seconds is not None:
            limits.append((self.max_seconds, span_in_words(self.max_seconds)))
        if self.max_price is not None and self.price_per_hour > 0:
            price = f"{self.max_price:g} {self.currency}".rstrip()
            limits.append((self.max_price / self.price_per_hour * 3600, price))
        return min(limits, default=None)

    def as_json(self) -> dict[str, Any]:
        """The task as it is stored in the database."""
        cloud = None if self.cloud is None else dict(self.cloud)
        return asdict(self) | {"environment": dict(self.environment), "cloud": cloud}


def read_task(facts: Mapping[str, Any]) -> Task:
    """A task from its stored form."""
    return Task(**{**facts, "command": tuple(facts["command"]), "settings": tuple(facts["settings"])})


@dataclass(frozen=True, slots=True)
class Job:
    """A row of `training_job`."""

    id: int
    uid: UUID  # unique among the jobs of all databases
    name: str
    task: Task
    place: str
    queue: str
    gpus: int
    code: str | None  # digest of the code that it runs
    data: str | None  # name of the data set version
    state: State
    reason: str  # Cause, or empty
    reason_detail: Mapping[str, Any]
    machine: str | None
    stop_asked: bool
    attempts: int
    kills: int  # attempts whose process was killed from outside
    queued_at: datetime
    started_at: datetime | None  # of the current attempt
    ended_at: datetime | None
    seconds: float  # of running time, up to its last beat
    exit_code: int | None
    output: str | None  # digest of its output
    output_attempt: int  # the attempt that made the output
    log_bytes: int

    @property
    def bound(self) -> bool:
        """Whether only the machine that queued it may take it: to run it, or to drive it in a cloud."""
        return self.place == LOCAL or self.task.cloud is not None

    @property
    def why(self) -> str:
        """Why it is in its state, as a sentence; empty where there is nothing to explain."""
        return describe(self.reason, self.reason_detail, self.name)

    @property
    def price(self) -> float:
        """The price so far."""
        return self.seconds / 3600 * self.task.price_per_hour

    def as_json(self) -> dict[str, Any]:
        """The job as `--json` prints it; of its environment only the names."""
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in INTERNAL}
        task = self.task.as_json() | {"environment": sorted(self.task.environment)}
        del task["opens"]  # the address gives full access; only `trainer job open` shows it
        facts |= {"reason": self.why, "reason_code": self.reason}
        return facts | {"task": task, "seconds": round(self.seconds, 1), "price": round(self.price, 4)}


COLUMNS: LiteralString = ", ".join(field.name for field in fields(Job))  # pyright: ignore[reportAssignmentType]


def check_name(name: str) -> str:
    """A job's name, unchanged; it has to be a valid name of a folder.

    Raises:
        UsageError: it is not valid, or reserved.
    """
    if not NAME.fullmatch(name) or name.lower() in RESERVED:
        reserved = f" ({', '.join(RESERVED)} are reserved)" if name.lower() in RESERVED else ""
        raise UsageError(f"--name {name!r} is not a valid name; use up to 63 letters, digits, - and _{reserved}.")
    return name


def with_plugins(task: Task, kind: str, plugins: Sequence[str]) -> Task:
    """The task of a preset that runs on this machine, with its plug-ins, of which it may name something; --env goes
    before. Another machine has its own."""
    if kind != LOCAL or task.command or not plugins or PLUGINS in task.environment:
        return task
    return replace(task, environment={**task.environment, PLUGINS: ",".join(plugins)})


def read_environment(words: list[str]) -> dict[str, str | None]:
    """`KEY=VALUE` sets a variable, `KEY` alone takes the value of the machine that runs the job.

    Raises:
        UsageError: it is not a variable, or one that Paddock sets.
    """
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not VARIABLE.fullmatch(key) or key in OURS:
            raise UsageError(f"--env {key!r} cannot be set; write KEY=VALUE, or KEY to take it from the machine.")
        found[key] = value if equals else None
    return found
