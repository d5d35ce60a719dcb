"""What decoders are tested with: calls that take too much, or that their process dies of."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from collector.errors import BrokenPicture
from collector.storage.images import Picture, inspect


def own_pid() -> int:
    """Which process does it."""
    return os.getpid()


def add(one: int, other: int) -> int:
    """A call that works."""
    return one + other


def refuse(reason: str) -> None:
    """A picture that is none."""
    raise BrokenPicture(reason)


def compute_for_ever(mark: Path | None = None) -> None:
    """A decoder that does not end."""
    if mark:
        mark.write_text(str(os.getpid()))
    while True:
        pow(7, 10**7)


def sleep(seconds: float, mark: Path | None = None) -> str:
    """One that waits, and computes nothing."""
    if mark:
        mark.write_text(str(os.getpid()))
    time.sleep(seconds)
    return "slept"


def take_memory(size: int) -> int:
    """A call that takes this number of bytes."""
    return len(bytearray(size))


def die(with_signal: int = signal.SIGKILL) -> None:
    """As if the system wanted its memory back, or the library had crashed."""
    os.kill(os.getpid(), with_signal)
    time.sleep(60)


def die_once(mark: Path) -> str:
    """Killed at its first try."""
    if not mark.exists():
        mark.touch()
        die()
    return "done"


def trip() -> None:
    """A fault of the library's own."""
    raise AssertionError("an inner thing is wrong")


def inspect_for_ever(body: bytes) -> Picture:
    """Never finishes a large picture, like one that is packed in a way not known yet."""
    if len(body) > 500_000:
        compute_for_ever()
    return inspect(body)


def die_of_large_ones(body: bytes) -> Picture:
    """The same, but the system wants the memory back."""
    if len(body) > 500_000:
        die()
    return inspect(body)


def open_for_ever(body: bytes, how: Any, *, show: bool) -> Any:
    """As `trainer serve` opens a photo, but of large ones it finishes none."""
    from trainer.web.pictures import open_photo

    if len(body) > 500_000:
        compute_for_ever()
    return open_photo(body, how, show=show)


def open_asleep(mark: Path, body: bytes, how: Any, *, show: bool) -> Any:
    """The same, but over large ones it falls asleep."""
    from trainer.web.pictures import open_photo

    if len(body) > 500_000:
        sleep(300, mark)
    return open_photo(body, how, show=show)
