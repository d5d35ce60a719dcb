"""Commands of `trainer` as forks of one process that has torch and the rest imported: seconds of computing, only once.

All test processes share it: the first that asks begins it, and it ends when it is connected with none of them.
"""

import fcntl
import gc
import multiprocessing
import os
import pkgutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import trainer
from tests.paths import ROOT

# What `trainer` imports late besides its own modules, which costs most of the seconds of a command that trains.
LATE = (
    "torch._dynamo", "matplotlib.pyplot", "rich.progress", "rich.table", "scipy.sparse.csgraph", "scipy.stats",
    "sklearn.decomposition", "sklearn.model_selection", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.svm",
)  # fmt: skip


@dataclass
class Fork:
    """A fork of that process."""

    pid: int
    _asked: Connection
    code: int | None = None  # its exit code, negative of a signal; None of one whose end nobody has waited for

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        if self.code is None:
            self.code = self._asked.recv()
        assert self.code is not None
        return self.code


@contextmanager
def forked_with_torch(function: Callable[..., None], *given: object) -> Iterator[Fork]:
    """Run a function in a fork of that process, which is killed if it has not ended with the block."""
    _held()
    with _connect() as asked:
        asked.send((function, given))
        fork = Fork(asked.recv(), asked)
        try:
            yield fork
        finally:
            if fork.code is None:
                os.kill(fork.pid, signal.SIGKILL)
                fork.wait()


def _place() -> Path:
    """Where it listens: in the folder that all test processes share."""
    return Path(tempfile.gettempdir()) / "forks"


def _connect() -> Connection:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(_place()))
        return Connection(asking.detach())


@cache
def _held() -> Connection:
    """A connection that keeps it alive as long as this process; it is begun if it is not there."""
    with _place().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(OSError):
            return _connect()
        words = [sys.executable, "-c", "from tests.forks import serve; serve()"]
        # Not by `subprocess`, which would complain that nothing waits for it: it may outlive this process.
        pid = os.posix_spawn(sys.executable, words, os.environ | {"PYTHONPATH": str(ROOT)})  # noqa: TID251
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            with suppress(OSError):
                return _connect()
            time.sleep(0.02)
    raise AssertionError("the process with torch has ended")


def serve() -> None:
    """Import what commands need, and run each that is asked for in a fork: its id at once, its exit code at its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the test processes, which then end this one
    modules = (module.name for module in pkgutil.walk_packages(trainer.__path__, "trainer."))
    for name in (*modules, *LATE):
        if not name.endswith("__main__"):
            import_module(name)
    gc.freeze()
    _place().unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(_place()))
        listening.listen()
        _answer(listening)


def _answer(listening: socket.socket) -> None:
    clients = {Connection(listening.accept()[0].detach())}
    running: dict[int, tuple[ForkProcess, Connection]] = {}
    while clients:
        for ready in wait([listening, *clients, *running]):
            if ready is listening:
                clients.add(Connection(listening.accept()[0].detach()))
            elif isinstance(ready, int):
                process, client = running.pop(ready)
                process.join()
                with suppress(OSError):
                    client.send(process.exitcode)
            elif isinstance(ready, Connection):
                try:
                    process = _begun(*ready.recv())
                    running[process.sentinel] = process, ready
                    ready.send(process.pid)
                except (EOFError, OSError):
                    ready.close()
                    clients.discard(ready)


def _begun(function: Callable[..., None], given: tuple[Any, ...]) -> ForkProcess:
    process = multiprocessing.get_context("fork").Process(target=_run, args=(function, given))
    process.start()
    return process


def _run(function: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_start_method(None, force=True)  # pyright: ignore[reportArgumentType]  (what it is by default)
    tempfile.tempdir = None  # likewise
    function(*given)
