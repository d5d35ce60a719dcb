"""`collector import` as a user runs it: exit codes, sentences, JSON, a kill in the middle, a full disk."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from collector.cli import imports
from collector.imports.bring import Progress
from collector.imports.report import Report
from tests.chaos.processes import command_in_process, start
from tests.collector.imports.conftest import Home
from tests.collector.imports.saved import bring, facts, later, rows, warc, write_folder
from tests.commands import run_command
from tests.filled import execute

PAGES = "SELECT url, state, due_at, digest, media_type, error_code FROM page ORDER BY url"
LOG = "SELECT url, digest, file, file_digest, captured_at, outcome FROM fetch_log ORDER BY 1, 2, 5"


def environment(conninfo: str) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "PADDOCK_DATABASE_URL": conninfo}


async def collector(conninfo: str, *words: str) -> subprocess.CompletedProcess[str]:
    done = await asyncio.to_thread(run_command, "collector", *words, env=environment(conninfo))
    assert "Traceback" not in done.stderr
    return done


async def test_it_says_what_was_brought_and_what_was_left_out(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pages", crawled.of("race_result", "horse"))
    count = len(crawled.of("race_result", "horse"))
    dry = await collector(conninfo, "import", str(folder), "--dry-run")
    assert (dry.returncode, f"{count} pages would be brought" in dry.stdout) == (0, True)
    done = await collector(conninfo, "import", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{count} pages brought, 0 known before; no request made.\n" in done.stdout
    (folder / "notes.txt").write_text("x")
    (folder / "201601010199.bin").write_bytes(b"<html>\x1b[31m</html>")
    done = await collector(conninfo, "import", str(folder))
    assert done.returncode == 4
    assert f"0 pages brought, {count} known before" in done.stdout
    assert "Left out: 1 no_page\n    pages/notes.txt: not a kind of file that holds pages\n" in done.stdout
    said = json.loads((await collector(conninfo, "import", str(folder), "--json")).stdout)
    assert (said["captures"], said["known"], said["new"]) == (count + 2, count, 0)
    assert [(one["code"], one["count"], len(one["files"])) for one in said["left_out"]] == [
        ("no_page", 1, 1), ("unreadable", 1, 1)]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nowhere"], "nowhere cannot be read: No such file or directory."),
     (["--as", "no_kind", "."], "--as no_kind is not a kind of page; it is one of year_index")],
)  # fmt: skip
async def test_a_mistake_is_one_sentence(conninfo: str, words: list[str], said: str) -> None:
    done = await collector(conninfo, "import", *words)
    assert (done.returncode, said in done.stderr, done.stdout) == (2, True, "")


@pytest.mark.parametrize("state", ["53100"])
async def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(
    conninfo: str, crawled: Home, tmp_path: Path, state: str
) -> None:
    execute(
        conninfo,
        f"""CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'no space left' USING ERRCODE = '{state}'; END $$""",
    )
    execute(conninfo, "CREATE TRIGGER full_disk BEFORE INSERT ON entry EXECUTE FUNCTION full_disk()")
    folder = write_folder(tmp_path / "pages", crawled.of("race_result"))
    done = await collector(conninfo, "import", str(folder))
    assert done.returncode == 7
    assert re.fullmatch(r"error: The database's disk is full \(no space left\)\. [^\n]+\n", done.stderr)
    counts = "SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM blob), (SELECT count(*) FROM fetch_log)"
    assert rows(conninfo, counts) == [(0, 0, 0)]
    execute(conninfo, "DROP TRIGGER full_disk ON entry")
    assert (await collector(conninfo, "import", str(folder))).returncode == 0


def killed(conninfo: str, *words: str, wanted: int) -> bool:
    """Kill an import as soon as the log has this many rows; whether it was still at work then."""
    with TemporaryDirectory() as folder, psycopg.connect(conninfo, autocommit=True) as looking:
        process = start(command_in_process, folder, environment(conninfo), "import", *words)
        while process.is_alive():
            row = looking.execute("SELECT count(*) FROM fetch_log").fetchone()
            if row and row[0] >= wanted:
                process.kill()
                break
            time.sleep(0.01)
        process.join()
    return process.exitcode == -signal.SIGKILL


async def test_killed_and_started_again_it_goes_on(
    conninfo: str, other_conninfo: str, crawled: Home, tmp_path: Path
) -> None:
    """Killed while sets are written, again and again; in the end it is as if nothing had happened."""
    folder = tmp_path / "pages"
    for number in range(6):  # some sets of a hundred
        at = [later(page, at=page.at.replace(year=2020 + number)) for page in crawled.pages]
        bodies = [later(page, body=page.body + b"\n" * number) for page in at if page.kind != "image"]
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.warc.gz").write_bytes(warc(bodies))
    (folder / "pictures.warc.gz").write_bytes(warc(crawled.of("image")))
    await bring(other_conninfo, folder)
    strikes = [await asyncio.to_thread(killed, conninfo, str(folder), wanted=wanted) for wanted in range(60, 600, 150)]
    assert sum(strikes) >= 2
    done = await collector(conninfo, "import", str(folder), "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["known"] > 60
    assert facts(conninfo) == facts(other_conninfo)
    assert rows(conninfo, LOG) == rows(other_conninfo, LOG)
    without_due = "SELECT url, state, digest, media_type, error_code, due_at IS NULL FROM page ORDER BY url"
    assert rows(conninfo, without_due) == rows(other_conninfo, without_due)


def test_progress_says_what_is_read_and_the_time_left() -> None:
    words = imports.progress_in_words(Progress(250_000, 1_000_000, 10.0, Report()))
    assert words == "250 kB of 1.0 MB read, 0 pages, time left 30 s"
