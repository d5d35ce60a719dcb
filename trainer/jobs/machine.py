"""This machine: its name, its GPUs, and its slots.

Two machines may have the same host name and the same path of the home. The first one that the database has seen gets
the plain name; each other one adds a mark, which is stored in its home. So none takes the jobs of another.

A slot is a file lock: a killed engine releases it, and a job that still saves its checkpoint then keeps it until it
ends.
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

from trainer.directories import Directories
from trainer.locks import try_lock

MARK = "engine.id"
REGISTER: LiteralString = """
INSERT INTO machine AS met (name, gpus, slots, fleet, working, mark) VALUES (%s, '{}', 0, false, false, %s)
ON CONFLICT (name) DO UPDATE SET mark = COALESCE(met.mark, excluded.mark) RETURNING mark
"""


def machine_name(connection: psycopg.Connection[Any], home: Path) -> str:
    """The unique name of this machine and home; each home has its own engine."""
    name, mark = plain_name(home), _mark(home)
    registered = connection.execute(REGISTER, (name, mark)).fetchone()
    return name if registered == (mark,) else f"{name} ({mark})"


def plain_name(home: Path) -> str:
    """The name of this machine and home if no other machine has the same; links in the path are resolved."""
    return f"{socket.gethostname()}:{home.resolve()}"


def _mark(home: Path) -> str:
    """The mark that distinguishes this machine from others of its name; the first process that asks creates it."""
    path = Directories(home).jobs / MARK
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
    """The names of the NVIDIA GPUs here, by `nvidia-smi`: importing torch would take seconds."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        query = [program, "--query-gpu=name", "--format=csv,noheader"]
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.strip()] if listed.returncode == 0 else []


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
        """Take all slots that are free now, without waiting: their numbers, and the descriptors that hold them."""
        found = {number: try_lock(path) for number, path in enumerate(self._paths)}
        return {number: descriptor for number, descriptor in found.items() if descriptor is not None}
