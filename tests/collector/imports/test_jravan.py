"""JRA-VAN's tables become races, entries and horses, from each converter's database, and only what is new is read."""

from pathlib import Path
from typing import Any

import pytest

from tests.collector.imports.saved import left, rows
from tests.licensed import NATIVE, RAW, STANDARD, address_of, bring, small, to_duckdb, to_postgres, to_sqlite

ENTRIES = """SELECT race_id, runner, horse_number, bracket_number, sex, age, carried_weight, jockey, jockey_id, finish,
    finish_position, finish_time, margin, positions_at_bends, last_3f, odds, favorite_rank, horse_weight,
    horse_weight_change, prize, licensed, stated_horse_id FROM entry ORDER BY horse_number"""
FIRST = (
    "201606010111", "2012104511", 1, 1, "male", 4, 57.0, "C.ヤマ", "05473", "finished", 1, 121.1, None, [3, 3, 2, 1],
    34.6, 3.1, 1, 481, -4, 4035.0, True, "2012104511",
)  # fmt: skip
RACES = """SELECT race_id, race_date::text, racecourse, name, grade, race_class, conditions, surface, direction, course,
    distance, weather, going, start_time::text, prizes, licensed FROM race"""
RACE = (
    "201606010111", "2016-01-05", "中山", "中山金杯(G3)", "G3", "サラ系4歳以上オープン", "(国際)(ハンデ)", "turf",
    "right", "C", 2000, "fine", "firm", "15:45:00", [4000.0, 1600.0, 1000.0, 600.0, 400.0], True,
)  # fmt: skip
HORSES = """SELECT horse_id, name, born::text, sex, coat, retired, sire, dam, damsire, licensed FROM horse
    ORDER BY horse_id DESC LIMIT 1"""
HORSE = (
    "2012104511",
    "アオバノカゼ",
    "2012-03-10",
    "male",
    "鹿毛",
    False,
    "チチノナ",
    "ハハノナ",
    "ハハチチノナ",
    True,
)


@pytest.mark.parametrize("shape", [NATIVE, STANDARD, RAW], ids=lambda shape: shape.name)
@pytest.mark.parametrize("engine", ["sqlite", "duckdb", "postgres"])
async def test_every_converters_tables_say_the_same(
    conninfo: str, empty_conninfo: str, tmp_path: Path, shape: Any, engine: str
) -> None:
    if engine == "postgres":
        to_postgres(empty_conninfo, shape, small())
        place = address_of(empty_conninfo)
    else:
        make = to_sqlite if engine == "sqlite" else to_duckdb
        place = make(tmp_path / f"keiba.{engine}", shape, small())
    report = await bring(conninfo, place)
    assert (report.brought, left(report)) == (4, {})
    assert rows(conninfo, ENTRIES)[0] == FIRST
    assert rows(conninfo, RACES) == [RACE]
    assert rows(conninfo, HORSES) == [HORSE]
    assert rows(conninfo, "SELECT count(*) FROM entry") == [(3,)]
