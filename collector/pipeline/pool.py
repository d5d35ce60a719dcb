"""Pages read on all cores: handed out in batches, taken back in their order, a bounded number in memory."""

import asyncio
import logging
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Generic, TypeVar

from collector.codes import Failure
from collector.errors import PaddockError, ParseError, Refused
from collector.frontier.queue import DuePage
from collector.pipeline.derive import Derived, derive, tripped
from collector.storage.archive import NONE, Damaged, Known, unpack, zstd
from collector.storage.dictionaries import known
from collector.storage.roles import PageState

logger = logging.getLogger(__name__)

BATCH = 100  # answers that a process reads at once
BATCH_BYTES = 8_000_000  # or this many bytes, as stored
AHEAD = 2  # batches handed out for each process
OK = 200  # HTTP status
DEATHS = 2  # of processes on one page alone, after which the page is to blame
FEW = 3000  # answers that are read sooner than processes have started

Given = TypeVar("Given")
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Work(Generic[Given, Read]):
    """What processes do with a batch."""

    read: Callable[[list[Given]], list[Read]]  # runs in them
    failed: Callable[[Given, Derived], Read]  # what is read of a page on which processes die
    without_bytes: Callable[[Given], Given]  # what is given back beside what was read
    dictionaries: Mapping[int, bytes]  # with which pages are compressed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page answered once, as the archive holds it."""

    page: DuePage
    at: datetime  # when it came
    history: bool  # whether earlier answers of this page count too
    held: str  # the digest of what the page says now
    status: int | None  # HTTP status of the page's last answer
    error_code: str | None  # why the page could not be read last time
    error: str | None  # the detail
    missing: list[str]  # the fields it lacked last time
    media_type: str
    encoding: str
    content: bytes

    @property
    def latest(self) -> bool:
        """Whether it is what the page says now."""
        return self.page.digest == self.held

    @property
    def decides(self) -> bool:
        """Whether it decides where the page stands: not so where the site has said otherwise later, or nothing."""
        state = self.page.state
        read = state in (PageState.FETCHED, PageState.QUARANTINED) or (state == PageState.GONE and self.status == OK)
        return self.latest and read


def processes_for(answers: int) -> int:
    """How many processes are worth starting; 0: it is done sooner without."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if cores > 1 and answers > FEW else 0


_dictionaries: Known = NONE  # those of the database that this process reads from


def use(contents: Mapping[int, bytes]) -> None:
    """Know the dictionaries with which the pages are compressed that this process reads next."""
    global _dictionaries  # noqa: PLW0603  (what is sent to a process of a pool has no other place)
    _dictionaries = known(contents)


def dictionary_of(number: int | None) -> "zstd.ZstdDict | None":
    """One of them."""
    return None if number is None else _dictionaries.get(number)


def read_batch(batch: list[Answer]) -> list[Derived]:
    """What a batch of answers means."""
    return [_read(answer) for answer in batch]


def _read(answer: Answer) -> Derived:
    page = answer.page
    try:
        body = unpack(answer.content, answer.encoding, _dictionaries)
        return derive(page.source, page.kind, page.url, body, answer.media_type)
    except Refused as error:
        return Derived(failure=ParseError("page", str(error)))
    except Damaged as error:
        return Derived(failure=ParseError("bytes", f"what the archive holds cannot be unpacked: {error}"))
    except Exception as error:  # noqa: BLE001
        return tripped(error)


def of_stored_answers(dictionaries: Mapping[int, bytes]) -> Work[Answer, Derived]:
    """What processes do with what the archive holds."""
    return Work(read_batch, lambda _answer, derived: derived, lambda answer: replace(answer, content=b""), dictionaries)


class _Reader(Generic[Given, Read]):
    """A process that reads one batch after the other. One that has died is replaced before the next."""

    def __init__(self, work: Work[Given, Read]) -> None:
        self.work = work
        self._pool = self._start()
        self._given: list[Future[list[Read]]] = []
        self.has_read = False

    @property
    def load(self) -> int:
        """How many batches it has still to read."""
        self._given = [future for future in self._given if not future.done()]
        return len(self._given)

    def give(self, batch: list[Given]) -> Future[list[Read]]:
        """Hand out a batch."""
        try:
            future = self._pool.submit(self.work.read, batch)
        except BrokenProcessPool:
            self._pool.shutdown()
            self._pool = self._start()
            future = self._pool.submit(self.work.read, batch)
        self._given.append(future)
        return future

    def end(self) -> None:
        """Wait for what it is reading, and end it."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: this process has threads, a loop and a connection, of which a copy would be a wreck.
        return ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(self.work.dictionaries,))


async def read_in_order(
    batches: AsyncIterator[list[Given]], processes: int, work: Work[Given, Read]
) -> AsyncIterator[list[tuple[Given, Read]]]:
    """What each page means, batch after batch as they came; the pages come back without their bytes.

    A process that dies (killed, out of memory, by a fault in a library) takes nothing with it: what it had is read
    again, one page at a time, and a page on which processes die again is one that cannot be read.

    Raises:
        PaddockError: no process that reads can be started.
    """
    if not processes:
        use(work.dictionaries)
        async for batch in batches:
            # In a thread: a picture may take seconds.
            yield _beside(work, batch, await asyncio.to_thread(work.read, batch))
        return
    with ExitStack() as stack:
        readers = [_Reader(work) for _ in range(processes)]
        for reader in readers:
            stack.callback(reader.end)
        waiting: deque[tuple[_Reader[Given, Read], list[Given], Future[list[Read]]]] = deque()
        async for batch in batches:
            reader = min(readers, key=lambda one: one.load)
            waiting.append((reader, batch, reader.give(batch)))
            if len(waiting) > AHEAD * processes:
                yield await _taken_back(*waiting.popleft())
        while waiting:
            yield await _taken_back(*waiting.popleft())


def _beside(work: Work[Given, Read], batch: list[Given], read: list[Read]) -> list[tuple[Given, Read]]:
    return list(zip(map(work.without_bytes, batch), read, strict=True))


async def _taken_back(
    reader: _Reader[Given, Read], batch: list[Given], future: Future[list[Read]]
) -> list[tuple[Given, Read]]:
    try:
        read = await asyncio.wrap_future(future)
        reader.has_read = True
    except Exception as error:  # noqa: BLE001
        logger.warning("pages are read again one by one", extra={"pages": len(batch), "reason": str(error)})
        read = [await _read_alone(reader, page) for page in batch]
    return _beside(reader.work, batch, read)


async def _read_alone(reader: _Reader[Given, Read], page: Given) -> Read:
    for _ in range(DEATHS):
        try:
            (read,) = await asyncio.wrap_future(reader.give([page]))
        except BrokenProcessPool:
            continue
        except Exception as error:  # noqa: BLE001
            return reader.work.failed(page, tripped(error))  # what was read could not be sent back
        reader.has_read = True
        return read
    try:
        if not reader.has_read:
            await asyncio.wrap_future(reader.give([]))
    except BrokenProcessPool as error:
        raise PaddockError(
            "Processes that read pages die as soon as they start, perhaps for want of memory; nothing was changed. "
            "Free some memory and run it again."
        ) from error
    reason = f"{DEATHS} processes that read it have died, of a fault in a library or for want of memory"
    return reader.work.failed(page, Derived(failure=ParseError("parser", reason, Failure.OWN_ERROR)))


def _begin(dictionaries: Mapping[int, bytes]) -> None:
    """Leave Ctrl-C to the process that started this one, and end with it, whatever ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use(dictionaries)
    Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
