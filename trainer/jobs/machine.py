"""This machine: its name, its GPUs, and its slots. A slot is a file lock, so a killed engine gives it back, and a job
that still saves its checkpoint after the engine is gone keeps it until it has ended."""

import shutil
import socket
import subprocess
from pathlib import Path

from trainer.locks import try_lock


def machine_name(home: Path) -> str:
    """How this machine is called among others; each home on it has an engine of its own."""
    return f"{socket.gethostname()}:{home}"


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
