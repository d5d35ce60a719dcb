"""For what a job waits, and until when, in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from trainer.jobs.hold import FROZEN
from trainer.jobs.task import LOCAL, Job, State
from trainer.jobs.turn import FLEET, GPU, PASSING, queue_of

UNENDED: LiteralString = "state IN ('queued', 'running')"
MACHINES: LiteralString = (
    "SELECT name, gpus, slots, fleet, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent"
    " FROM machine ORDER BY name"
)
SOON = 3.0  # seconds within which a job that has its turn begins
NAMED = 4  # jobs or machines in a sentence, at most


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on which an engine is or was at work."""

    name: str
    gpus: Sequence[str]  # their names
    slots: int  # for jobs on the CPU
    fleet: bool
    silent: float  # seconds since it was last seen

    @property
    def there(self) -> bool:
        """Whether its engine is at work."""
        return self.silent < FROZEN

    def takes(self, job: Job) -> bool:
        """Whether it takes jobs of this one's queue."""
        whose = job.queue.partition(":")[0]
        return self.fleet if whose == FLEET else whose == queue_of(LOCAL, self.name, 0).partition(":")[0]

    def room(self, job: Job) -> int:
        """Its slots of the kind that a job wants."""
        return len(self.gpus) if job.queue.endswith(GPU) else self.slots


def wants(job: Job) -> int:
    """The slots that a job takes, as the claim counts them."""
    if job.queue.endswith(GPU):
        return job.gpus
    return 0 if job.task.opens else 1


def explain(job: Job, jobs: Sequence[Job], machines: Sequence[Machine], now: datetime) -> str:
    """For what a queued job waits, or whether a running one is still heard of; empty where there is nothing to say.

    `jobs` are all that have not ended.
    """
    if job.state is State.RUNNING:
        return _is_silent(job, machines)
    if job.state is not State.QUEUED:
        return ""
    able = [machine for machine in machines if machine.takes(job)]
    fit = [machine for machine in able if machine.there and machine.room(job) >= wants(job)]
    return _for_a_slot(job, jobs, fit, now) if fit else _for_a_machine(job, able)


def _is_silent(job: Job, machines: Sequence[Machine]) -> str:
    its = next((machine for machine in machines if machine.name == job.machine), None)
    if its is None or its.there:
        return ""
    goes_on = "goes on when that is back" if job.at_home else "is taken over by the next machine that is free"
    return f"{its.name} was last seen {_ago(its.silent)} ago; the job {goes_on}"


def _for_a_machine(job: Job, able: Sequence[Machine]) -> str:
    """No machine that is there can run it."""
    known = [machine for machine in able if not machine.there and machine.room(job) >= wants(job)]
    what = f"a machine with {_slots(job)}" if job.gpus and job.task.cloud is None else "a machine"
    if job.at_home:
        what = f"the machine that queued it{f' to have {_slots(job)}' if able and job.gpus else ''}"
    there = [f"{machine.name} has {machine.room(job)}" for machine in able if machine.there]
    told = (
        f"waits for {what}: {_listed(there) if there else 'none is there' if not job.at_home else 'no engine is there'}"
    )
    if known:
        last = min(known, key=lambda machine: machine.silent)
        told += f"; {last.name} was last seen {_ago(last.silent)} ago"
    return f"{told}. It begins when `trainer worker` runs on one" if not job.at_home else told


def _for_a_slot(job: Job, jobs: Sequence[Job], fit: Sequence[Machine], now: datetime) -> str:
    held = {machine.name: [one for one in jobs if _holds(one, machine, job)] for machine in fit}
    free = {machine.name: machine.room(job) - sum(wants(one) for one in held[machine.name]) for machine in fit}
    before = [one for one in jobs if one.state is State.QUEUED and one.queue == job.queue and _turn(one) < _turn(job)]
    if all(count < wants(job) for count in free.values()):
        holders = [f"{one.name} ({_until(one, now)})" for ones in held.values() for one in ones]
        line = f", after {len(before)} queued before it" if before else ""
        return f"waits for {_slots(job)} on {_listed(list(held))}, held by {_listed(holders)}{line}"
    patient = [one for one in before if (now - one.queued_at).total_seconds() > PASSING and wants(one) > wants(job)]
    if patient:
        first = patient[0]
        return f"waits behind {first.name}, which has waited longer than {PASSING // 60} minutes for {_slots(first)}"
    if (now - job.queued_at).total_seconds() < SOON:
        return ""
    return f"waits for the engine on {_listed(list(held))} to take it"


def _holds(one: Job, machine: Machine, like: Job) -> bool:
    same_kind = one.queue.endswith(GPU) == like.queue.endswith(GPU)
    return one.state is State.RUNNING and one.machine == machine.name and same_kind and wants(one) > 0


def _turn(job: Job) -> tuple[datetime, int]:
    return job.queued_at, job.id


def _until(job: Job, now: datetime) -> str:
    limit = job.task.limit()
    if limit is None:
        return "until nobody uses it" if job.task.opens else "without a limit"
    end = (now + timedelta(seconds=max(0.0, limit[0] - job.seconds))).astimezone()
    return (
        f"until {end:%H:%M} at the latest" if end.date() == now.astimezone().date() else f"until {end:%Y-%m-%d %H:%M}"
    )


def _slots(job: Job) -> str:
    if job.queue.endswith(GPU):
        return f"{job.gpus} GPUs" if job.gpus > 1 else "a GPU"
    return "a CPU slot"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _ago(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.0f} h"
    )
