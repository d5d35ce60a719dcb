"""Opinions come in any order, and take their place by their time: the history is the one that reading again gives."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.pipeline.drift import stopped_kinds
from collector.pipeline.reparse import reparse
from collector.sources.netkeiba.urls import reviews_url
from collector.storage.racing import Axis
from tests.collector.imports.conftest import Home
from tests.collector.imports.saved import Saved, bring, left, rows, warc, write_folder
from tests.collector.sources.aptitude_pages import HORSE_ID, NEUTRAL, SITE, SOME, URL, answer, reviewed, table

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
OTHER = {**SOME, Axis.DISTANCE: (60, 56)}
HISTORY = """SELECT horse_id, axis, observed_at, left_px, right_px, value, reviews, evidence, source_url FROM aptitude
             ORDER BY 1, 2, 3"""


def opinions(seed: int) -> list[Saved]:
    """What was saved of one horse over the years, oldest first."""
    chance = random.Random(seed)
    pages = list[Saved]()
    for month in range(12):
        bars = chance.choice([SOME, SOME, OTHER, NEUTRAL])
        at = FIRST + timedelta(days=30 * month)
        pages.append(Saved(URL, "aptitude", "aptitude", answer(table(bars)).encode(), "application/json", at))
        text = answer(reviewed(chance.randrange(3) * 10)).encode()
        address = reviews_url(SITE, HORSE_ID)
        pages.append(Saved(address, "reviews", "reviews", text, "application/json", at + timedelta(hours=1)))
    return pages


async def in_turn(conninfo: str, folder: Path, pages: list[Saved], size: int) -> None:
    """Import them in files of a few each."""
    folder.mkdir()
    for number in range(0, len(pages), size):
        path = folder / f"{number}.warc"
        path.write_bytes(warc(pages[number : number + size], packed=False))
        assert left(await bring(conninfo, path)) == {}


@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 5), (3, 24)])
async def test_the_history_does_not_depend_on_the_order(
    conninfo: str, other_conninfo: str, tmp_path: Path, seed: int, size: int
) -> None:
    pages = opinions(seed)
    await in_turn(conninfo, tmp_path / "a", pages, 1)
    random.Random(seed).shuffle(pages)
    await in_turn(other_conninfo, tmp_path / "b", pages, size)
    held = rows(conninfo, HISTORY)
    assert len(held) > 6
    assert rows(other_conninfo, HISTORY) == held
    async with await psycopg.AsyncConnection.connect(other_conninfo, autocommit=True) as connection:
        changes = await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _total: None)
        assert changes.rows["aptitude"] == {"added": 0, "changed": 0, "removed": 0}


async def test_an_opinion_of_unknown_time_beside_a_held_one_is_not_read(conninfo: str, tmp_path: Path) -> None:
    one, other = opinions(1)[0], Saved(URL, "", "", answer(table(OTHER)).encode(), "application/json", FIRST)
    (tmp_path / "a.warc").write_bytes(warc([one], packed=False))
    await bring(conninfo, tmp_path / "a.warc")
    before = rows(conninfo, HISTORY)
    (tmp_path / f"{HORSE_ID}.json").write_bytes(other.body)
    report = await bring(conninfo, tmp_path / f"{HORSE_ID}.json", kind="aptitude")
    assert +report.standings == {"undated": 1}
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _total: None)
    assert rows(conninfo, HISTORY) == before


async def test_reading_again_changes_nothing_of_what_was_imported(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    (tmp_path / "all.warc.gz").write_bytes(warc(crawled.pages))
    await bring(conninfo, tmp_path)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        changes = await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _total: None)
    assert {table: sum(counts.values()) for table, counts in changes.rows.items()} == dict.fromkeys(changes.rows, 0)


async def test_of_a_kind_that_is_stopped_only_the_bytes_are_kept(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute(
            """INSERT INTO drift (source, kind, field, old_coverage, new_coverage, samples, observed_at)
               VALUES ('netkeiba', 'race_result', 'odds', 1, 0, '{}', now())"""
        )
        pages = crawled.of("race_result")
        report = await bring(conninfo, write_folder(tmp_path / "a", pages))
        assert (report.not_read, report.layout_changed) == (len(pages), ["netkeiba: race_result"])
        states = "SELECT state, error_code, count(digest) FROM page GROUP BY 1, 2"
        assert rows(conninfo, states) == [("quarantined", "layout_changed", len(pages))]
        assert rows(conninfo, "SELECT * FROM race") == []
        await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _total: None)
        assert await stopped_kinds(connection) == set()
    assert len(rows(conninfo, "SELECT * FROM race")) == len(pages)
