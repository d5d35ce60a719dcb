"""How often the final test of a data set version was opened. Each look at it makes the next one prove less."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.dataset.manifest import Version
from trainer.directories import for_us_alone
from trainer.locks import try_lock
from trainer.runs.runs import now

WAIT = 0.02  # seconds until another process's line is written


@dataclass(frozen=True, slots=True)
class Opening:
    """One look at the final test."""

    answers: str  # the run, or the file of answers
    verdict: str
    r2: float
    photos: int
    horses: int


def ledger_of(version: Version) -> Path:
    """The file beside a version's folder, so that it outlives an export of the same version."""
    return version.folder.with_name(f"{version.name}.test.jsonl")


def times_opened(version: Version) -> int:
    """How often the final test was opened."""
    path = ledger_of(version)
    return sum(bool(line.strip()) for line in path.read_text().splitlines()) if path.exists() else 0


def note_opening(version: Version, opening: Opening) -> int:
    """Add a line, which is never changed; returns how often the test was opened, with this time."""
    path = ledger_of(version)
    while (lock := try_lock(path)) is None:
        time.sleep(WAIT)
    try:
        with open(path, "a+b", opener=for_us_alone) as file:
            # A process that was killed may have left half a line.
            size = path.stat().st_size
            unfinished = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
            line = json.dumps({"time": now()} | asdict(opening), ensure_ascii=False)
            file.write(f"{chr(10) * unfinished}{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        return times_opened(version)
    finally:
        os.close(lock)
