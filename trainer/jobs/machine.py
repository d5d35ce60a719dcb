"""This machine: its name, its GPUs, and its slots.

Machines of one host name and one path of the home are told apart: that which the database has met first keeps the name,
and each other one has a mark behind it, which it keeps in its home. So none takes what another was to run at its own.

A slot is a file lock, so a killed engine gives it back, and a job
that still saves its checkpoint after the engine is gone keeps it until it has ended.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from trainer.locks import try_lock
from trainer.places import Places

MARK = "engine.id"
MEET: LiteralString = """
INSERT INTO machine AS met (name, gpus, slots, fleet, working, mark) VALUES (%s, '{}', 0, false, false, %s)
ON CONFLICT (name) DO UPDATE SET mark = COALESCE(met.mark, excluded.mark) RETURNING mark
"""


def machine_name(connection: psycopg.Connection[Any], home: Path) -> str:
    """How this machine is called among others; each home on it has an engine of its own."""
    name, mark = plain_name(home), _mark(home)
    met = connection.execute(MEET, (name, mark)).fetchone()
    return name if met == (mark,) else f"{name} ({mark})"


def plain_name(home: Path) -> str:
    """How this machine is called as long as no other one is called so, whichever way leads to its home."""
    return f"{socket.gethostname()}:{home.resolve()}"


def _mark(home: Path) -> str:
    """What tells this machine from others of its name; whichever process is the first makes it."""
    path = Places(home).jobs / MARK
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mark = secrets.token_hex(4)
        part = path.with_name(f"{MARK}.{mark}.part")
        part.write_text(mark)
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
    return path.read_text()


def list_gpus() -> list[str]:
    """The names of the NVIDIA GPUs here, as the driver tells them; torch is not asked, which would take seconds."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        asked = [program, "--query-gpu=name", "--format=csv,noheader"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in told.stdout.splitlines() if line.strip()] if told.returncode == 0 else []


class Slots:
    """The slots of one kind on this machine: gpu-0, gpu-1, ... or cpu-0, ..."""

    def __init__(self, folder: Path, kind: str, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [folder / f"{kind}-{number}" for number in range(count)]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._paths)

    def take_free(self) -> dict[int, int]:
        """All that are free just now: their numbers, and the descriptors that hold them. Nobody is waited for."""
        found = {number: try_lock(path) for number, path in enumerate(self._paths)}
        return {number: descriptor for number, descriptor in found.items() if descriptor is not None}
