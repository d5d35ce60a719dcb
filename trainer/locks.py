"""Locks on folders and files; the kernel releases a lock when its process ends, even by a kill."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import UsageError


def try_lock(path: Path) -> int | None:
    """Lock a folder or a file; the descriptor, which a child may inherit, or None if another process has the lock.

    A missing file is created.
    """
    if not path.exists():
        path.touch(0o600)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock."""
    descriptor = try_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


@contextmanager
def alone(path: Path, sentence: str) -> Iterator[None]:
    """Hold the lock within the context.

    Raises:
        UsageError: another process holds it; with this sentence.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        raise UsageError(sentence)
    try:
        yield
    finally:
        os.close(descriptor)
