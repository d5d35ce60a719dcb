"""Decodes foreign pictures in separate processes that can be killed.

A decoder may need minutes or gigabytes for a picture of a megabyte, or crash on it. So a process with limits does the
call, a thread waits for it, and a cancelled call ends its process. A process starts when it is needed and is kept for
the next picture; a killed one is replaced. It ends with its parent, even if the parent was killed.

We wrote this because no library fits. The standard pool cannot kill one call. Pebble's can, but its workers share one
pipe and one lock, and a worker that is killed from outside while it reads keeps the lock. Each process that
`multiprocessing` starts imports the program again, which in the trainer means torch.
"""

import asyncio
import atexit
import logging
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from collector.errors import BrokenPicture
from collector.storage.decoder import Decoder, Lost
from collector.storage.decoder_process import Answer, Limits

PROCESSES = 2
TRIES = 2  # for a picture whose process was killed from outside
PATIENCE = 60.0  # seconds of clock time for one call
LIMITS = Limits(seconds=5, memory=1_000_000_000)

Given = ParamSpec("Given")
Made = TypeVar("Made")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Call:
    """One call; another thread can cancel it at any time."""

    request: bytes
    lock: threading.Lock
    decoder: Decoder | None = None  # during the call
    cancelled: bool = False
    lost: int = 0  # processes that ended during it

    def cancel(self) -> None:
        with self.lock:
            self.cancelled = True
            if self.decoder:
                self.decoder.process.kill()

    def on(self, decoder: Decoder) -> Answer:
        with self.lock:
            if self.cancelled:
                raise CancelledError
            self.decoder = decoder
        try:
            return decoder.ask(self.request, PATIENCE)
        finally:
            with self.lock:
                self.decoder = None


class Decoders:
    """A few processes. A call has a process of its own until it is over, so no shared lock can stay locked."""

    def __init__(self, processes: int = PROCESSES, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._processes = processes
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="decoder")
        self._turns = threading.Semaphore(processes)  # as many calls are at work at the same time
        self._idle: list[Decoder] = []
        self._all: set[Decoder] = set()
        self._awaited: set[Decoder] = set()  # those whose answer an event loop waits for
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, also during a call."""
        self._closed = True
        for decoder in list(self._all):
            decoder.process.kill()
        self._turns.release(self._processes)  # a call that waits for a turn sees that the room is closed
        self._threads.shutdown(cancel_futures=True)
        for decoder in list(self._all):
            if decoder in self._awaited:
                decoder.process.wait()  # the event loop learns of the end by its socket, which it then closes
            else:
                decoder.end()
        self._all.clear()

    def run(self, function: Callable[Given, Made], *args: Given.args, **named: Given.kwargs) -> Made:
        """Call a module's function in a process; returns its result.

        Raises:
            BrokenPicture: the function raises it, takes too much time or memory, or ends its process.
            OSError: no process can be started.
        """
        call = _call_of(partial(function, *args, **named))
        try:
            return self._threads.submit(self._work_on, call).result()
        except BaseException:
            call.cancel()  # needed if the waiting thread was interrupted; otherwise the call is over already
            raise

    async def ask(self, function: Callable[Given, Made], *args: Given.args, **named: Given.kwargs) -> Made:
        """Like `run`, but awaited; cancelling the task ends the process.

        Raises:
            BrokenPicture, OSError: like `run`.
        """
        call = _call_of(partial(function, *args, **named))
        if (decoder := self._idle_one()) and (answer := await self._ask_idle(decoder, call)):
            return _made(answer)
        try:
            return await asyncio.wrap_future(self._threads.submit(self._work_on, call))
        except asyncio.CancelledError:
            call.cancel()
            raise

    def submit(
        self, function: Callable[Given, Made], *args: Given.args, **named: Given.kwargs
    ) -> tuple[_Call, Future[Made]]:
        """Like `run`, but without waiting."""
        call = _call_of(partial(function, *args, **named))
        return call, self._threads.submit(self._work_on, call)

    def _idle_one(self) -> Decoder | None:
        """A process that is there and has nothing to do, with the turn to use it."""
        if not self._turns.acquire(blocking=False):
            return None
        with suppress(IndexError):  # a thread was quicker
            return self._idle.pop()
        self._turns.release()
        return None

    async def _ask_idle(self, decoder: Decoder, call: _Call) -> Answer | None:
        """The answer of an idle process; None if it ended, so that another one is to be asked."""
        self._awaited.add(decoder)
        try:
            answer = await decoder.ask_soon(call.request, PATIENCE)
        except Lost:
            try:
                self._lose(decoder, call)
            except CancelledError:
                raise asyncio.CancelledError from None
            return None
        except BaseException:
            self._end(decoder)
            raise
        else:
            self._idle.append(decoder)
            return answer
        finally:
            self._awaited.discard(decoder)
            self._turns.release()

    def _work_on(self, call: _Call) -> Any:
        """A call in a thread, which waits for a turn and for the answer."""
        with self._turns:
            while True:
                if call.cancelled or self._closed:
                    raise CancelledError
                decoder = self._decoder()
                try:
                    answer = call.on(decoder)
                except Lost:
                    self._lose(decoder, call)
                    continue
                except CancelledError:
                    self._idle.append(decoder)
                    raise
                self._idle.append(decoder)
                return _made(answer)

    def _decoder(self) -> Decoder:
        """A process for a call: an idle one, or a new one."""
        with suppress(IndexError):
            while True:
                decoder = self._idle.pop()
                if decoder.process.poll() is None:
                    return decoder
                self._end(decoder)
        decoder = Decoder(self.limits)
        self._all.add(decoder)
        return decoder

    def _lose(self, decoder: Decoder, call: _Call) -> None:
        """What is left of a process that ended during a call; the call may be tried again.

        Raises:
            BrokenPicture: it is the picture's fault.
            CancelledError: it was ended by us.
        """
        code = self._end(decoder)
        if call.cancelled or self._closed:
            raise CancelledError from None
        if code == -signal.SIGXCPU:
            raise BrokenPicture(f"an image that takes more than {self.limits.seconds} s to decode") from None
        call.lost += 1
        logger.warning("a decoder died", extra={"code": code, "tried": call.lost})
        if call.lost >= TRIES:
            raise BrokenPicture(f"an image on which its decoder died {TRIES} times ({_in_words(code)})") from None

    def _end(self, decoder: Decoder) -> int:
        self._all.discard(decoder)
        return decoder.end()


def _made(answer: Answer) -> Any:
    """What a process made; or the error that it met."""
    if answer.trace:
        logger.warning("a picture broke its decoder", extra={"trace": answer.trace})
    if answer.error:
        raise answer.error
    return answer.made


def _call_of(function: Callable[[], Any]) -> _Call:
    return _Call(pickle.dumps(function, pickle.HIGHEST_PROTOCOL), threading.Lock())


def _in_words(code: int) -> str:
    """A process's return code in words."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit {code}"


@cache
def decoders() -> Decoders:
    """The decoders of this program; the first process starts with the first picture."""
    made = Decoders()
    atexit.register(made.close)
    return made
