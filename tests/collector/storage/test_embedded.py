"""The real embedded Postgres, used by many processes that may be killed at any moment."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import psycopg.conninfo
import pytest

from collector.errors import UsageError
from collector.storage import database, embedded
from collector.storage.embedded import lease
from tests.collector.storage.homes import (
    AS_ROOT,
    NOBODY,
    PATHS,
    Home,
    ask,
    conninfo_of,
    end,
    exists,
    kill,
    opened,
    wait_for,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


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


def test_two_names_of_one_folder_are_one_server(used: Home) -> None:
    link = used.folder.with_name("link")
    with lease(used.folder, fast_and_unsafe=True) as one:
        link.symlink_to(used.folder)
        with lease(link) as other:
            assert one == other
        assert ask(one, "SELECT 1") == 1
    assert used.is_stopped()


def test_data_of_another_major_version_are_left_alone(used: Home) -> None:
    (used.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(UsageError, match="made by Postgres 15, this is Postgres"), lease(used.folder):
        pass


def test_a_server_that_will_not_start_says_why(used: Home) -> None:
    with (used.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(UsageError, match=r"cannot be started: .*configuration file"), lease(used.folder):
        pass


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
