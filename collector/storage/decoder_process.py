"""What runs in a decoder's process: one call after another, each within its limits, until the parent is gone."""

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

LENGTH = struct.Struct("!Q")  # of a message, before it
PIECE = 1 << 20  # bytes that are read at once
SIZE = Path("/proc/self/statm")  # its first number: pages of address space, on Linux


class Limits(NamedTuple):
    """What one call may take."""

    seconds: int  # of computing
    memory: int  # bytes, beside what the process has already


class Answer(NamedTuple):
    """What came of a call."""

    made: Any = None
    error: PaddockError | None = None
    trace: str = ""  # of an error of another kind, which is a fault of the library or of ours


def receive(connection: socket.socket, left: Callable[[], float] | None = None) -> bytes | None:
    """A whole message; None where the other side has gone. `left` says how many seconds there still are."""
    found, wanted = bytearray(), LENGTH.size
    while len(found) < wanted:
        if left:
            connection.settimeout(left())
        piece = connection.recv(min(PIECE, wanted - len(found)))
        if not piece:
            return None
        found += piece
        if wanted == LENGTH.size == len(found):
            wanted += LENGTH.unpack(found)[0]
    return bytes(memoryview(found)[LENGTH.size :])


def serve(descriptor: int, limits: tuple[int, int]) -> None:
    """Answer calls that come through an inherited socket, until it is closed."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251  (numpy reads it: no threads for one photo)
    # A parent that ends before it has read an answer is a connection that is reset.
    with socket.socket(fileno=descriptor) as connection, suppress(ConnectionError):
        while (request := receive(connection)) is not None:
            _die_with_the_parent(connection, dies=True)
            answer = _answer(request, Limits(*limits))
            _die_with_the_parent(connection, dies=False)
            message = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
            connection.sendall(LENGTH.pack(len(message)) + message)


def _die_with_the_parent(connection: socket.socket, *, dies: bool) -> None:
    """While a picture is unpacked nobody reads; then the system tells by SIGIO, of which a process dies, that the
    other end is closed. (Where a system ignores SIGIO, the limit of seconds ends it.)
    """
    flags = fcntl.fcntl(connection, fcntl.F_GETFL)
    if not dies:
        fcntl.fcntl(connection, fcntl.F_SETFL, flags & ~os.O_ASYNC)
        return
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, flags | os.O_ASYNC)
    with suppress(BlockingIOError):
        if not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):  # it was closed before
            sys.exit()


def _answer(request: bytes, limits: Limits) -> Answer:
    try:
        call = pickle.loads(request)  # noqa: S301  (from our own parent)
        _set_limits(limits)
        return Answer(call())
    except PaddockError as error:
        return Answer(error=error)
    except MemoryError:
        return Answer(error=BrokenPicture(f"an image that takes more than {limits.memory / 1e9:g} GB to unpack"))
    except Exception as error:  # noqa: BLE001  # the one place that catches everything: the picture trips it, not us
        broken = BrokenPicture(f"an image on which its decoder failed ({error!r})")
        return Answer(error=broken, trace=traceback.format_exc())
    finally:  # what comes between two calls is limited by nothing
        _set_limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
        _set_limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)


def _set_limits(limits: Limits) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Whole seconds, rounded up; at the end of them comes SIGXCPU, of which a process dies.
    _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + limits.seconds)
    if SIZE.exists():
        held = int(SIZE.read_text().split()[0]) * resource.getpagesize()
        _set_limit(resource.RLIMIT_AS, held + limits.memory)


def _set_limit(which: int, soft: int) -> None:
    """Set a limit as far as the administrator's allows."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:  # which is -1
        soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(which, (soft, hard))
