"""Licensed entries beside those of a site: whose word stands, what differs, and which ids are believed."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.pipeline.changes import Changes
from collector.pipeline.reparse import reparse
from tests.collector.imports import saved
from tests.collector.imports.conftest import TEMPLATE, Home
from tests.collector.imports.saved import facts, rows, write_folder
from tests.databases import copy_of
from tests.licensed import RAW, Tables, bring, same_as, to_sqlite

DIFFERENCES = "SELECT sort, thing, runner, field, licensed, other FROM difference ORDER BY 1, 2, 3, 4"
APART = "SELECT horse_id, field, licensed, other FROM kept_apart ORDER BY 1"
OTHERS = "SELECT sort, thing, runner, horse_id, said FROM other_side ORDER BY 1, 2, 3"
LICENSED = """SELECT 'race', race_id, '', licensed, NULL FROM race
    UNION ALL SELECT 'entry', race_id, runner, licensed, stated_horse_id FROM entry
    UNION ALL SELECT 'horse', horse_id, '', licensed, born::text FROM horse ORDER BY 1, 2, 3"""


@pytest.fixture
def home(cluster: str, crawled: Home) -> Iterator[str]:
    """A home of its own that has crawled."""
    with copy_of(cluster, TEMPLATE) as conninfo:
        yield conninfo


def everything(conninfo: str) -> dict[str, Any]:
    """What the tables say of races and horses, and of who says so."""
    said = {name: found for name, found in facts(conninfo).items() if name in ("race", "entry", "horse", "aptitude")}
    return said | {query: rows(conninfo, query) for query in (DIFFERENCES, APART, OTHERS, LICENSED)}


async def read_again(conninfo: str) -> Changes:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        return await reparse(connection, date(1970, 1, 1), dry_run=False, show=lambda *_: None)


def other_odds(tables: Tables) -> tuple[str, str]:
    """Change what one entry says; its race and its horse."""
    one = tables.entries[3]
    one |= {"Odds": "0999", "BaTaijyu": "500", "Bamei": one["Bamei"]}
    key = "".join(str(one[name]) for name in ("Year", "JyoCD", "Kaiji", "Nichiji", "RaceNum"))
    return key, one["KettoNum"]


async def test_where_both_say_the_same_there_is_no_difference(home: str, tmp_path: Path) -> None:
    before = facts(home)
    report = await bring(home, to_sqlite(tmp_path / "keiba.db", RAW, same_as(home)))
    assert report.left_out.total() == 0
    assert (rows(home, DIFFERENCES), rows(home, APART)) == ([], [])
    now = facts(home)
    assert now["entry"] == before["entry"]
    assert {licensed for sort, *_, licensed, _ in rows(home, LICENSED) if sort != "horse"} == {True}
    assert now["photo_match"] == before["photo_match"]


async def test_the_order_in_which_sources_come_makes_no_difference(
    home: str, other_conninfo: str, crawled: Home, tmp_path: Path
) -> None:
    tables = same_as(home)
    race_id, horse_id = other_odds(tables)
    del tables.entries[5]
    tables.horses[0]["KeiroCD"] = "08"
    path = to_sqlite(tmp_path / "keiba.db", RAW, tables)
    await bring(home, path)
    await bring(other_conninfo, path)
    folder = write_folder(tmp_path / "pages", crawled.of("race_result", "horse", "aptitude", "reviews"))
    assert (await saved.bring(other_conninfo, folder / "race_result")).left_out.total() == 0
    assert (await saved.bring(other_conninfo, folder / "horse")).left_out.total() == 0
    one, other = everything(home), everything(other_conninfo)
    del one["aptitude"], other["aptitude"]
    assert one == other
    found = {(sort, field) for sort, _, _, field, _, _ in one[DIFFERENCES]}
    assert found >= {("entry", "odds"), ("entry", "horse_weight"), ("entry", "entry"), ("horse", "coat")}
    assert [(row[3], row[4]) for row in one[DIFFERENCES] if row[1:3] == (race_id, horse_id)] == [
        ("horse_weight", "500"), ("odds", "99.9")]  # fmt: skip
    for conninfo in (home, other_conninfo):
        assert [sum(counts.values()) for counts in (await read_again(conninfo)).rows.values()] == [0] * 7
    del (again := everything(home))["aptitude"]
    assert again == one


@pytest.mark.parametrize("differing", [{"Bamei": "ヒトチガイ"}, {"SexCD": None}, {"KettoNum": None}], ids=str)
async def test_an_id_of_which_sources_disagree_is_kept_apart_until_that_is_corrected(
    home: str, tmp_path: Path, differing: dict[str, Any]
) -> None:
    tables, right = same_as(home), same_as(home)
    (horse_id,) = rows(home, "SELECT min(horse_id) FROM horse WHERE born IS NOT NULL")[0]
    its = [one for one in tables.entries if one["KettoNum"] == horse_id]
    if "SexCD" in differing:
        its[0]["SexCD"] = "1" if its[0]["SexCD"] == "2" else "2"
    elif "KettoNum" in differing:
        # Another horse of that name, born a year later, has this number at the site.
        with psycopg.connect(home) as connection:
            connection.execute("UPDATE horse SET born = born + 365 WHERE horse_id = %s", (horse_id,))
    else:
        its[0] |= differing
    before = rows(home, "SELECT horse_id, name, born, sire, licensed FROM horse WHERE horse_id = %s", horse_id)
    await bring(home, to_sqlite(tmp_path / "keiba.db", RAW, tables))
    ((apart, *_),) = rows(home, APART)
    assert apart == horse_id
    of_it = "SELECT count(*), count(horse_id), count(*) FILTER (WHERE licensed) FROM entry WHERE stated_horse_id = %s"
    assert rows(home, of_it, horse_id) == [(len(its), 0, len(its))]
    assert rows(home, "SELECT horse_id, name, born, sire, licensed FROM horse WHERE horse_id = %s", horse_id) == before
    assert rows(home, "SELECT count(*) FROM entry WHERE licensed AND horse_id IS NULL") == [(len(its),)]
    if "KettoNum" in differing:
        with psycopg.connect(home) as connection:
            connection.execute("UPDATE horse SET born = born - 365 WHERE horse_id = %s", (horse_id,))
    for one in right.entries:
        one["MakeDate"] = "20160201"
    await bring(home, to_sqlite(tmp_path / "keiba.db", RAW, right))
    assert rows(home, APART) == []
    assert rows(home, of_it, horse_id) == [(len(its), len(its), len(its))]
    assert rows(home, "SELECT licensed FROM horse WHERE horse_id = %s", horse_id) == [(True,)]
    assert rows(home, "SELECT count(*) FROM other_side WHERE sort = 'licensed'") == [(0,)]


async def test_a_sites_result_stands_before_a_licensed_card_and_gives_way_to_a_licensed_result(
    home: str, tmp_path: Path
) -> None:
    before, path = facts(home), tmp_path / "keiba.db"
    cards, results = same_as(home), same_as(home)
    for one in (*cards.races, *cards.entries):
        one["DataKubun"] = "2"
    await bring(home, to_sqlite(path, RAW, cards))
    licensed = "SELECT licensed, count(*) FROM race GROUP BY 1"
    (count,) = rows(home, "SELECT count(*) FROM race")[0]
    assert rows(home, licensed) == [(False, count)]
    assert facts(home)["entry"] == before["entry"]
    await bring(home, to_sqlite(path, RAW, results))
    assert rows(home, licensed) == [(True, count)]
    assert facts(home)["entry"] == before["entry"]
    assert rows(home, "SELECT count(*) FROM other_side WHERE sort = 'race'") == [(count,)]
    await read_again(home)
    assert rows(home, licensed) == [(True, count)]
