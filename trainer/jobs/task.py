"""What a job is asked to do, and what becomes of it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from collector.console.measures import span_in_words
from collector.errors import UsageError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.IGNORECASE)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OUTPUT = "PADDOCK_OUTPUT"
OURS = ("PADDOCK_INPUT", OUTPUT, "PADDOCK_JOB", "PADDOCK_ATTEMPT")  # what every job finds in its environment
LOCAL = "local"
UNTOLD = ("uid", "stop_asked", "output_attempt")  # in JSON
TAKEN = ("last", "engine", "slots")  # a word for the newest job, and what lies beside the jobs' folders


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by hand or at a limit; `trainer job resume` goes on

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
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
    commit: str = ""  # of the code that was shipped, marked where it has been changed since
    opens: str | None = None  # the address of a notebook, its token included
    cloud: Mapping[str, Any] | None = None  # the machine that SkyPilot rents for it; None: it runs on ours

    @property
    def words(self) -> str:
        """What it runs, in a line."""
        return " ".join(self.command) or " ".join((self.preset, *self.settings))

    def limit(self) -> tuple[float, str] | None:
        """After how many seconds it ends, and by which limit; None where it has none."""
        limits = []
        if self.max_seconds is not None:
            limits.append((self.max_seconds, f"its limit of {span_in_words(self.max_seconds)} is reached"))
        if self.max_price is not None and self.price_per_hour > 0:
            told = f"its limit of {self.max_price:g} {self.currency}".rstrip()
            limits.append((self.max_price / self.price_per_hour * 3600, f"{told} is reached"))
        return min(limits, default=None)

    def as_json(self) -> dict[str, Any]:
        """The task as the database keeps it."""
        cloud = None if self.cloud is None else dict(self.cloud)
        return asdict(self) | {"environment": dict(self.environment), "cloud": cloud}


def read_task(facts: Mapping[str, Any]) -> Task:
    """A task as the database has kept it."""
    return Task(**{**facts, "command": tuple(facts["command"]), "settings": tuple(facts["settings"])})


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands."""

    id: int
    uid: UUID  # no job of any other database has it
    name: str
    task: Task
    place: str
    queue: str
    gpus: int
    code: str | None  # digest of the code that it runs
    data: str | None  # name of the data set version
    state: State
    reason: str
    machine: str | None
    stop_asked: bool
    attempts: int
    kills: int  # attempts whose process was killed from outside
    queued_at: datetime
    started_at: datetime | None  # of the attempt at hand
    ended_at: datetime | None
    seconds: float  # that it has run, as of its last beat
    exit_code: int | None
    output: str | None  # digest of what it has brought back
    output_attempt: int  # that this came from
    log_bytes: int

    @property
    def at_home(self) -> bool:
        """Whether the engine of the machine that queued it takes it: to run it, or to drive it in a cloud."""
        return self.place == LOCAL or self.task.cloud is not None

    @property
    def price(self) -> float:
        """What it has cost so far."""
        return self.seconds / 3600 * self.task.price_per_hour

    def as_json(self) -> dict[str, Any]:
        """The job as `--json` prints it; values of its environment stay untold."""
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in UNTOLD}
        told = self.task.as_json() | {"environment": sorted(self.task.environment)}
        del told["opens"]  # whoever has the address can do everything; `trainer job open` tells it
        return facts | {"task": told, "seconds": round(self.seconds, 1), "price": round(self.price, 4)}


COLUMNS: LiteralString = ", ".join(field.name for field in fields(Job))  # pyright: ignore[reportAssignmentType]


def check_name(name: str) -> str:
    """A name that can be a folder's.

    Raises:
        UsageError: it cannot.
    """
    if not NAME.fullmatch(name) or name.lower() in TAKEN:
        kept = f" ({', '.join(TAKEN)} mean something else)" if name.lower() in TAKEN else ""
        raise UsageError(f"--name {name!r} is no name; up to 63 letters, digits, - and _ make one{kept}.")
    return name


def read_environment(words: list[str]) -> dict[str, str | None]:
    """`KEY=VALUE` sets a variable, `KEY` alone takes the value of the machine that runs the job.

    Raises:
        UsageError: it is no variable, or one of our own.
    """
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not VARIABLE.fullmatch(key) or key in OURS:
            raise UsageError(f"--env {key!r} cannot be set; write KEY=VALUE, or KEY to take it from the machine.")
        found[key] = value if equals else None
    return found
