"""Stored pages read on all cores: handed out in batches, taken back in their order, a bounded number in memory."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing import get_context

from collector.archive import unpack
from collector.derive import Derived, derive
from collector.errors import PaddockError, ParseError, Refused
from collector.frontier import DuePage

BATCH = 100  # answers that a process reads at once
BATCH_BYTES = 8_000_000  # or so many bytes, as stored
AHEAD = 2  # batches handed out for each process
FEW = 3000  # answers that are read sooner than processes have started


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page answered once, as the archive holds it."""

    page: DuePage
    at: datetime  # when it came
    latest: bool  # whether it is what the page says now
    error: str | None  # why the page could not be read last time
    missing: list[str]  # the fields it lacked last time
    media_type: str
    encoding: str
    content: bytes


def processes_for(answers: int) -> int:
    """How many processes are worth starting; 0: it is done sooner without."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if cores > 1 and answers > FEW else 0


def read_batch(batch: list[Answer]) -> list[Derived]:
    """What a batch of answers means."""
    return [_read(answer) for answer in batch]


def _read(answer: Answer) -> Derived:
    page = answer.page
    try:
        body = unpack(answer.content, answer.encoding)
        return derive(page.source, page.kind, page.url, body, answer.media_type)
    except Refused as error:
        return Derived(failure=ParseError("page", str(error)))


async def read_in_order(
    batches: AsyncIterator[list[Answer]], processes: int
) -> AsyncIterator[list[tuple[Answer, Derived]]]:
    """What each answer means, batch after batch as they came; the answers come back without their bytes.

    Raises:
        PaddockError: a process was killed from outside.
    """
    if not processes:
        async for batch in batches:
            # In a thread: a picture may take seconds.
            yield list(zip(batch, await asyncio.to_thread(read_batch, batch), strict=True))
        return
    with ExitStack() as stack:
        # Not forked: this process has threads, a loop and a connection, of which a copy would be a wreck.
        pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_leave_ctrl_c_to_the_parent)
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        waiting: deque[tuple[list[Answer], Future[list[Derived]]]] = deque()
        async for batch in batches:
            waiting.append(([replace(answer, content=b"") for answer in batch], pool.submit(read_batch, batch)))
            if len(waiting) > AHEAD * processes:
                yield await _taken_back(*waiting.popleft())
        while waiting:
            yield await _taken_back(*waiting.popleft())


async def _taken_back(batch: list[Answer], future: Future[list[Derived]]) -> list[tuple[Answer, Derived]]:
    try:
        return list(zip(batch, await asyncio.wrap_future(future), strict=True))
    except BrokenProcessPool as error:
        raise PaddockError(
            "A process that read pages was killed, perhaps for want of memory; nothing was changed. Run it again."
        ) from error


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
