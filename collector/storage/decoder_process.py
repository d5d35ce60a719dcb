"""The code in a decoder's process: it answers one call after another, within limits, until the parent ends."""

import fcntl
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from collector.errors import BrokenPicture, PaddockError

LENGTH = struct.Struct("!Q")  # the length of a message, sent before it
PIECE = 1 << 16  # bytes that are read at once
SIZE = Path("/proc/self/statm")  # on Linux; the first number is pages of address space


class Limits(NamedTuple):
    """The limits of one call."""

    seconds: int  # of CPU time
    memory: int  # bytes, in addition to the memory that the process has already


class Answer(NamedTuple):
    """The result of a call."""

    made: Any = None
    error: PaddockError | None = None
    trace: str = ""  # of another error, which is a bug in the library or in our code


def receive(connection: socket.socket, left: Callable[[], float] | None = None) -> bytes | None:
    """A whole message; None where the other side has closed. `left` returns the remaining seconds."""
    found, expected = bytearray(), LENGTH.size
    while len(found) < expected:
        if left:
            connection.settimeout(left())
        piece = connection.recv(min(PIECE, expected - len(found)))
        if not piece:
            return None
        found += piece
        if expected == LENGTH.size == len(found):
            expected += LENGTH.unpack(found)[0]
    return bytes(memoryview(found)[LENGTH.size :])


def serve(descriptor: int, limits: tuple[int, int]) -> None:
    """Answer calls from an inherited socket, until it is closed."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251  (numpy reads it: no threads for one photo)
    # If the parent ends before it has read an answer, the connection is reset.
    with socket.socket(fileno=descriptor) as connection, suppress(ConnectionError):
        while (request := receive(connection)) is not None:
            _die_with_the_parent(connection, dies=True)
            answer = _answer(request, Limits(*limits))
            _die_with_the_parent(connection, dies=False)
            message = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
            connection.sendall(LENGTH.pack(len(message)) + message)


def _die_with_the_parent(connection: socket.socket, *, dies: bool) -> None:
    """Switch on, or off, that this process dies when the parent closes the socket. During a call it does not read the
    socket, so the system must send SIGIO, which ends it. (Where a system ignores SIGIO, the time limit ends it.)
    """
    flags = fcntl.fcntl(connection, fcntl.F_GETFL)
    if not dies:
        fcntl.fcntl(connection, fcntl.F_SETFL, flags & ~os.O_ASYNC)
        return
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, flags | os.O_ASYNC)
    with suppress(BlockingIOError):
        if not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):  # already closed
            sys.exit()


def _answer(request: bytes, limits: Limits) -> Answer:
    try:
        call = pickle.loads(request)  # noqa: S301  (from our own parent)
        _set_limits(limits)
        return Answer(call())
    except PaddockError as error:
        return Answer(error=error)
    except MemoryError:
        return Answer(error=BrokenPicture(f"an image that takes more than {limits.memory / 1e9:g} GB to decode"))
    except Exception as error:  # noqa: BLE001  # catch everything: the picture is broken, not our code
        broken = BrokenPicture(f"an image on which its decoder failed ({error!r})")
        return Answer(error=broken, trace=traceback.format_exc())
    finally:  # no limits between two calls
        _set_limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
        _set_limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)


def _set_limits(limits: Limits) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Whole seconds, rounded up; then SIGXCPU ends the process.
    _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + limits.seconds)
    if SIZE.exists():
        used_memory = int(SIZE.read_text().split()[0]) * resource.getpagesize()
        _set_limit(resource.RLIMIT_AS, used_memory + limits.memory)


def _set_limit(which: int, soft: int) -> None:
    """Set a limit, but not above the administrator's."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:  # RLIM_INFINITY is -1
        soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(which, (soft, hard))
