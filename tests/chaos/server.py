"""A Postgres of a test's own, to be restarted, killed, frozen, filled and cut off: by signals, as pg_ctl does it."""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from collector.storage import database
from collector.storage.embedded import lease

FAST, IMMEDIATE, KILLED = signal.SIGINT, signal.SIGQUIT, signal.SIGKILL  # how a postmaster is made to stop
OURS = "strikes"  # the application name by which the sessions of those who strike are spared
CUT = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> %(ours)s
    AND (%(name)s::text IS NULL OR application_name = %(name)s) ORDER BY random() LIMIT %(most)s) AS session
"""
# Only a power cut needs what these cost; a kill of every process does not.
SETTINGS = ("fsync = off", "full_page_writes = off")


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


class Server:
    """A running Postgres with every commit on its way to the disk, and the ways in which it can fail its users."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._leases = ExitStack()
        self.conninfo = ""

    def start(self) -> None:
        """Start it, also after a kill; waits until it takes connections."""
        self.conninfo = database.conninfo_for(self._leases.enter_context(lease(self._folder)))

    def prepare(self) -> None:
        """Fill it with our tables."""
        with self.connect() as connection:
            for setting in SETTINGS:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")
        database.upgrade(self.conninfo)

    def close(self) -> None:
        """Stop it."""
        self._leases.close()

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split("\n")[0])

    @property
    def is_up(self) -> bool:
        """Whether it takes connections."""
        return PGconn.ping(self.conninfo.encode()) == Ping.OK

    def connect(self, name: str = OURS) -> psycopg.Connection:
        """A session that no strike cuts."""
        return psycopg.connect(make_conninfo(self.conninfo, application_name=name), autocommit=True)

    async def restart(self, how: signal.Signals, down: float = 0.0) -> None:
        """Stop it (`pg_ctl stop -m fast`, `-m immediate`, or `kill -9`), and start it again `down` seconds later."""
        pid = self.pid
        os.kill(pid, how)
        while not _is_gone(pid):  # noqa: ASYNC110  (a process has no event)
            await asyncio.sleep(0.01)
        await asyncio.sleep(down)
        await asyncio.to_thread(self.start)

    async def freeze(self, seconds: float) -> None:
        """Stop the clock of all its processes, and start it again."""
        frozen = [self.pid, *_children(self.pid)]
        try:
            for pid in frozen:
                _send(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
        finally:
            for pid in frozen:
                _send(pid, signal.SIGCONT)

    def cut(self, name: str | None = None, most: int | None = None) -> int:
        """End sessions: all, those of one application name, at most `most` of them; returns how many."""
        with self.connect() as connection:
            return connection.execute(CUT, {"ours": OURS, "name": name, "most": most}).rowcount

    async def fill(self, seconds: float) -> None:
        """Take every connection there is, cut off every other session, and give none back for this time."""
        ends_at = time.monotonic() + seconds
        with ExitStack() as taken:
            first = taken.enter_context(self.connect())
            while time.monotonic() < ends_at:
                try:
                    taken.enter_context(self.connect())
                except psycopg.OperationalError:  # there are no more
                    first.execute(CUT, {"ours": OURS, "name": None, "most": None})
                    await asyncio.sleep(0.02)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leave not one byte of room beside it."""
        filler = self._folder / "filler"
        try:
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(65536))
            yield
        finally:
            filler.unlink()


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _prepared() -> Path:
    """A migrated cluster that is stopped, to be copied; the first test process that wants one makes it for all."""
    folder = Path(tempfile.gettempdir()) / "paddock-chaos-prepared"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = folder.with_suffix(".part")
            server = Server(part)
            server.start()
            server.prepare()
            server.close()
            part.rename(folder)
    return folder


@contextmanager
def server_of_its_own(within: Path | None = None) -> Iterator[Server]:
    """A running, migrated Postgres in a folder that another user can reach: Postgres does not run as root."""
    with tempfile.TemporaryDirectory(prefix="paddock-chaos-", dir=within, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        subprocess.run(["cp", "-a", _prepared(), Path(folder) / "postgres"], check=True)
        server = Server(Path(folder) / "postgres")
        try:
            server.start()
            yield server
        finally:
            server.close()
