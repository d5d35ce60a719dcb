"""Where the embedded Postgres is: its folder, its socket, its user, its programs, and who may reach it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.errors import UsageError
from collector.storage import programs
from collector.storage.embedded import lease
from collector.storage.programs import Owner, binary
from tests.collector.storage.homes import AS_ROOT, Home, ask, conninfo_of, end, opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Home, str]]:
    """A server that is not killed; the shell that started it had unusual settings."""
    with opened({}) as made:
        client = made.start(LC_ALL="ja_JP.UTF-8", TZ="Asia/Tokyo", PGPORT="5499", PGDATABASE="no", PGDATA="/nowhere")
        yield made, conninfo_of(client)
        end(client)


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


def test_without_any_postgres_the_error_says_what_to_install(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_folders", lambda: iter([home.folder]))
    with pytest.raises(UsageError, match="PADDOCK_DATABASE_URL"), lease(home.folder):
        pass


def test_the_client_programs_are_there() -> None:
    for name in ("psql", "pg_dump", "pg_restore"):
        assert subprocess.run([binary(name), "--version"], capture_output=True).returncode == 0
