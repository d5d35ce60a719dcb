"""Imports and crawls of the same pages: no page is asked for again, the pace stays as it was, nobody is in the way."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.codes import Aside
from collector.engine.crawl import crawl
from collector.engine.crawl_jobs import Crawler
from collector.engine.refresh import plan
from collector.engine.schedule import TICKS
from collector.frontier.status import report as status_report
from collector.frontier.status import summarise
from collector.imports import bring as bring_module
from collector.pipeline.forget import forget_host, forget_url
from collector.politeness.gate import Gate, Pace
from collector.web.overview.treatment import LOG
from tests.collector.imports.conftest import Home
from tests.collector.imports.saved import (
    ALL,
    WORLD,
    bring,
    collect,
    facts,
    later,
    left,
    pages_of,
    rows,
    show,
    sites_of,
    warc,
    write_folder,
)
from tests.demo_site import demo_site
from tests.sites import labels_at


async def test_what_was_imported_is_not_asked_for_again(
    conninfo: str, other_conninfo: str, crawled: Home, tmp_path: Path
) -> None:
    """Counted at the site: of a crawl of everything, only robots.txt is left to ask for."""
    (tmp_path / "all.warc.gz").write_bytes(warc(crawled.pages))
    async with demo_site(world=WORLD) as site:
        report = await bring(conninfo, tmp_path, sites=sites_of(site))
        assert (report.brought, left(report)) == (len(crawled.pages), {})
        await collect(conninfo, site)
        asked = [path for path in site.paths() if path != "/robots.txt"]
        imported = {page.path for page in crawled.pages}
        assert [path for path in asked if path in imported] == []
    assert facts(conninfo) == facts(crawled.conninfo)


async def test_labels_of_horses_that_no_photo_shows_are_not_asked_for(
    conninfo: str, crawled: Home, tmp_path: Path
) -> None:
    """A folder of ten thousand horses would else be ten thousand requests."""
    pages = crawled.of("horse", "aptitude")
    (tmp_path / "a.warc").write_bytes(warc(pages, packed=False))
    async with demo_site(world=WORLD) as site:
        await bring(conninfo, tmp_path, sites=sites_of(site))
        assert rows(conninfo, "SELECT count(*) > 0, count(due_at) FROM page") == [(True, 0)]
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            assert await plan(connection, labels_at(site.netkeiba), older_than=None, horses=None) == 0
        await collect(conninfo, site)  # now photos show some of them
    imported = {page.path for page in pages}
    assert [path for path in site.paths() if path in imported] == []
    later_on = "SELECT count(*), count(due_at) FROM page WHERE role = 'aptitude' AND state = 'fetched' AND about IN ("
    ((held, due),) = rows(conninfo, f"{later_on}SELECT horse_id FROM photo_match)")
    assert held == due > 0
    assert facts(conninfo)["aptitude"] == facts(crawled.conninfo)["aptitude"]


async def test_an_import_is_a_request_nowhere(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    (tmp_path / "all.warc.gz").write_bytes(warc(crawled.pages))
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute("INSERT INTO tick (name, cron, next_at, last_at) VALUES ('labels', '', %s, %s)", (
            now, now - timedelta(days=2)))  # fmt: skip
        hosts = ["old.keibado.ne.jp", "db.netkeiba.com", "race.netkeiba.com"]
        for host in hosts[:2]:
            await connection.execute("INSERT INTO host (name, last_request_at, smallest_gap) VALUES (%s, %s, 5)", (
                host, now - timedelta(days=1)))  # fmt: skip
        gates = "SELECT to_jsonb(host) FROM host WHERE name <> 'race.netkeiba.com' ORDER BY name"
        before = rows(conninfo, gates)
        await bring(conninfo, tmp_path)
        assert rows(conninfo, gates) == before
        said = await status_report(connection)
        assert said["held"]["requests"] == 0
        assert said["held"]["blobs"] > 10
        assert said["labels"]["requests"] == 0
        summary = await summarise(connection, hosts, ALL, now - timedelta(days=2))
        assert (summary.requests, summary.bytes, summary.min_gap, summary.latest) == (0, 0, None, None)
        log = await connection.execute(LOG, {"since": now - timedelta(days=60)})
        assert await log.fetchall() == []
        ((*_, requests, changed, failed, last),) = await (await connection.execute(TICKS)).fetchall()
        assert (requests, changed, failed, last) == (0, 0, 0, None)
        gate = await Gate.take(connection, hosts[0], 1, Pace(5.0), asyncio.Event())
        slot = await gate.reserve()
        assert slot.at - now < timedelta(seconds=3), "nobody waits for an import"


async def test_nothing_is_asked_for(
    conninfo: str, crawled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No socket but that of Postgres, which libpq opens and not Python."""
    import socket

    def refused(*_: object) -> None:
        raise AssertionError("a connection was made")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    (tmp_path / "all.warc.gz").write_bytes(warc(crawled.pages))
    assert (await bring(conninfo, tmp_path)).brought == len(crawled.pages)


