"""What a shell, a terminal and a disk do to a command: shown as far as it goes, one sentence, an exit code."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from collector.errors import UsageError
from collector.settings import load_settings
from tests.collector.cli.test_cli import COMMAND, environment
from tests.databases import filled_once
from tests.filled import execute, fill

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
RUN = " ".join(f"'{word}'" for word in COMMAND)


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Japanese and Western terminals as they were before UTF-8."""
    folder = tmp_path_factory.mktemp("locales")
    for language, charset, name in (("ja_JP", "EUC-JP", "ja_JP.eucjp"), ("en_US", "ISO-8859-1", "en_US.iso88591")):
        if not shutil.which("localedef"):
            pytest.skip("no locales can be made here")
        subprocess.run(["localedef", "-c", "-i", language, "-f", charset, folder / name], capture_output=True)
        if not (folder / name).exists():
            pytest.skip(f"no {name} can be made here")
    return folder


@pytest.fixture
def template(request: pytest.FixtureRequest, template: str, cluster: str) -> str:
    """A world, for the tests that ask for a horse."""
    return filled_once(cluster, "template_filled", fill) if "horse" in request.fixturenames else template


@pytest.fixture
def horse(conninfo: str) -> tuple[str, str]:
    """A horse's id and its name, in a database of its own."""
    ((horse_id, name),) = execute(conninfo, "SELECT horse_id, name FROM horse ORDER BY horse_id LIMIT 1")
    return horse_id, name


def run(words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *words], env=env, capture_output=True)


@pytest.mark.parametrize(
    ("terminal", "encoding"),
    [
        ({"LC_ALL": "ja_JP.eucjp"}, "euc_jp"),
        ({"LC_ALL": "en_US.iso88591"}, "latin-1"),
        (ASCII, "ascii"),
        ({"PYTHONIOENCODING": "ascii"}, "ascii"),
    ],
)
def test_a_terminal_shows_what_it_can_and_json_loses_nothing(
    conninfo: str, horse: tuple[str, str], locales: Path, terminal: dict[str, str], encoding: str
) -> None:
    env = environment(conninfo, LOCPATH=str(locales)) | terminal
    horse_id, name = horse
    shown = run(["horse", horse_id], env)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert name.encode(encoding, errors="replace") in shown.stdout
    facts = json.loads(run(["horse", horse_id, "--json"], env).stdout.decode(encoding))
    assert facts[0]["name"] == name


@pytest.mark.parametrize("words", ["status", "schedule", "--help"])
def test_a_terminal_that_shows_hardly_anything_stops_no_command(conninfo: str, words: str) -> None:
    assert run([words], environment(conninfo) | ASCII).returncode == 0


def test_a_shell_on_the_database_speaks_as_its_terminal_does(
    conninfo: str, horse: tuple[str, str], locales: Path
) -> None:
    env = environment(conninfo, LOCPATH=str(locales), LC_ALL="ja_JP.eucjp", PGCLIENTENCODING="EUC_JP")
    done = run(["db", "psql", "-At", "-c", f"SELECT name FROM horse WHERE horse_id = '{horse[0]}'"], env)
    assert done.stdout.decode("euc_jp").strip() == horse[1]


def test_an_argument_that_is_not_text_is_a_sentence(conninfo: str) -> None:
    done = subprocess.run([*COMMAND, "horse", b"\xff\xfe"], env=environment(conninfo), capture_output=True)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"An argument is not text in this terminal's encoding" in done.stderr


ENDINGS = [
    (">/dev/full", 7, "No space left on device"),
    ("| true", 141, ""),
    (">/dev/full 2>/dev/full", 7, ""),
    (">&-", 0, ""),
    ("<&- >&- 2>&-", 0, ""),
]


@pytest.mark.parametrize(
    ("words", "ending", "code", "said"),
    [(words, *ending) for words in ("status", "--help") for ending in ENDINGS]
    + [("status --json", *ending) for ending in ENDINGS[:2]],
)
def test_wherever_the_output_goes_there_is_an_exit_code_and_no_traceback(
    conninfo: str, words: str, ending: str, code: int, said: str
) -> None:
    script = f"{RUN} {words} {ending}; echo ${{PIPESTATUS[0]}} >code"
    done = subprocess.run(["/bin/bash", "-c", script], env=environment(conninfo), capture_output=True, text=True)
    assert Path("code").read_text().strip() == str(code)
    assert len(done.stderr.splitlines()) == bool(said)
    assert said in done.stderr


