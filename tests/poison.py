"""Pages that kill the process that reads them: what a process of readers runs in tests, in place of `read_batch`."""

import ctypes
import os
import signal
from dataclasses import replace

from collector.pipeline.derive import Derived
from collector.pipeline.pool import Answer, read_batch
from collector.sources.netkeiba.urls import RACE_RESULT
from collector.sources.parsed import Parsed


def killed(batch: list[Answer]) -> list[Derived]:
    """Ended from outside, as by the kernel for want of memory, by each result whose id ends in 0211."""
    if any(_is_poison(answer) for answer in batch):
        os.kill(os.getpid(), signal.SIGKILL)
    return read_batch(batch)


def fault(batch: list[Answer]) -> list[Derived]:
    """A fault in a library."""
    if any(_is_poison(answer) for answer in batch):
        ctypes.string_at(0)
    return read_batch(batch)


def unsendable(batch: list[Answer]) -> list[Derived]:
    """What is read cannot be sent back."""
    return [
        replace(derived, parsed=Parsed((lambda: None,))) if _is_poison(answer) else derived  # pyright: ignore
        for answer, derived in zip(batch, read_batch(batch), strict=True)
    ]


def dead(_: list[Answer]) -> list[Derived]:
    """A process that cannot live at all."""
    os._exit(1)


def _is_poison(answer: Answer) -> bool:
    return answer.page.kind == RACE_RESULT and answer.page.url.endswith("0211/")


def own_pid(_: list[Answer]) -> list[int]:
    """Which process reads."""
    return [os.getpid()]
