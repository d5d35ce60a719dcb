"""What is imported is what a crawl would have fetched: the same facts, with where they came from, and no request."""

from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.imports import bring as bring_module
from collector.pipeline import reparse as reparse_module
from tests.collector.imports.conftest import Home
from tests.collector.imports.saved import bring, facts, later, left, rows, warc, write_folder


async def test_a_warc_of_everything_gives_the_facts_of_the_crawl(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    (tmp_path / "all.warc.gz").write_bytes(warc(reversed(crawled.pages)))
    report = await bring(conninfo, tmp_path)
    assert left(report) == {}
    assert report.brought == len(crawled.pages)
    held = facts(conninfo)
    assert held == facts(crawled.conninfo)
    assert min(map(len, held.values())) > 1
    kept = "SELECT digest, size FROM blob JOIN page USING (digest) WHERE role <> 'robots' ORDER BY 1, 2"
    assert rows(conninfo, kept) == rows(crawled.conninfo, kept)


async def test_the_same_twice_brings_nothing(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    write_folder(tmp_path / "a", crawled.of("race_result", "horse"))
    (tmp_path / "b.warc.gz").write_bytes(warc(crawled.pages))
    await bring(conninfo, tmp_path)
    tables = "SELECT (SELECT count(*) FROM fetch_log), (SELECT count(*) FROM blob), (SELECT count(*) FROM page)"
    before = facts(conninfo), rows(conninfo, tables), rows(conninfo, "SELECT * FROM page ORDER BY id")
    report = await bring(conninfo, tmp_path)
    assert (report.brought, left(report)) == (0, {})
    assert report.standings["known"] == report.captures > len(crawled.pages)
    moved = (tmp_path / "b.warc.gz").rename(tmp_path / "c.warc.gz")
    report = await bring(conninfo, moved)
    assert (report.brought, left(report)) == (0, {})
    assert (facts(conninfo), rows(conninfo, tables), rows(conninfo, "SELECT * FROM page ORDER BY id")) == before


async def test_a_folder_of_photos_pages_and_pictures_is_enough(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    pages = crawled.of("year_index", "issue_index", "photo_page", "image")
    report = await bring(conninfo, write_folder(tmp_path / "site", pages))
    assert (report.brought, left(report)) == (len(pages), {})
    assert [facts(conninfo)[table] for table in ("issue", "photo")] == [
        facts(crawled.conninfo)[table] for table in ("issue", "photo")
    ]


async def test_readers_in_other_processes_give_the_same(
    conninfo: str, crawled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_module, "MANY_BYTES", 0)
    monkeypatch.setattr(bring_module, "cores", lambda: 2)
    (tmp_path / "all.warc.gz").write_bytes(warc(crawled.pages))
    assert (await bring(conninfo, tmp_path)).brought == len(crawled.pages)
    assert facts(conninfo) == facts(crawled.conninfo)


async def test_where_it_came_from_is_kept(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    page = crawled.of("race_result")[0]
    write_folder(tmp_path / "mine", [page])
    await bring(conninfo, tmp_path / "mine")
    ((outcome, file, digest, file_digest, captured_at, gap),) = rows(
        conninfo, "SELECT outcome, file, digest, file_digest, captured_at, gap FROM fetch_log"
    )
    assert (outcome, file, captured_at, gap) == ("imported", f"mine/{page.name}", None, None)
    assert digest == file_digest
    ((url, state, due_at),) = rows(conninfo, "SELECT url, state, due_at FROM page WHERE role = 'result'")
    assert (url, state, due_at) == (page.url, "fetched", None)


async def test_what_is_older_than_what_is_held_changes_nothing(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    page = crawled.of("race_result")[0]
    old = later(page, body=page.body.replace(b"</title>", b" x</title>"), at=page.at - timedelta(days=9))
    (tmp_path / "new.warc.gz").write_bytes(warc([page]))
    (tmp_path / "old.warc.gz").write_bytes(warc([old]))
    await bring(conninfo, tmp_path / "new.warc.gz")
    before = facts(conninfo), rows(conninfo, "SELECT * FROM page ORDER BY id")
    report = await bring(conninfo, tmp_path / "old.warc.gz")
    assert report.standings["older"] == 1
    assert (facts(conninfo), rows(conninfo, "SELECT * FROM page ORDER BY id")) == before
    assert rows(conninfo, "SELECT captured_at, error_code FROM fetch_log ORDER BY id DESC LIMIT 1") == [(old.at, None)]
    write_folder(tmp_path / "nobody knows", [later(old, body=old.body + b"\n")])
    report = await bring(conninfo, tmp_path / "nobody knows")
    assert report.standings["undated"] == 1
    assert (facts(conninfo), rows(conninfo, "SELECT * FROM page ORDER BY id")) == before
    assert rows(conninfo, "SELECT error_code FROM fetch_log ORDER BY id DESC LIMIT 1") == [("undated",)]
    assert rows(conninfo, "SELECT count(*) FROM blob") == [(3,)]


async def test_a_later_capture_takes_the_place_of_what_is_held(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    page = crawled.of("horse")[0]
    old = later(page, body=page.body.replace(b"</title>", b" x</title>"), at=page.at - timedelta(days=9))
    (tmp_path / "1.warc.gz").write_bytes(warc([page, old]))
    report = await bring(conninfo, tmp_path)
    assert +report.standings == {"new": 1, "newer": 1}
    assert rows(conninfo, "SELECT changed_at FROM page WHERE role = 'horse'") == [(page.at,)]


async def test_a_dry_run_changes_nothing(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    report = await bring(conninfo, write_folder(tmp_path / "a", crawled.of("race_result")), dry_run=True)
    assert +report.standings == {"new": len(crawled.of("race_result"))}
    assert rows(conninfo, "SELECT count(*) FROM page") == [(0,)]


@pytest.mark.parametrize("kind", ["aptitude", "race_day"])
async def test_a_kind_that_names_do_not_say_is_given(conninfo: str, crawled: Home, tmp_path: Path, kind: str) -> None:
    pages = crawled.of(kind)
    for page in pages:
        (tmp_path / f"{page.path.rstrip('/').rpartition('/')[2].rpartition('=')[2]}.json").write_bytes(page.body)
    report = await bring(conninfo, tmp_path, kind=kind)
    assert +report.standings == {"new": len(pages)}
    assert sorted(rows(conninfo, f"SELECT url FROM page WHERE kind = '{kind}'")) == sorted((p.url,) for p in pages)


COUNTED = "SELECT reltuples::int FROM pg_class WHERE oid = 'entry'::regclass"


async def test_after_a_large_import_postgres_knows_its_tables(
    conninfo: str, crawled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_module, "MANY", 1)
    await bring(conninfo, write_folder(tmp_path / "pages", crawled.of("race_result")))
    assert rows(conninfo, COUNTED) == rows(conninfo, "SELECT count(*) FROM entry")


async def test_after_everything_was_read_again_postgres_knows_its_tables(
    conninfo: str, crawled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring(conninfo, write_folder(tmp_path / "pages", crawled.of("race_result")))
    monkeypatch.setattr(reparse_module, "MANY", 1)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await reparse_module.reparse(connection, date(1970, 1, 1), dry_run=False, show=lambda *_: None)
    assert rows(conninfo, COUNTED) == rows(conninfo, "SELECT count(*) FROM entry")
