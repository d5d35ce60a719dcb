"""Servers in processes of their own, and what they cost: memory and CPU, as Linux counts them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def server(
    words: Sequence[str], environment: Mapping[str, str] | None = None, cores: set[int] | None = None
) -> Iterator[tuple[str, int]]:
    """A server of this project (`python` and these words), on some of the cores or all: its address and process id."""
    command = [sys.executable, *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment) as process:
        if cores:
            os.sched_setaffinity(process.pid, cores)  # before it has threads
        try:
            assert process.stderr
            said = ""
            while "Ctrl-C" not in said:
                line = process.stderr.readline()
                if not line:
                    sys.exit(said or "the server did not start")
                said += line
            yield re.findall(r"http://\S+", said)[0], process.pid
        finally:
            process.terminate()


def memory(process: int) -> str:
    """MB that a process has now, and has had at most."""
    path = Path(f"/proc/{process}/status")
    if not path.exists():
        return "-"
    held = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", path.read_text()))
    return f"{int(held['VmRSS']) // 1024} ({int(held['VmHWM']) // 1024})"


def cpu(process: int, *, ended: bool = False) -> float:
    """Seconds of CPU that a process has used, and with `ended` what its children had when they ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if ended else 13])) / os.sysconf("SC_CLK_TCK")


def busy() -> float:
    """Seconds that the cores of this machine have been busy, all together, or taken by other machines on its host."""
    user, nice, system, _idle, _waiting, irq, softirq, stolen = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Postgres:
    """The embedded Postgres of a home."""

    home: Path

    def processes(self) -> list[int]:
        """Its processes, the one first that all others come from."""
        first = int((self.home / "postgres/data/postmaster.pid").read_text().split()[0])
        return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        first, *others = self.processes()
        return cpu(first, ended=True) + sum(map(cpu, others))

    def move(self, cores: set[int]) -> None:
        """Put it on these cores."""
        for process in self.processes():
            os.sched_setaffinity(process, cores)
