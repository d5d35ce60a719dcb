"""What a job waits for, and until when, in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from collector.console.measures import age_in_words, span_in_words
from collector.console.wording import in_japan
from trainer.jobs.hold import FROZEN
from trainer.jobs.task import LOCAL, Job, State
from trainer.jobs.turn import FLEET, GPU, PASSING, queue_of

UNENDED: LiteralString = "state IN ('queued', 'running')"
MACHINES: LiteralString = (
    "SELECT name, gpus, slots, fleet, working, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent"
    " FROM machine ORDER BY name"
)
NOW: LiteralString = "SELECT clock_timestamp() AS now"  # the clock that all times of jobs come from
SOON = 2.0  # seconds within which a job that fits is begun
NAMED = 4  # most jobs or machines named in a sentence


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on which an engine is or was at work."""

    name: str
    gpus: Sequence[str]  # their names
    slots: int  # for jobs on the CPU
    fleet: bool
    working: bool  # its engine has not reported its end
    silent: float  # seconds since it was last seen

    @property
    def there(self) -> bool:
        """Whether its engine is at work."""
        return self.working and self.silent < FROZEN

    def takes(self, job: Job) -> bool:
        """Whether it takes jobs of this one's queue."""
        whose = job.queue.partition(":")[0]
        return self.fleet if whose == FLEET else whose == queue_of(LOCAL, self.name, 0).partition(":")[0]

    @property
    def gone(self) -> str:
        """How it was lost, in words."""
        return f"was last seen {age_in_words(self.silent)} ago" if self.working else "has ended its engine"

    def room(self, job: Job) -> int:
        """Its number of slots of the kind that a job needs."""
        return len(self.gpus) if job.queue.endswith(GPU) else self.slots


def needs(job: Job) -> int:
    """The number of slots that a job takes, as in the claim."""
    if job.queue.endswith(GPU):
        return job.gpus
    return 0 if job.task.opens else 1


def explain(job: Job, jobs: Sequence[Job], machines: Sequence[Machine], now: datetime) -> str:
    """What a queued job waits for, or that a running one is out of sight; empty if neither.

    `jobs` are all that have not ended.
    """
    if job.state is State.RUNNING:
        return _is_silent(job, machines)
    if job.state is not State.QUEUED or any(one.name == job.name and one.state is State.RUNNING for one in jobs):
        return ""  # it has ended, or has begun since it was read
    able = [machine for machine in machines if machine.takes(job)]
    fit = [machine for machine in able if machine.there and machine.room(job) >= needs(job)]
    if fit:
        return _for_a_slot(job, jobs, fit, now)
    return "" if job.bound and _is_new(job, now) else _for_a_machine(job, able)


def _is_new(job: Job, now: datetime) -> bool:
    return (now - job.queued_at).total_seconds() < SOON


def _is_silent(job: Job, machines: Sequence[Machine]) -> str:
    machine = next((one for one in machines if one.name == job.machine), None)
    if machine is None or machine.there:
        return ""
    next_step = "continues when that is back" if job.bound else "is taken over by the next machine that is free"
    return f"is out of sight, as {machine.name} {machine.gone}, and {next_step}"


def _for_a_machine(job: Job, able: Sequence[Machine]) -> str:
    """The sentence for a job that no machine at work can run."""
    rooms = [f"{machine.name} has {machine.room(job)}" for machine in able if machine.there]
    rooms += [f"{machine.name} had {machine.room(job)} and {machine.gone}" for machine in able if not machine.there]
    if job.bound:
        return (
            f"waits for {_slots(job)} on the machine that queued it ({_listed(rooms) or 'no engine is at work there'})"
        )
    return (
        f"waits for a machine of the fleet with {_slots(job)} ({_listed(rooms) or 'none is there'}); "
        "`trainer worker` on one begins it"
    )


def _for_a_slot(job: Job, jobs: Sequence[Job], fit: Sequence[Machine], now: datetime) -> str:
    held = {machine.name: [one for one in jobs if _holds(one, machine, job)] for machine in fit}
    free = {machine.name: machine.room(job) - sum(needs(one) for one in held[machine.name]) for machine in fit}
    before = [one for one in jobs if _is_before(one, job) and any(machine.takes(one) for machine in fit)]
    if all(count < needs(job) for count in free.values()):
        holders = [f"{one.name} ({_until(one, now)})" for ones in held.values() for one in ones]
        line = f", after {len(before)} queued before it" if before else ""
        return f"waits for {_slots(job)} on {_listed(list(held))}, held by {_listed(holders)}{line}"
    patient = [one for one in before if (now - one.queued_at).total_seconds() > PASSING and needs(one) > needs(job)]
    if patient:
        first = patient[0]
        return f"waits behind {first.name}, which has waited longer than {span_in_words(PASSING)} for {_slots(first)}"
    return "" if _is_new(job, now) else f"waits for the engine on {_listed(list(held))} to take it"


def _holds(one: Job, machine: Machine, like: Job) -> bool:
    return one.state is State.RUNNING and one.machine == machine.name and _kind(one) == _kind(like) and needs(one) > 0


def _is_before(one: Job, job: Job) -> bool:
    first = (one.queued_at, one.id) < (job.queued_at, job.id)
    return one.state is State.QUEUED and _kind(one) == _kind(job) and first


def _kind(job: Job) -> str:
    return job.queue.rpartition(":")[2]


def _until(job: Job, now: datetime) -> str:
    limit = job.task.limit()
    if limit is None:
        return "until it is idle" if job.task.opens else "without a limit"
    end = now + timedelta(seconds=max(0.0, limit[0] - job.seconds))
    return f"until {in_japan(end, seconds=False)} at the latest"


def _slots(job: Job) -> str:
    if job.queue.endswith(GPU):
        return f"{job.gpus} GPUs" if job.gpus > 1 else "a GPU"
    return "a CPU slot"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
