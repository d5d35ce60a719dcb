"""An export is there whole or not at all, and replaces nothing but an export."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from typer.testing import CliRunner

from collector.cli.app import app
from collector.console.steps import Steps
from collector.exports.export import Request, export
from collector.exports.formats import Format
from collector.exports.tables import tables_named
from collector.exports.target import Target
from tests.chaos.processes import command_in_process, start
from tests.collector.exports.blows import keep_open, struck
from tests.commands import forked
from tests.filled import as_json, execute

NAMES = {Format.PARQUET: "taken", Format.CSV: "taken", Format.DUCKDB: "taken.duckdb", Format.SQLITE: "taken.sqlite"}
MANY = (
    "INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at) "
    "SELECT lpad(n::text, 10, 'x'), md5(n::text), md5((-n)::text), sha256(n::text::bytea)::text, now() "
    "FROM generate_series(1, 60000) n"
)


def typed(conninfo: str, *words: str) -> Any:
    """The command, in this process."""
    return CliRunner().invoke(app, ["export", *words], env={"PADDOCK_DATABASE_URL": conninfo})


def words_of(file_format: Format, folder: Path) -> list[str]:
    more = ["--format", file_format] if file_format.in_folder else []
    return ["--to", str(folder / NAMES[file_format]), *more]


def state(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("file_format", Format)
def test_an_export_replaces_a_former_one(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    words = words_of(file_format, tmp_path)
    assert typed(conninfo, *words).exit_code == 0
    before = state(tmp_path)
    execute(conninfo, "DELETE FROM entry")
    done = typed(conninfo, *words, "--json")
    assert (done.exit_code, as_json(done.stdout)["tables"]["entry"]) == (0, 0), done.output
    assert state(tmp_path).keys() == before.keys()  # nothing of the writing is left
    assert state(tmp_path) != before


@pytest.mark.parametrize("file_format", Format)
def test_what_is_not_an_export_is_never_replaced_unasked(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    place = tmp_path / NAMES[file_format]
    if file_format.in_folder:
        place.mkdir()
        (place / "notes.txt").write_text("mine")
    elif file_format is Format.SQLITE:
        with sqlite3.connect(place) as other:
            other.execute("CREATE TABLE mine (a)")
        other.close()
    else:
        with duckdb.connect(str(place)) as other:
            other.execute("CREATE TABLE columns (a INTEGER)")
    before = state(tmp_path)
    done = typed("postgresql://nobody@127.0.0.1:1/none", *words_of(file_format, tmp_path))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert str(place) in done.stderr
    assert state(tmp_path) == before
    if not file_format.in_folder:
        assert typed(conninfo, *words_of(file_format, tmp_path), "--replace").exit_code == 0


def test_a_folder_with_other_things_is_kept_even_with_replace(conninfo: str, tmp_path: Path) -> None:
    assert typed(conninfo, *words_of(Format.CSV, tmp_path)).exit_code == 0
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    done = typed(conninfo, *words_of(Format.CSV, tmp_path), "--replace")
    assert (done.exit_code, "mine.txt" in done.stderr) == (2, True)
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--to a.duckdb --format csv", "--format csv writes a folder, and a.duckdb is a file"),
        ("--to a.parquet", "a.parquet is neither a folder nor a file that ends in .duckdb or .sqlite"),
        ("--to a.sqlite --photos", "--photos writes a file for each photo, and a.sqlite is one file"),
        ("--to nowhere/a.sqlite", "nowhere is not a folder; make it first"),
        ("--tables race,entri", "There is no table 'entri' to take out; there are issue, photo,"),
        ("--tables ,", "--tables needs names of tables"),
        ("--since never", "--since never is neither a year (2016) nor a date"),
        ("--format xml", "--format is one of parquet, csv, and 'xml' is none of them"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path: Path, words: str, sentence: str) -> None:
    done = typed("postgresql://nobody@127.0.0.1:1/none", *words.split())
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr
    assert state(tmp_path) == {}


def test_a_folder_that_cannot_be_written_ends_before_anything(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    done = typed("postgresql://nobody@127.0.0.1:1/none", *words_of(Format.CSV, disk))
    assert (done.exit_code, done.stderr.count("\n")) == (7, 1)
    assert f"cannot be read or written (Permission denied: {disk})" in done.stderr


@pytest.mark.parametrize("file_format", Format)
def test_a_database_that_goes_away_leaves_nothing(
    conninfo: str, tmp_path: Path, file_format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike(_self: Steps, words: str) -> None:
        if words.startswith("entry"):
            execute(conninfo, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip

    monkeypatch.setattr(Steps, "say", strike)
    done = typed(conninfo, *words_of(file_format, tmp_path))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert "The database went away" in done.stderr
    assert state(tmp_path) == {}


def test_two_exports_to_one_place_do_not_mix(conninfo: str, tmp_path: Path) -> None:
    part = tmp_path / ".taken.paddock-part"
    part.mkdir()
    lock = os.open(part, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = typed(conninfo, *words_of(Format.CSV, tmp_path))
    os.close(lock)
    assert (done.exit_code, "Another export writes to" in done.stderr) == (2, True)
    assert not (tmp_path / "taken").exists()
    assert typed(conninfo, *words_of(Format.CSV, tmp_path)).exit_code == 0


def test_a_file_that_is_open_elsewhere_is_named(conninfo: str, tmp_path: Path) -> None:
    words = words_of(Format.DUCKDB, tmp_path)
    assert typed(conninfo, *words, "--tables", "race").exit_code == 0
    opened, done = forked.Event(), forked.Event()
    process = forked.Process(target=keep_open, args=(tmp_path / "taken.duckdb", opened, done))
    process.start()
    assert opened.wait(30)
    refused = typed(conninfo, *words)
    done.set()
    process.join()
    assert (refused.exit_code, "is open in another program" in refused.stderr) == (2, True)


def test_without_a_place_a_folder_is_made_here(conninfo: str, tmp_path: Path) -> None:
    assert typed(conninfo, "--tables", "race").exit_code == 0
    assert {path.name for path in (tmp_path / "paddock-export").iterdir()} == {"README.md", "race.parquet"}


def test_an_export_is_of_one_moment(conninfo: str, tmp_path: Path) -> None:
    ((entries,),) = execute(conninfo, "SELECT count(*) FROM entry")

    def interfere(table: str, _done: int, _rows: int | None) -> None:
        if table == "race":  # which is read before the entries
            execute(conninfo, "DELETE FROM entry")

    target = Target(tmp_path / "taken", Format.CSV)
    exported = export(conninfo, Request(target, tables_named("race,entry")), interfere)
    assert execute(conninfo, "SELECT count(*) FROM entry") == [(0,)]
    assert exported.rows["entry"] == entries > 0


# --- blows in the middle ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", Format)
def test_a_killed_export_leaves_what_was_there(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    words = words_of(file_format, tmp_path)
    assert typed(conninfo, *words, "--tables", "race").exit_code == 0
    before = state(tmp_path)
    place = tmp_path / NAMES[file_format]
    process = forked.Process(target=struck, args=(conninfo, place, file_format, signal.SIGKILL))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    after = state(tmp_path)
    assert {name: held for name, held in after.items() if not name.startswith(".")} == before
    assert len(after) > len(before)  # it had begun
    assert typed(conninfo, *words, "--tables", "race").exit_code == 0
    assert state(tmp_path).keys() == before.keys()


@pytest.mark.parametrize("file_format", Format)
def test_an_interrupted_export_leaves_nothing(conninfo: str, tmp_path: Path, file_format: Format) -> None:
    place = tmp_path / NAMES[file_format]
    process = forked.Process(target=struck, args=(conninfo, place, file_format, signal.SIGINT))
    process.start()
    process.join()
    assert process.exitcode == 1
    assert state(tmp_path) == {}


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_leaves_what_was_there(
    conninfo: str, tmp_path: Path, blow: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words, said = words_of(Format.SQLITE, tmp_path), tmp_path_factory.mktemp("said")
    assert typed(conninfo, *words, "--tables", "race").exit_code == 0
    before = state(tmp_path)
    with psycopg.connect(conninfo) as held:
        held.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")  # the command waits in the middle
        known = {"PADDOCK_DATABASE_URL": conninfo}
        process = start(command_in_process, str(said), known, "export", *words, "--tables", "race,entry")
        wait_until(lambda: len(state(tmp_path)) > len(before))
        wait_until(lambda: bool(execute(conninfo, "SELECT 1 FROM pg_locks WHERE NOT granted")))
        os.kill(process.pid or 0, blow)
        process.join(20)
    assert process.exitcode == 130
    assert (said / "said").read_text() == f"Interrupted; nothing was written to {tmp_path / 'taken.sqlite'}.\n"
    assert state(tmp_path) == before


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    give_up_at = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, too small for what is written."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this user cannot mount anything")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("file_format", Format)
def test_a_full_disk_is_a_sentence_and_keeps_what_was_there(conninfo: str, disk: Path, file_format: Format) -> None:
    words = words_of(file_format, disk)
    assert typed(conninfo, *words, "--tables", "race_day").exit_code == 0
    before = state(disk)
    execute(conninfo, MANY)
    done = typed(conninfo, *words, "--tables", "race,entry,horse")
    assert (done.exit_code, done.stderr.count("\n")) == (7, 1), done.stderr
    assert "The disk is full" in done.stderr
    assert state(disk) == before


def test_a_killed_renaming_is_made_good_by_the_next(conninfo: str, tmp_path: Path) -> None:
    words = words_of(Format.CSV, tmp_path)
    assert typed(conninfo, *words).exit_code == 0
    (tmp_path / "taken").rename(tmp_path / ".taken.paddock-old")
    done = typed(conninfo, *words)
    assert done.exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
