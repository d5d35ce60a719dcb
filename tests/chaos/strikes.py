"""Everything that may befall workers, their database and the site, in an order that a seed decides."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from random import Random

from collector.demo.faults.hostile import parse_fault
from tests.chaos.fleet import Fleet
from tests.chaos.processes import ended, send
from tests.chaos.server import FAST, IMMEDIATE, KILLED, Server
from tests.chaos.watched_site import WatchedSite


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow: of which kind, when, and how hard."""

    kind: str
    share: float  # of the requests that the work takes, after which it comes
    pause: float  # seconds after that request
    force: float  # 0..1: which worker, how long, as the kind will have it

    def __str__(self) -> str:
        return f"{self.kind} (at {self.share:.0%}, force {self.force:.2f})"


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is to strike at."""

    server: Server
    site: WatchedSite
    fleet: Fleet

    def worker(self, force: float) -> tuple[str, BaseProcess]:
        """One of the workers."""
        workers = list(self.fleet.workers.items())
        return workers[int(force * len(workers))]


Blow = Callable[[Stage, float], Awaitable[None]]


async def _kill_worker(stage: Stage, force: float) -> None:
    send(stage.worker(force)[1], signal.SIGKILL)


async def _kill_all(stage: Stage, _force: float) -> None:
    for worker in stage.fleet.workers.values():
        send(worker, signal.SIGKILL)


async def _kill_command(stage: Stage, _force: float) -> None:
    """Kill the command that queued the work; it is not started again."""
    assert stage.fleet.command is not None
    send(stage.fleet.command, signal.SIGKILL)
    await ended(stage.fleet.command)


async def _terminate_worker(stage: Stage, force: float) -> None:
    send(stage.worker(force)[1], signal.SIGTERM)


async def _freeze(workers: Sequence[BaseProcess], seconds: float) -> None:
    for worker in workers:
        send(worker, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for worker in workers:
            send(worker, signal.SIGCONT)


async def _freeze_worker(stage: Stage, force: float) -> None:
    await _freeze([stage.worker(force)[1]], 0.1 + 2 * (2 * force % 1))


async def _freeze_all(stage: Stage, force: float) -> None:
    await _freeze(list(stage.fleet.workers.values()), 0.1 + force)


async def _freeze_for_long(stage: Stage, force: float) -> None:
    """A worker freezes for longer than its heart may stand still: others take over, and then it wakes up."""
    await _freeze([stage.worker(force)[1]], 40)


async def _cut_one(stage: Stage, _force: float) -> None:
    await asyncio.to_thread(stage.server.cut, None, 1)


async def _cut_all(stage: Stage, _force: float) -> None:
    await asyncio.to_thread(stage.server.cut)


async def _cut_frozen(stage: Stage, force: float) -> None:
    """A worker wakes up to find that its sessions have ended."""
    name, worker = stage.worker(force)
    freezing = asyncio.create_task(_freeze([worker], 0.5 + force))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(stage.server.cut, name)
    await freezing


async def _restart_fast(stage: Stage, force: float) -> None:
    await stage.server.restart(FAST, force / 2)


async def _restart_immediate(stage: Stage, force: float) -> None:
    await stage.server.restart(IMMEDIATE, force / 2)


async def _kill_postmaster(stage: Stage, force: float) -> None:
    await stage.server.restart(KILLED, force / 2)


async def _restart_under_frozen(stage: Stage, force: float) -> None:
    """A worker wakes up to find another server than the one it knew."""
    freezing = asyncio.create_task(_freeze([stage.worker(force)[1]], 1 + force))
    await stage.server.restart(FAST)
    await freezing


async def _freeze_server(stage: Stage, force: float) -> None:
    await stage.server.freeze(0.1 + force)


async def _fill_server(stage: Stage, force: float) -> None:
    await stage.server.fill(1 + force)


def _fault(word: str, most: int) -> Blow:
    """The site answers one request badly, or several in a row, but never enough times to put a page off."""

    async def answer_badly(stage: Stage, force: float) -> None:
        stage.site.hostility.provoke(parse_fault(word), 1 + int(force * most))
        while not stage.site.hostility.is_done:  # noqa: ASYNC110  (a moment, not an event)
            await asyncio.sleep(0.005)

    return answer_badly


# How each is done, and how often it is to come, one against another.
OURS: dict[str, tuple[Blow, int]] = {
    "kill a worker": (_kill_worker, 6),
    "kill all workers": (_kill_all, 3),
    "terminate a worker": (_terminate_worker, 2),
    "freeze a worker": (_freeze_worker, 3),
    "freeze all workers": (_freeze_all, 1),
    "cut a session": (_cut_one, 4),
    "cut all sessions": (_cut_all, 3),
    "cut a frozen worker's sessions": (_cut_frozen, 2),
    "restart fast": (_restart_fast, 3),
    "restart immediate": (_restart_immediate, 3),
    "kill the postmaster": (_kill_postmaster, 2),
    "restart under a frozen worker": (_restart_under_frozen, 2),
    "freeze the server": (_freeze_server, 2),
    "fill the server": (_fill_server, 2),
}
THE_SITES: dict[str, tuple[Blow, int]] = {
    "reset": (_fault("reset", 2), 2),
    "reset in the body": (_fault("reset-body", 2), 2),
    "cut off": (_fault("truncate", 2), 1),
    "500": (_fault("500", 2), 2),
    "slow": (_fault("slow=0.5", 1), 2),
}
KINDS = OURS | THE_SITES  # what a run is made of
ONLY_NAMED: dict[str, tuple[Blow, int]] = {  # what comes by itself at one moment, or takes too long
    "kill the command": (_kill_command, 1),
    "freeze a worker for long": (_freeze_for_long, 1),
}
ALL_KINDS = KINDS | ONLY_NAMED
FIRST = "kill the command"


def plan(seed: int, count: int, kinds: Sequence[str]) -> list[Strike]:
    """This number of strikes: each kind at least once, if there is room, and then by how often it is to come."""
    chance = Random(seed)
    names = [*kinds][:count]
    names += chance.choices(kinds, [ALL_KINDS[kind][1] for kind in kinds], k=count - len(names))
    chance.shuffle(names)
    shares = sorted(chance.uniform(0.02, 0.95) for _ in names)
    return [
        Strike(name, share, chance.uniform(0, 0.15), chance.random()) for name, share in zip(names, shares, strict=True)
    ]


@dataclass(slots=True)
class Struck:
    """A strike that has been, and when the site was asked again."""

    strike: Strike
    began: float  # seconds, monotonic clock
    ended: float
    asked_again: float | None = None  # seconds after its end

    def __str__(self) -> str:
        again = "never" if self.asked_again is None else f"{self.asked_again:.2f} s"
        return f"{self.strike}, took {self.ended - self.began:.2f} s, asked again after {again}"


async def strike(stage: Stage, one: Strike) -> Struck:
    """Do it."""
    await asyncio.sleep(one.pause)
    began = time.monotonic()
    await ALL_KINDS[one.kind][0](stage, one.force)
    return Struck(one, began, time.monotonic())
