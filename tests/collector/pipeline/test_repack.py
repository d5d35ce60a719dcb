"""What is held is compressed anew, in steps that can be killed, and says the same afterwards."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import zlib
from datetime import date
from typing import Any

import psycopg
import pytest

from collector.demo.world.world import World
from collector.engine.crawl import crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from collector.frontier.scope import Scope
from collector.pipeline import repack as repacking
from collector.pipeline.repack import Repacked, repack, train_missing
from collector.politeness.gate import Connection
from collector.storage.archive import unpack
from collector.storage.dictionaries import Dictionaries, only
from tests.commands import run_command
from tests.demo_site import DemoSite, demo_site
from tests.filled import execute
from tests.paths import ROOT
from tests.sites import sites_at

WORLD = World(years=range(2016, 2017), issues_per_year=3, photos_per_issue=4)
YEAR = Scope(date(2016, 1, 1), date(2016, 12, 31))
ENCODINGS = "SELECT encoding, count(*) FROM blob GROUP BY 1 ORDER BY 1"


async def crawled(conninfo: str, site: DemoSite) -> None:
    _, code = await crawl(Crawler(conninfo, None, sites_at(site.base, site.netkeiba), 0.0), YEAR, _show)
    assert code is ExitCode.DONE


async def _show(_: Any) -> None:
    """Show nothing."""


def as_an_earlier_version(conninfo: str) -> None:
    """Store pages as they were before there was zstd; a crawl that was quick has trained a dictionary already."""
    held = """SELECT digest, encoding, blob.content, dictionary.content FROM blob
        LEFT JOIN dictionary ON encoding = 'zstd:' || dictionary.id"""
    with psycopg.connect(conninfo) as connection:
        for digest, encoding, content, dictionary in connection.execute(held).fetchall():
            body = unpack(content, encoding, only(dictionary))
            if encoding or (len(body) > 8192 and b"<html" in body[:500].lower()):
                connection.execute(
                    "UPDATE blob SET encoding = 'zlib', content = %s WHERE digest = %s",
                    (zlib.compress(body, 1), digest),
                )
        connection.execute("DELETE FROM dictionary")


@pytest.fixture(autouse=True)
def _few_pages_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repacking, "FEWEST", 12)


@pytest.fixture
async def collected(conninfo: str) -> str:
    """A crawl of both sites, as an earlier version has stored it."""
    async with demo_site(world=WORLD) as site:
        await crawled(conninfo, site)
    as_an_earlier_version(conninfo)
    return conninfo


async def bodies(connection: Connection) -> dict[str, str]:
    """Of each row the digest, and the digest of what it becomes."""
    dictionaries = Dictionaries()
    await dictionaries.load(connection)
    rows = await (await connection.execute("SELECT digest, encoding, content FROM blob")).fetchall()
    return {
        digest: hashlib.sha256(unpack(content, encoding, dictionaries.by_number)).hexdigest()
        for digest, encoding, content in rows
    }


def environment(conninfo: str) -> dict[str, str]:
    """What a command must know."""
    return {"PADDOCK_DATABASE_URL": conninfo, "PATH": os.environ["PATH"]}  # noqa: TID251


def quiet(_done: int, _total: int) -> None:
    """Show nothing."""


async def test_every_page_is_the_same_afterwards_and_costs_less(collected: str, connection: Connection) -> None:
    before = dict(execute(collected, "SELECT encoding, sum(length(content)) FROM blob GROUP BY 1"))
    done = await repack(connection, quiet)
    assert done.dictionaries >= 1
    assert done.pages > 30
    assert (done.damaged, done.is_shrunk) == ([], True)
    after = dict(execute(collected, "SELECT encoding, sum(length(content)) FROM blob GROUP BY 1"))
    assert "zlib" not in after
    assert sum(size for encoding, size in after.items() if encoding) < before["zlib"]
    found = await bodies(connection)
    assert all(digest == read for digest, read in found.items())
    again = await repack(connection, quiet)
    assert (again.dictionaries, again.pages) == (0, 0)


async def test_pages_that_show_photos_leave_no_passage_in_a_dictionary(collected: str, connection: Connection) -> None:
    await train_missing(connection)
    kinds = execute(collected, "SELECT DISTINCT page.role FROM dictionary JOIN page USING (source, kind)")
    assert {kind for (kind,) in kinds}.isdisjoint({"photo_page", "issue", "picture", "robots"})


async def test_what_is_repacked_is_read_again_and_crawled_as_before(conninfo: str, connection: Connection) -> None:
    async with demo_site(world=WORLD) as site:
        await crawled(conninfo, site)
        await repack(connection, quiet)
        site.requests.clear()
        execute(conninfo, "UPDATE page SET due_at = now(), etag = NULL, last_modified = NULL WHERE role = 'result'")
        await crawled(conninfo, site)
        assert site.requests
    repeated = "SELECT DISTINCT log.outcome FROM fetch_log AS log JOIN page ON page.id = page_id WHERE role = 'result'"
    assert execute(conninfo, f"{repeated} ORDER BY 1") == [("new",), ("unchanged",)]


async def test_a_damaged_page_is_named_and_left_as_it_is(collected: str, connection: Connection) -> None:
    ((spoilt,),) = execute(collected, "SELECT digest FROM blob WHERE encoding = 'zlib' ORDER BY digest LIMIT 1")
    execute(collected, "UPDATE blob SET content = substr(content, 1, 99) WHERE digest = %s", spoilt)
    held = execute(collected, "SELECT encoding, content FROM blob WHERE digest = %s", spoilt)
    done = await repack(connection, quiet)
    assert done.damaged == [spoilt]
    assert execute(collected, "SELECT encoding, content FROM blob WHERE digest = %s", spoilt) == held


async def test_a_page_that_is_forgotten_meanwhile_stays_forgotten(
    collected: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((url, digest),) = execute(
        collected,
        "SELECT url, digest FROM page JOIN blob USING (digest) WHERE role = 'photo_page' AND encoding = 'zlib' LIMIT 1",
    )
    original = repacking._packed  # pyright: ignore[reportPrivateUsage]
    forgotten = list[str]()

    def slow(held: Any, dictionaries: Any) -> Any:
        if held.digest == digest and not forgotten:
            forgotten.append(url)
            assert run_command("collector", "forget", url, "--yes", env=environment(collected)).returncode == 0
        return original(held, dictionaries)

    monkeypatch.setattr(repacking, "_packed", slow)
    await repack(connection, quiet)
    assert forgotten
    assert execute(collected, "SELECT count(*) FROM blob WHERE digest = %s", digest) == [(0,)]


def test_it_can_be_killed_anywhere_and_goes_on(collected: str) -> None:
    command = [sys.executable, "-c", "from collector.cli.app import main; main()", "archive", "repack"]
    for after in (0.7, 0.9, 1.1):
        process = subprocess.Popen(command, env=environment(collected), cwd=ROOT, stderr=subprocess.DEVNULL)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, env=environment(collected), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert dict(execute(collected, ENCODINGS)).get("zlib") is None


async def test_where_others_are_at_work_the_space_is_given_back_later(
    collected: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repacking, "PATIENCE", "100ms")
    monkeypatch.setattr(repacking, "ENOUGH", 0.0)
    with psycopg.connect(collected) as other:
        other.execute("SELECT count(*) FROM blob")
        done = await repack(connection, quiet)
    assert isinstance(done, Repacked)
    assert not done.is_shrunk
    assert done.pages > 30
