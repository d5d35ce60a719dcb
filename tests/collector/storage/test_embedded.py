"""The real embedded Postgres, used by many processes that may be killed at any moment."""

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
import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.errors import UsageError
from collector.storage import database, embedded, programs
from collector.storage.embedded import lease
from collector.storage.programs import Owner, binary
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

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


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


@pytest.fixture
def home() -> Iterator[Home]:
    with opened({}) as made:
        yield made


@pytest.fixture(scope="module")
def stopped() -> Iterator[Home]:
    """A folder whose server has been used and stopped; to be copied or started again."""
    with opened({}) as made:
        with lease(made.folder, fast_and_unsafe=True):
            pass
        yield made


@pytest.fixture
def used(stopped: Home, home: Home) -> Home:
    """A folder whose database was made before."""
    subprocess.run(["cp", "-a", stopped.folder, home.folder], check=True)
    return home


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Home, str]]:
    """A server that is not killed; the shell that started it had unusual settings."""
    with opened({}) as made:
        client = made.start(LC_ALL="ja_JP.UTF-8", TZ="Asia/Tokyo", PGPORT="5499", PGDATABASE="no", PGDATA="/nowhere")
        yield made, conninfo_of(client)
        end(client)


@pytest.fixture(params=["this user", "an ordinary user"])
def anyones(request: pytest.FixtureRequest) -> Iterator[Home]:
    """A folder of the user that runs the tests; for root also a folder of an ordinary user."""
    ordinary = request.param == "an ordinary user"
    if ordinary and not AS_ROOT:
        pytest.skip("this user is an ordinary one")
    with opened(NOBODY if ordinary else {}) as made:
        if ordinary:
            made.python = next(filter(_works_for_user_nobody, (sys.executable, "/usr/bin/python3")), "")
            if not made.python:
                pytest.skip("the user nobody cannot reach this checkout, or no Python that fits it")
        yield made


PATHS = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def _works_for_user_nobody(python: str) -> bool:
    look = [python, "-B", "-c", "import collector.storage.embedded"]
    with contextlib.suppress(OSError):
        return not subprocess.run(look, cwd="/", capture_output=True, env=PATHS, **NOBODY).returncode
    return False


def test_three_that_start_at_once_share_a_server_and_the_last_stops_it(anyones: Home) -> None:
    clients = [anyones.start() for _ in range(3)]
    answers = {ask(conninfo_of(client), "SELECT pg_postmaster_start_time()") for client in clients}
    assert len(answers) == 1
    server = anyones.server()
    end(clients[0])
    end(clients[1])
    assert exists(server)
    end(clients[2])
    assert not exists(server)


def test_after_a_killed_client_the_next_one_joins_and_stops_the_server(anyones: Home) -> None:
    first = anyones.start()
    conninfo_of(first)
    server = anyones.server()
    kill(first)
    assert exists(server)
    second = anyones.start()
    conninfo_of(second)
    assert anyones.server() == server
    end(second)
    assert not exists(server)


def test_what_was_committed_is_there_after_client_and_server_were_killed(anyones: Home) -> None:
    client = anyones.start()
    with psycopg.connect(conninfo_of(client)) as connection:
        connection.execute("SET synchronous_commit = on")  # as it is outside the tests
        connection.execute("CREATE TABLE horse AS SELECT generate_series(1, 1000)")
    os.kill(anyones.server(), signal.SIGKILL)
    kill(client)
    client = anyones.start()
    assert ask(conninfo_of(client), "SELECT count(*) FROM horse") == 1000
    end(client)
    assert anyones.is_stopped()


def test_a_busy_backend_of_a_killed_server_delays_the_next_start_only(used: Home) -> None:
    client = used.start()
    conninfo = conninfo_of(client)
    with contextlib.closing(psycopg.connect(conninfo, autocommit=True)) as busy:
        backend = busy.info.backend_pid
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 15000000) a, generate_series(1, 2) b")
        os.kill(backend, signal.SIGSTOP)  # it does not notice that its server is gone
        os.kill(used.server(), signal.SIGKILL)
        kill(client)
        second = used.start()
        time.sleep(0.6)
        assert second.poll() is None
        os.kill(backend, signal.SIGKILL)
        assert ask(conninfo_of(second), "SELECT 1") == 1
        end(second)


@pytest.mark.parametrize("content", ["{mine}\n", ""])
def test_a_pid_file_that_names_another_process_or_none_is_not_in_the_way(used: Home, content: str) -> None:
    client = used.start()
    conninfo_of(client)
    os.kill(used.server(), signal.SIGKILL)
    kill(client)
    content = content.format(mine=os.getpid())
    for file in (used.data / "postmaster.pid", used.folder / "socket" / ".s.PGSQL.5432.lock"):
        rest = file.read_text().partition("\n")[2] if content.startswith(str(os.getpid())) else ""
        file.write_text(content + rest)
    client = used.start()
    assert ask(conninfo_of(client), "SELECT 1") == 1
    end(client)