def test_a_shell_on_the_database_whose_reader_has_gone_ends_as_others_do(conninfo: str) -> None:
    script = f"{RUN} db psql -c 'SELECT generate_series(1, 1000000)' | true; echo ${{PIPESTATUS[0]}} >code"
    done = subprocess.run(["/bin/bash", "-c", script], env=environment(conninfo), capture_output=True, text=True)
    assert (Path("code").read_text(), done.stderr) == ("141\n", "")


def test_a_ctrl_c_in_psql_breaks_off_a_statement_and_not_the_shell(conninfo: str) -> None:
    shell = subprocess.Popen(
        [*COMMAND, "db", "psql"],
        env=environment(conninfo), start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with shell, psycopg.connect(conninfo, autocommit=True) as connection:
        assert shell.stdin
        shell.stdin.write(b"SELECT pg_sleep(60);\n")
        shell.stdin.flush()
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        while connection.execute(asleep).fetchone() == (0,):
            time.sleep(0.05)
        os.killpg(shell.pid, signal.SIGINT)
        _, err = shell.communicate(timeout=30)
    assert shell.returncode == 3  # which psql says of a script that was broken off; at a terminal it goes on
    assert b"canceling statement due to user request" in err


# --- homes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("home", "said"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("/tmp/two\nlines", "has a line break"),
        ("/tmp/tab\there", "has a line break or an invisible character"),
        ("/tmp/\x1b[31m", "has a line break or an invisible character"),
        ("/tmp/\udcff", "has a line break or an invisible character"),
        ("~nobody-of-that-name/paddock", "does not name a folder"),
    ],
)
def test_a_home_that_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch, home: str, said: str) -> None:
    monkeypatch.setenv("PADDOCK_HOME", home)
    with pytest.raises(UsageError, match=f"PADDOCK_HOME.*{said}") as raised:
        load_settings()
    assert str(raised.value).isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the platform names another folder")
@pytest.mark.parametrize("home", ["/tmp/two\nlines", "/tmp/\x1b[31m"])
def test_a_home_that_is_not_set_is_looked_at_as_well(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("PADDOCK_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    with pytest.raises(UsageError, match=r"PADDOCK_HOME.*has a line break"):
        load_settings()


def test_a_home_that_is_a_link_to_itself_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = run(["status"], environment(None, PADDOCK_HOME=str(tmp_path / "loop")))
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done.stderr
    assert b"set PADDOCK_HOME to another folder" in done.stderr


@pytest.mark.parametrize("address", ["", " ", "\n"])
def test_an_empty_address_counts_as_no_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PADDOCK_DATABASE_URL", address)
    assert load_settings().database_url is None


def test_a_home_is_the_same_one_from_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/keeper")
    monkeypatch.setenv("PADDOCK_HOME", "~/paddock")
    assert load_settings().home == Path("/home/keeper/paddock")
    monkeypatch.setenv("PADDOCK_HOME", "paddock")
    assert load_settings().home == tmp_path / "paddock"


def test_a_settings_file_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("PADDOCK_CONTACT=馬@example.org".encode("euc_jp"))
    with pytest.raises(UsageError, match="not UTF-8 text"):
        load_settings()


@pytest.fixture
def disk(open_folder: Path) -> Iterator[Path]:
    """A disk of its own, too small for a database, that every user may pass through."""
    folder = open_folder / "disk"
    folder.mkdir()
    options = "size=20m,mode=711"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this user cannot mount anything")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_home_that_cannot_be_written_is_a_sentence(disk: Path) -> None:
    (disk / "file").touch()
    done = run(["status"], environment(None, PADDOCK_HOME=str(disk / "file")))
    assert (done.returncode, b"set PADDOCK_HOME to another folder" in done.stderr) == (2, True)
    done = run(["status"], environment(None, PADDOCK_HOME=str(disk / "home")))
    assert (done.returncode, done.stderr.count(b"\n")) == (7, 1), done.stderr
    assert b"The disk is full" in done.stderr
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    done = run(["status"], environment(None, PADDOCK_HOME=str(disk / "another")))
    assert (done.returncode, b"Read-only file system" in done.stderr) == (2, True)


def test_a_home_is_for_its_owner_alone_whatever_the_umask(open_folder: Path) -> None:
    home = open_folder / "private"
    before = os.umask(0)
    try:
        assert run(["status"], environment(None, PADDOCK_HOME=str(home))).returncode == 0
    finally:
        os.umask(before)
    # As root, Postgres is another user, who has to pass through, and nothing else.
    passing = {home, home / "postgres"} if os.geteuid() == 0 else set()
    for path in [home, *home.rglob("*")]:
        if path.is_symlink() or "program-" in str(path):
            continue
        others = stat.S_IMODE(path.stat().st_mode) & 0o077
        assert others == (0o011 if path in passing else 0), path
