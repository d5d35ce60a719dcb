"""Folders of an embedded database, and the processes that use it."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import psycopg.conninfo

from tests.paths import ROOT

AS_ROOT = os.geteuid() == 0
NOBODY = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if AS_ROOT else {}
CLIENT = """
import sys
from pathlib import Path
from collector.storage.embedded import lease
with lease(Path(sys.argv[1]), fast_and_unsafe=True) as conninfo:
    print(conninfo, flush=True)
    sys.stdin.read()
"""


@dataclass
class Home:
    """A folder for a database, and the processes that use it, as one user."""

    folder: Path
    user: dict[str, Any]
    python: str = sys.executable
    clients: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """A process that takes a lease and keeps it until its standard input ends."""
        client = subprocess.Popen(
            [self.python, "-B", "-c", CLIENT, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**PATHS, **environment},
            start_new_session=True,
            **self.user,
        )
        self.clients.append(client)
        return client

    def server(self) -> int:
        """The server's process id."""
        return int((self.data / "postmaster.pid").read_text().split("\n")[0])

    def is_stopped(self) -> bool:
        return not (self.data / "postmaster.pid").exists()

    def everything(self) -> list[int]:
        """All processes that have this folder in their command line."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.fsencode(self.folder) in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
        return found


def conninfo_of(client: subprocess.Popen[str]) -> str:
    assert client.stdout
    assert client.stderr
    line = client.stdout.readline().strip()
    assert line, client.stderr.read()
    return line


def end(client: subprocess.Popen[str]) -> None:
    _, said = client.communicate(timeout=20)
    assert client.returncode == 0, said


def kill(client: subprocess.Popen[str]) -> None:
    client.kill()
    client.communicate(timeout=20)


def wait_for(fact: Callable[[], object], seconds: float = 10.0) -> None:
    give_up_at = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.005)


def exists(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def ask(conninfo: str, query: str) -> Any:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row and row[0]


@contextlib.contextmanager
def opened(user: dict[str, Any], name: str = "postgres") -> Iterator[Home]:
    above = Path(tempfile.mkdtemp(prefix="paddock-embedded-"))
    above.chmod(0o711)
    if user:
        shutil.chown(above, user["user"], user["group"])
    home = Home(above / name, user)
    try:
        yield home
    finally:
        for client in home.clients:
            if client.poll() is None:
                client.kill()
            client.communicate()
        for process in home.everything():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(above, ignore_errors=True)


PATHS = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
