"""An open load on a server, and what came of it.

Requests leave when they are due, whether or not earlier ones were answered, and time counts from when one was due, so
that a server that stalls is charged for all that it keeps waiting. Clients are told apart by address, 127.0.0.1 on.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

import aiohttp

from collector.web.server.guards import RATE

LOST = 0  # the status of a request whose connection broke
Ask = Callable[[aiohttp.ClientSession, int], Awaitable[int]]  # sends a request by its number; its status


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: milliseconds from when it was due to its last byte, and its status."""

    took: float
    status: int


def clients_for(rate: float, cost: float) -> int:
    """How many clients ask so often, at so many tokens a request, each for half of what one is allowed."""
    return math.ceil(rate * cost / (RATE / 2))


def arrivals(rate: float, seconds: float) -> list[float]:
    """When requests are due, in seconds from the start: at random, as people come."""
    random, now, due = Random(0), 0.0, []
    while (now := now + random.expovariate(rate)) < seconds:
        due.append(now)
    return due


async def drive(ask: Ask, rate: float, seconds: float, clients: int) -> list[Outcome]:
    """Send requests when they are due, from each client in turn, and note how long each took."""
    sessions = [
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(f"127.0.0.{number + 1}", 0), limit=0))
        for number in range(clients)
    ]
    started = time.perf_counter() + 0.2

    async def send(number: int, due: float) -> Outcome:
        await asyncio.sleep(started + due - time.perf_counter())
        try:
            status = await ask(sessions[number % clients], number)
        except aiohttp.ClientError:
            status = LOST
        return Outcome(1000 * (time.perf_counter() - started - due), status)

    try:
        return await asyncio.gather(*(send(number, due) for number, due in enumerate(arrivals(rate, seconds))))
    finally:
        for session in sessions:
            await session.close()


COLUMNS = ("answered", "not answered", "p50 ms", "p95 ms", "p99 ms", "longest ms")


def told(outcomes: Sequence[Outcome]) -> list[str]:
    """The cells of these columns. Whatever was answered with another status than 200 was not answered."""
    took = sorted(outcome.took for outcome in outcomes)
    good = sum(outcome.status == 200 for outcome in outcomes)
    shares = [took[min(len(took) - 1, int(share * len(took)))] for share in (0.5, 0.95, 0.99)]
    return [str(good), str(len(took) - good), *(f"{one:.0f}" for one in [*shares, took[-1]])]


def row(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def rule(columns: Sequence[str]) -> str:
    """The line under a table's head: numbers to the right."""
    return f"|{'|'.join('--:' for _ in columns)}|"
