"""A folder that only one process may work in; the kernel lets others in when that process ends, however it does."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import UsageError


def try_lock(path: Path) -> int | None:
    """An exclusive lock on a folder or a file as a descriptor; None where somebody has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether somebody is at work there."""
    descriptor = try_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


@contextmanager
def alone(path: Path, sentence: str) -> Iterator[None]:
    """Keep others out for as long as the context lasts.

    Raises:
        UsageError: somebody is at work there; the sentence says so.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        raise UsageError(sentence)
    try:
        yield
    finally:
        os.close(descriptor)
