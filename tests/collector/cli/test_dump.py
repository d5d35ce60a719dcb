"""Backups: what they may replace, who may read them, and from which revision to which."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from collector.demo.world.world import World
from collector.storage import database
from collector.storage.programs import binary
from tests.collector.cli.locks import waiting
from tests.collector.cli.test_cli import COMMAND, collector, environment
from tests.databases import filled_once
from tests.filled import execute, fill

WORLD = World(years=range(2015, 2016), issues_per_year=1, photos_per_issue=2)
HELD = "SELECT issue_code, number, horse_name, md5(content) FROM photo LEFT JOIN blob USING (digest) ORDER BY 1, 2"
FOLLOWED = "SELECT horse_id, followed_at FROM followed"
GONE = "SELECT second, microsecond, phash::text, media_type, width, height FROM forgotten_shot"


@pytest.fixture
def template(request: pytest.FixtureRequest, template: str, cluster: str) -> str:
    """A world, for the tests that ask for one."""
    return (
        filled_once(cluster, "template_dump", lambda conninfo: fill(conninfo, WORLD))
        if "filled" in request.fixturenames
        else template
    )


@pytest.fixture
def filled(conninfo: str) -> str:
    return conninfo


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


async def dump(conninfo: str, *words: str) -> subprocess.CompletedProcess[str]:
    return await collector("db", "dump", *words, env=environment(conninfo))


async def restore(conninfo: str, *words: str) -> subprocess.CompletedProcess[str]:
    return await collector("db", "restore", *words, env=environment(conninfo))


# --- what it replaces -------------------------------------------------------------------------------------
async def test_nothing_but_a_file_is_ever_replaced(filled: str, tmp_path: Path) -> None:
    file, pipe, link, dangling = (tmp_path / name for name in ("file", "pipe", "link", "dangling"))
    file.write_bytes(b"kept")
    os.mkfifo(pipe)
    link.symlink_to(file)
    dangling.symlink_to(tmp_path / "nowhere")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    before = {path: (path.lstat().st_ino, path.lstat().st_mode) for path in tmp_path.iterdir()}
    for target in (pipe, link, dangling, tmp_path / "socket", tmp_path, Path("/dev/stdout"), Path("/dev/null")):
        for words in ((), ("--force",)):
            done = await dump(filled, str(target), *words)
            assert (done.returncode, "which no backup replaces" in done.stderr) == (2, True), target
    listening.close()
    assert {path: (path.lstat().st_ino, path.lstat().st_mode) for path in tmp_path.iterdir()} == before
    assert file.read_bytes() == b"kept"


async def test_a_file_is_replaced_only_by_force_and_never_for_more_eyes(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "paddock.dump"
    file.write_bytes(b"kept")
    file.chmod(0o644)
    done = await dump(filled, str(file))
    assert (done.returncode, "--force" in done.stderr, file.read_bytes()) == (2, True, b"kept")
    assert (await dump(filled, str(file), "--force")).returncode == 0
    assert (file.read_bytes()[:5], mode(file)) == (b"PGDMP", 0o600)
    file.chmod(0o400)
    assert (await dump(filled, str(file), "--force")).returncode == 0
    assert mode(file) == 0o400
    assert [path.name for path in tmp_path.iterdir()] == ["paddock.dump"]


async def test_a_backup_is_for_its_owner_alone_whatever_the_umask(filled: str, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert (await dump(filled, str(tmp_path / "paddock.dump"))).returncode == 0
    finally:
        os.umask(before)
    assert mode(tmp_path / "paddock.dump") == 0o600


async def test_a_folder_that_is_not_there_is_a_sentence(filled: str, tmp_path: Path) -> None:
    done = await dump(filled, str(tmp_path / "no" / "paddock.dump"))
    assert (done.returncode, "is not a folder; make it first" in done.stderr) == (2, True)
    done = await dump(filled, str(tmp_path / ("x" * 300)))
    assert (done.returncode, "File name too long" in done.stderr) == (7, True)


async def test_a_dump_to_stdout_is_a_backup_and_nothing_else(filled: str, other_conninfo: str, tmp_path: Path) -> None:
    execute(filled, "INSERT INTO followed (horse_id) VALUES ('2012100001')")
    execute(filled, "INSERT INTO forgotten_shot VALUES ('a', 1, repeat('10', 128)::bit(256), 'image/jpeg', 8, 6)")
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "db", "dump", "-", env=environment(filled), stdout=asyncio.subprocess.PIPE
    )
    body, _ = await process.communicate()
    assert process.returncode == 0
    (tmp_path / "piped").write_bytes(body)
    assert (await restore(other_conninfo, str(tmp_path / "piped"))).returncode == 0
    assert execute(other_conninfo, HELD) == execute(filled, HELD)
    assert execute(other_conninfo, FOLLOWED) == execute(filled, FOLLOWED) != []
    assert execute(other_conninfo, GONE) == execute(filled, GONE) != []
    (photos,) = execute(other_conninfo, "SELECT count(*) FROM photo")
    # Postgres knows how large the tables are, and what an index alone can count.
    assert execute(other_conninfo, "SELECT reltuples::int FROM pg_class WHERE oid = 'photo'::regclass") == [photos]


def test_a_dump_whose_reader_stops_ends_without_a_message(filled: str) -> None:
    words = " ".join(f"'{word}'" for word in [*COMMAND, "db", "dump", "-"])
    done = subprocess.run(
        ["/bin/bash", "-c", f"{words} | true; echo ${{PIPESTATUS[0]}}"],
        env=environment(filled), capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("141\n", "")


# --- when it does not come to an end --------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_dump_that_is_stopped_leaves_what_was_there_and_nothing_else(
    filled: str, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "paddock.dump"
    file.write_bytes(b"kept")
    with psycopg.connect(filled) as holder:
        holder.execute("LOCK TABLE page")
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "db", "dump", str(file), "--force", env=environment(filled), stderr=asyncio.subprocess.PIPE
        )
        await waiting(filled)
        assert [path.name for path in tmp_path.glob(".*.part")]
        process.send_signal(number)
        _, said = await process.communicate()
    assert (process.returncode, said) == (130, b"")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("paddock.dump", b"kept")]


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


async def test_a_full_or_read_only_disk_is_a_sentence_and_leaves_nothing(filled: str, small_disk: Path) -> None:
    done = await dump(filled, str(small_disk / "paddock.dump"))
    assert (done.returncode, "The disk is full" in done.stderr) == (7, True)
    assert list(small_disk.iterdir()) == []
    make_read_only(small_disk)
    done = await dump(filled, str(small_disk / "paddock.dump"))
    assert (done.returncode, "Read-only file system" in done.stderr) == (7, True)


async def test_stdout_on_a_full_disk_is_a_sentence(filled: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "db", "dump", "-", env=environment(filled), stdout=full, stderr=asyncio.subprocess.PIPE
    )
    os.close(full)
    _, said = await process.communicate()
    assert (process.returncode, said.startswith(b"error: The disk is full"), said.count(b"\n")) == (7, True, 1)


# --- from which revision to which -------------------------------------------------------------------------
async def test_a_backup_of_an_old_or_a_new_revision_is_restored_and_brought_up_to_date(
    empty_conninfo: str, conninfo: str, tmp_path: Path
) -> None:
    known = sorted(database.known_revisions())
    for revision in sorted({*known[::5], *known[-2:]}):  # each takes seconds
        database.upgrade(empty_conninfo, revision)
        file = tmp_path / f"{revision}.dump"
        execute(empty_conninfo, "INSERT INTO host (name) VALUES (%s)", f"at-{revision}")
        assert (await dump(empty_conninfo, str(file))).returncode == 0
        done = await restore(conninfo, str(file), "--yes")
        assert done.returncode == 0, done.stderr
        assert database.current_revision(conninfo) == database.head_revision()
        database.check(conninfo)
        assert execute(conninfo, "SELECT name FROM host ORDER BY 1") == execute(
            empty_conninfo, "SELECT name FROM host ORDER BY 1"
        )


async def test_a_later_revision_is_backed_up_and_its_backup_refused(
    filled: str, other_conninfo: str, tmp_path: Path
) -> None:
    execute(filled, "UPDATE alembic_version SET version_num = '0099'")
    file = tmp_path / "later.dump"
    assert (await dump(filled, str(file))).returncode == 0
    done = await restore(other_conninfo, str(file))
    assert (done.returncode, "0099, which this version of Paddock" in done.stderr) == (2, True)
    assert execute(other_conninfo, "SELECT count(*) FROM photo") == [(0,)]


async def test_there_is_no_backup_of_nothing_and_none_that_is_not_ours(
    empty_conninfo: str, conninfo: str, tmp_path: Path
) -> None:
    file = tmp_path / "paddock.dump"
    done = await dump(empty_conninfo, str(file))
    assert (done.returncode, "nothing to back up" in done.stderr, file.exists()) == (2, True, False)
    execute(empty_conninfo, "CREATE TABLE horses (name text)")
    address = environment(empty_conninfo)["PADDOCK_DATABASE_URL"]
    dump_as_others_do(address, file)
    done = await restore(conninfo, str(file))
    assert (done.returncode, "is not a backup of Paddock" in done.stderr) == (2, True)


def dump_as_others_do(address: str, file: Path) -> None:
    subprocess.run([binary("pg_dump"), "--format=custom", f"--file={file}", address], check=True)


async def test_what_others_keep_in_the_database_is_never_replaced(
    filled: str, other_conninfo: str, tmp_path: Path
) -> None:
    file = tmp_path / "paddock.dump"
    assert (await dump(filled, str(file))).returncode == 0
    execute(other_conninfo, "CREATE TABLE diary AS SELECT 'mine' AS line")
    done = await restore(other_conninfo, str(file), "--yes")
    assert (done.returncode, "not Paddock's (diary)" in done.stderr) == (2, True)
    execute(other_conninfo, "DROP TABLE diary; CREATE SCHEMA mine; CREATE VIEW mine.names AS SELECT name FROM host")
    done = await restore(other_conninfo, str(file), "--yes")
    assert (done.returncode, "nothing has changed" in done.stderr, "depend" in done.stderr) == (2, True, True)
    assert execute(other_conninfo, "SELECT count(*) FROM mine.names") == [(0,)]


@pytest.mark.parametrize(
    "row",
    [
        "INSERT INTO training.bundle (digest, kind, size) VALUES ('x', 'code', 0)",
        "INSERT INTO host (name, excluded_at) VALUES ('opted.out', now())",
        "INSERT INTO photo_match (source, issue_code, number, rule, by_hand, decided_at)"
        " VALUES ('keibado', '160208', 1, 'by_hand', true, now())",
    ],
)
async def test_a_database_that_holds_anything_is_replaced_only_with_yes(
    filled: str, other_conninfo: str, tmp_path: Path, row: str
) -> None:
    file = tmp_path / "paddock.dump"
    assert (await dump(filled, str(file))).returncode == 0
    execute(other_conninfo, "INSERT INTO tick (name, cron, next_at) VALUES ('x', '* * * * *', now())")
    execute(other_conninfo, row)
    done = await restore(other_conninfo, str(file))
    assert (done.returncode, "add --yes to replace it" in done.stderr) == (2, True)
    execute(other_conninfo, "TRUNCATE training.bundle, photo_match, host CASCADE")
    assert (await restore(other_conninfo, str(file))).returncode == 0


async def test_a_cut_off_backup_changes_nothing(filled: str, other_conninfo: str, tmp_path: Path) -> None:
    file = tmp_path / "paddock.dump"
    assert (await dump(filled, str(file))).returncode == 0
    fill(other_conninfo, World(years=range(2016, 2017), issues_per_year=1, photos_per_issue=1))
    before, body = execute(other_conninfo, HELD), file.read_bytes()
    for length in (3, len(body) // 2, len(body) * 9 // 10, len(body) - 1):
        file.write_bytes(body[:length])
        done = await restore(other_conninfo, str(file), "--yes")
        assert (done.returncode, "nothing has changed" in done.stderr) == (2, True), length
        assert execute(other_conninfo, HELD) == before


async def test_a_restore_that_has_to_wait_says_so_and_changes_nothing(
    filled: str, other_conninfo: str, tmp_path: Path
) -> None:
    file = tmp_path / "paddock.dump"
    assert (await dump(filled, str(file))).returncode == 0
    with psycopg.connect(other_conninfo) as holder:
        holder.execute("SELECT FROM photo")
        done = await restore(other_conninfo, str(file), "--yes")
    assert (done.returncode, "Something else holds what is needed" in done.stderr) == (2, True)
    assert execute(other_conninfo, "SELECT count(*) FROM photo") == [(0,)]