def test_the_last_user_of_a_killed_server_ends_no_other_process(used: Home) -> None:
    client = used.start()
    conninfo_of(client)
    os.kill(used.server(), signal.SIGKILL)
    owner = used.data.stat().st_uid
    switch: dict[str, Any] = {"user": owner} if os.geteuid() == 0 else {}  # pg_ctl may send it a signal
    with subprocess.Popen(["sleep", "60"], cwd="/", **switch) as stranger:
        file = used.data / "postmaster.pid"
        file.write_text(f"{stranger.pid}\n{file.read_text().partition(chr(10))[2]}")
        end(client)
        time.sleep(0.2)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize(
    ("found", "all_of_them"),
    [
        (".new-*/PG_VERSION", False),
        (".new-*/base/1/*", True),
        ("data/PG_VERSION", True),
        ("data/postmaster.pid", False),
        ("data/postmaster.pid", True),
    ],
)
def test_a_first_start_that_is_killed_anywhere_can_be_repeated(home: Home, found: str, all_of_them: bool) -> None:
    client = home.start()
    wait_for(lambda: any(home.folder.glob(found)))
    kill(client)
    if all_of_them:
        for process in home.everything():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    client = home.start()
    assert ask(conninfo_of(client), "SELECT 1") == 1
    end(client)
    assert home.is_stopped()


def test_a_client_that_is_killed_while_it_stops_the_server_is_waited_for(used: Home) -> None:
    client = used.start()
    with psycopg.connect(conninfo_of(client), autocommit=True) as connection:
        # Something to write, so that stopping takes a moment.
        connection.execute("CREATE TABLE heavy AS SELECT repeat('x', 500) FROM generate_series(1, 100000)")
    assert client.stdin
    client.stdin.close()
    client.stdin = None  # so that `communicate` does not close it again
    time.sleep(0.03)
    client.kill()
    client.wait()
    client = used.start()
    assert ask(conninfo_of(client), "SELECT count(*) FROM heavy") == 100000
    end(client)


def test_ctrl_c_ends_the_client_and_not_the_server(used: Home) -> None:
    first, second = used.start(), used.start()
    conninfo_of(first)
    with psycopg.connect(conninfo_of(second), autocommit=True) as connection:
        os.killpg(first.pid, signal.SIGINT)
        first.communicate(timeout=20)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    end(second)
    assert used.is_stopped()


def test_only_a_unix_socket_in_a_private_folder_is_open(running: tuple[Home, str]) -> None:
    home, conninfo = running
    host = Path(str(conninfo_to_dict(conninfo)["host"]))
    assert ask(conninfo, "SHOW listen_addresses") == ""
    assert host.stat().st_mode & 0o777 == 0o700
    assert [entry for entry in _sockets_of(home.server()) if entry != "unix"] == []
    rules = [line.split() for line in (home.data / "pg_hba.conf").read_text().splitlines() if line[:1] not in "#"]
    assert {rule[-1] for rule in rules if rule and rule[0].startswith("host")} == {"reject"}


def _sockets_of(process: int) -> set[str]:
    """The kinds of the sockets that a process holds, by the tables of its network."""
    names = {str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()}
    inodes = {name[8:-1] for name in names if name.startswith("socket:[")}
    kinds = set()
    for kind in ("tcp", "tcp6", "udp", "udp6", "unix"):
        for line in Path(f"/proc/{process}/net/{kind}").read_text().splitlines()[1:]:
            if inodes & set(line.split()):
                kinds.add(kind)
    return kinds


def test_no_lock_is_inherited_by_the_server(running: tuple[Home, str]) -> None:
    names = {link.readlink().name for link in Path(f"/proc/{running[0].server()}/fd").iterdir()}
    assert not names & {"lock", "users"}


def test_the_locale_and_postgres_variables_of_the_shell_are_ignored(running: tuple[Home, str]) -> None:
    query = "SELECT current_database() || datlocale || datctype FROM pg_database WHERE datname = current_database()"
    assert ask(running[1], query) == "paddockC.UTF-8C.UTF-8"