async def test_a_robots_txt_that_was_saved_is_not_in_force(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    page = crawled.of("race_result")[0]
    robots = later(page, url="https://db.netkeiba.com/robots.txt", body=b"User-agent: *\nAllow: /\n")
    (tmp_path / "a.warc").write_bytes(warc([robots], packed=False))
    report = await bring(conninfo, tmp_path)
    assert +report.standings == {"older": 1}
    assert rows(conninfo, "SELECT state, digest, due_at <= now() FROM page") == [("due", None, True)]
    assert rows(conninfo, "SELECT count(*) FROM blob") == [(1,)]


async def test_what_is_kept_out_stays_out(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    photo, other, third = crawled.of("photo_page")[:3]
    race = crawled.of("race_result")[0]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await forget_url(connection, photo.url)
        await forget_host(connection, "db.netkeiba.com")
    meta = b'<head><meta name="robots" content="noai">'
    pages = [photo, race, later(other, body=other.body.replace(b"<head>", meta, 1))]
    assert pages[2].body != other.body
    (tmp_path / "a.warc").write_bytes(warc(pages, packed=False))
    (tmp_path / "b.warc").write_bytes(warc([third], "X-Robots-Tag: noai", packed=False))
    report = await bring(conninfo, tmp_path)
    assert left(report) == {"kept_out": 2}
    assert rows(conninfo, "SELECT count(*) FROM blob") == [(0,)]
    assert rows(conninfo, "SELECT count(*) FROM photo") == [(0,)]
    states = rows(conninfo, "SELECT url, state, error_code FROM page WHERE kind = 'photo_page' ORDER BY url")
    assert sorted(states) == sorted([(other.url, "excluded", "meta"), (third.url, "excluded", "headers")])
    report = await bring(conninfo, tmp_path)
    assert report.brought == 0


async def test_photos_that_robots_txt_keeps_from_training_are_not_kept(
    conninfo: str, crawled: Home, tmp_path: Path
) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute("INSERT INTO host (name) VALUES ('old.keibado.ne.jp')")
        await connection.execute("INSERT INTO blob VALUES ('r', 'text/plain', 1, '', %s)", (
            b"User-agent: *\nContent-Signal: ai-train=no\n",))  # fmt: skip
        await connection.execute(
            """INSERT INTO page (url, host, source, kind, role, dated, state, digest) VALUES (
               'http://old.keibado.ne.jp/robots.txt', 'old.keibado.ne.jp', 'keibado', 'robots', 'robots', now(),
               'fetched', 'r')"""
        )
    pages = crawled.of("photo_page", "image")
    (tmp_path / "a.warc").write_bytes(warc(pages, packed=False))
    report = await bring(conninfo, tmp_path)
    assert (report.brought, left(report)) == (0, {"kept_out": len(pages)})


async def test_a_page_that_a_crawl_writes_is_looked_at_again(
    conninfo: str, crawled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = crawled.of("race_result")[:2]
    await bring(conninfo, write_folder(tmp_path / "a", [one, other]))
    newer = [later(page, body=page.body + b"\n", at=datetime.now(UTC)) for page in (one, other)]
    (tmp_path / "b.warc").write_bytes(warc(newer, packed=False))
    with psycopg.connect(conninfo) as crawling:
        crawling.execute("SELECT FROM page WHERE url = %s FOR UPDATE", (one.url,))
        task = asyncio.create_task(bring(conninfo, tmp_path / "b.warc"))
        while not rows(conninfo, "SELECT FROM fetch_log WHERE captured_at IS NOT NULL"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert not task.done()
    report = await task
    assert (+report.standings, left(report)) == ({"newer": 2}, {})
    monkeypatch.setattr(bring_module, "LOOKS", 2)
    newest = later(one, body=one.body + b"\n\n", at=datetime.now(UTC))
    (tmp_path / "c.warc").write_bytes(warc([newest], packed=False))
    with psycopg.connect(conninfo) as crawling:
        crawling.execute("SELECT FROM page WHERE url = %s FOR UPDATE", (one.url,))
        report = await bring(conninfo, tmp_path / "c.warc")
    assert left(report) == {str(Aside.BUSY): 1}


async def test_crawl_and_import_side_by_side_come_to_the_same(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    (tmp_path / "all.warc.gz").write_bytes(warc(crawled.pages))
    async with demo_site(world=WORLD) as site:
        crawler = Crawler(conninfo, contact=None, sites=sites_of(site), crawl_delay=0.0)
        crawling = asyncio.create_task(crawl(crawler, ALL, show))
        report = await bring(conninfo, tmp_path, sites=sites_of(site))
        _, code = await crawling
        await collect(conninfo, site)
    assert (code, left(report)) == (0, {})
    assert facts(conninfo) == facts(crawled.conninfo)
    assert len(pages_of(conninfo)) == len(crawled.pages)
    assert rows(conninfo, "SELECT * FROM parse_failure") == []
