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
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from collector.errors import BrokenPicture
from collector.storage.decoder_process import LENGTH, Answer, Limits, receive

PROCESSES = 2
TRIES = 2  # for a picture whose process was killed from outside
PATIENCE = 60.0  # seconds of clock time for one call
LIMITS = Limits(seconds=5, memory=1_000_000_000)
START = (
    "import sys; sys.path[:] = {path!r}; from collector.storage.decoder_process import serve; serve({fd}, {limits!r})"
)

Given = ParamSpec("Given")
Made = TypeVar("Made")

logger = logging.getLogger(__name__)


class Lost(Exception):
    """The process has ended; its return code says how."""


class Decoder:
    """One process, which does one call after another."""

    def __init__(self, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            start = START.format(path=sys.path, fd=theirs.fileno(), limits=tuple(limits))
            # Ctrl-C is for the parent only. The child inherits the blocked signal, also while it starts.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", start], stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
                )
            except BaseException:
                ours.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._socket = ours

    def ask(self, request: bytes, patience: float) -> Answer:
        """The process's answer to a call.

        Raises:
            Lost: it has ended, or was killed because it took longer than `patience` seconds.
        """
        ends_at = time.monotonic() + patience
        try:
            self._socket.settimeout(patience)
            self._socket.sendall(LENGTH.pack(len(request)) + request)
            answer = receive(self._socket, lambda: max(0.001, ends_at - time.monotonic()))
        except OSError as error:  # TimeoutError is one
            self.process.kill()
            raise Lost from error
        if answer is None:
            raise Lost
        return pickle.loads(answer)  # noqa: S301  (our own process; it has our rights, so we trust it)

    def end(self) -> int:
        """End the process; returns its return code."""
        self._socket.close()
        self.process.kill()
        return self.process.wait()


@dataclass(slots=True)
class _Call:
    """One call; another thread can cancel it at any time."""

    request: bytes
    lock: threading.Lock
    decoder: Decoder | None = None  # during the call
    cancelled: bool = False

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
    """A few processes. Each waiting thread has its own process, so no shared lock can stay locked."""

    def __init__(self, processes: int = PROCESSES, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="decoder")
        self._own = threading.local()
        self._all: set[Decoder] = set()
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
        self._threads.shutdown(cancel_futures=True)
        for decoder in self._all:
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
        call, future = self.submit(function, *args, **named)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            call.cancel()
            raise

    def submit(
        self, function: Callable[Given, Made], *args: Given.args, **named: Given.kwargs
    ) -> tuple[_Call, Future[Made]]:
        """Like `run`, but without waiting."""
        call = _call_of(partial(function, *args, **named))
        return call, self._threads.submit(self._work_on, call)

    def _work_on(self, call: _Call) -> Any:
        code = 0
        for tried in range(1, TRIES + 1):
            decoder = self._decoder()
            try:
                answer = call.on(decoder)
            except Lost:
                code = self._end(decoder)
                if call.cancelled or self._closed:
                    raise CancelledError from None
                if code == -signal.SIGXCPU:
                    raise BrokenPicture(f"an image that takes more than {self.limits.seconds} s to decode") from None
                logger.warning("a decoder died", extra={"code": code, "tried": tried})
                continue
            if answer.trace:
                logger.warning("a picture broke its decoder", extra={"trace": answer.trace})
            if answer.error:
                raise answer.error
            return answer.made
        raise BrokenPicture(f"an image on which its decoder died {TRIES} times ({_in_words(code)})")

    def _decoder(self) -> Decoder:
        """This thread's process."""
        decoder: Decoder | None = getattr(self._own, "decoder", None)
        if decoder is None or decoder.process.poll() is not None:
            if decoder:
                self._end(decoder)
            decoder = self._own.decoder = Decoder(self.limits)
            self._all.add(decoder)
        return decoder

    def _end(self, decoder: Decoder) -> int:
        self._own.decoder = None
        self._all.discard(decoder)
        return decoder.end()


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