@pytest.mark.parametrize("name", ["with, a 'comma' and #", "馬" * 60, "x" * 120], ids=["odd", "Japanese", "long"])
def test_any_folder_name_works(name: str) -> None:
    with opened({}, name) as home:
        with lease(home.folder, fast_and_unsafe=True) as conninfo:
            assert ask(conninfo, "SELECT 1") == 1
            folder = Path(str(conninfo_to_dict(conninfo)["host"]))
            assert folder.stat().st_mode & 0o777 == 0o700
        assert not folder.exists()


def test_a_folder_whose_name_has_a_meaning_for_the_shell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="set PADDOCK_HOME"), lease(tmp_path / "$HOME"):
        pass


def test_two_names_of_one_folder_are_one_server(used: Home) -> None:
    link = used.folder.with_name("link")
    with lease(used.folder, fast_and_unsafe=True) as one:
        link.symlink_to(used.folder)
        with lease(link) as other:
            assert one == other
        assert ask(one, "SELECT 1") == 1
    assert used.is_stopped()


def test_a_socket_folder_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened({}, "x" * 120) as home:
        server = Owner.find(home.data)
        with lease(home.folder, fast_and_unsafe=True) as conninfo:
            folder = Path(str(conninfo_to_dict(conninfo)["host"]))
        assert f"paddock-{server.uid}-" in folder.name
        folder.symlink_to(home.folder)
        try:
            with pytest.raises(UsageError, match="belongs to another user"), lease(home.folder):
                pass
        finally:
            folder.unlink()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be used for the embedded database"), lease(tmp_path / "file" / "pg"):
        pass


@pytest.mark.skipif(not AS_ROOT, reason="only root runs Postgres as another user")
def test_a_folder_that_the_other_user_cannot_reach_is_a_sentence(home: Home) -> None:
    home.folder.mkdir(mode=0o700)
    with pytest.raises(UsageError, match="set PADDOCK_HOME to a folder that all users may enter"), lease(home.folder):
        pass
    assert home.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="only root runs Postgres as another user")
def test_a_program_that_the_other_user_cannot_reach_is_copied_once(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = binary("initdb").parent.parent.parent
    tmp_path.chmod(0o700)
    for source in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, tmp_path / source.relative_to(package.parent))
    for path in tmp_path.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(programs, "_folders", lambda: iter([tmp_path / package.name / "pginstall" / "bin"]))
    old = home.folder / "program-of-an-older-version"
    old.mkdir(parents=True)
    home.folder.chmod(0o711)
    for _ in range(2):
        with lease(home.folder, fast_and_unsafe=True) as conninfo:
            assert ask(conninfo, "SELECT 1") == 1
            (copy,) = home.folder.glob("program-*")
            assert os.fsencode(copy) in Path(f"/proc/{home.server()}/cmdline").read_bytes()


def test_data_of_another_major_version_are_left_alone(used: Home) -> None:
    (used.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(UsageError, match="made by Postgres 15, this is Postgres"), lease(used.folder):
        pass


def test_a_server_that_will_not_start_says_why(used: Home) -> None:
    with (used.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(UsageError, match=r"cannot be started: .*configuration file"), lease(used.folder):
        pass


def test_without_any_postgres_the_error_says_what_to_install(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_folders", lambda: iter([home.folder]))
    with pytest.raises(UsageError, match="PADDOCK_DATABASE_URL"), lease(home.folder):
        pass


def test_the_client_programs_are_there() -> None:
    for name in ("psql", "pg_dump", "pg_restore"):
        assert subprocess.run([binary(name), "--version"], capture_output=True).returncode == 0


def kill_server(home: Home) -> None:
    """Kill it like the kernel does when memory runs out."""
    os.kill(home.server(), signal.SIGKILL)
    wait_for(lambda: not embedded.is_alive(home.data))


def test_a_process_that_uses_the_server_restarts_it_when_it_died(used: Home) -> None:
    with database.opened(None, used.folder.parent, check_revision=False) as conninfo:
        for _ in range(2):
            before = used.server()
            kill_server(used)
            wait_for(lambda: used.data.joinpath("postmaster.pid").exists() and can_connect(conninfo), 30)
            assert used.server() != before
    assert used.is_stopped()


def can_connect(conninfo: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        return ask(conninfo, "SELECT 1") == 1
    return False


def test_a_command_whose_server_cannot_be_started_again_says_why(used: Home) -> None:
    version = used.data / "PG_VERSION"
    held = version.read_text()

    def use_a_server_that_dies() -> None:
        with database.opened(None, used.folder.parent, check_revision=False) as conninfo:
            version.write_text("9\n")
            kill_server(used)
            time.sleep(3)  # meanwhile it is tried
            ask(conninfo, "SELECT 1")

    try:
        with pytest.raises(UsageError, match="was made by Postgres 9, this is"):
            use_a_server_that_dies()
    finally:
        version.write_text(held)
