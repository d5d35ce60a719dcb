"""JRA-VAN's tables become races, entries and horses, from each converter's database, and only what is new is read."""

import os
import socket
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.errors import Busy, UsageError
from collector.imports.jravan import IMPORT_LOCK
from collector.imports.jravan_open import opened
from collector.pipeline.forget import forget
from collector.pipeline.reparse import reparse
from collector.storage.database import conninfo_for
from collector.storage.locks import alone
from tests.collector.imports.saved import left, rows
from tests.collector.imports.test_command import collector
from tests.licensed import (
    NATIVE,
    RAW,
    STANDARD,
    Tables,
    address_of,
    bring,
    entry,
    race,
    small,
    to_duckdb,
    to_postgres,
    to_sqlite,
)

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


def year(races: int) -> Tables:
    """A few days of racing with two horses each."""
    tables = Tables()
    for number in range(races):
        day, on_day = divmod(number, 12)
        one = race(f"2016060{day // 8 + 1}{day % 8 + 1:02}{on_day + 1:02}", f"201601{day + 1:02}")
        tables.races.append(one)
        tables.entries += [
            entry(one, place, f"2012{number:04}{place:02}", f"ウマ{'アイウ'[place]}") for place in (1, 2)
        ]
    return tables


async def test_a_second_import_brings_what_is_new_and_what_is_corrected(conninfo: str, tmp_path: Path) -> None:
    tables, path = year(30), tmp_path / "keiba.db"
    assert (await bring(conninfo, to_sqlite(path, NATIVE, tables))).brought == 30
    report = await bring(conninfo, str(path))
    assert (report.brought, report.standings["known"]) == (0, 30)
    tables.entries[0] |= {"Odds": "0123", "MakeDate": "20160118"}
    tables.races[1]["Hondai"] = "訂正"  # by hand: its date says nothing of it, so it is not looked at
    tables.races.append(race("201606010512", "20160131"))
    report = await bring(conninfo, to_sqlite(path, NATIVE, tables))
    assert (report.brought, report.standings["known"]) == (2, 29)
    assert rows(conninfo, "SELECT odds FROM entry WHERE race_id = '201606010101' ORDER BY horse_number") == [
        (12.3,), (3.2,)]  # fmt: skip
    assert rows(conninfo, "SELECT count(*) FROM fetch_log WHERE outcome = 'imported'") == [(32,)]


async def test_a_dry_run_changes_nothing(conninfo: str, tmp_path: Path) -> None:
    report = await bring(conninfo, to_sqlite(tmp_path / "keiba.db", RAW, small()), dry_run=True)
    assert report.brought == 4
    assert rows(conninfo, "SELECT url FROM page UNION SELECT race_id FROM race UNION SELECT name FROM host") == []


async def test_an_import_that_is_killed_goes_on_from_there(conninfo: str, other_conninfo: str, tmp_path: Path) -> None:
    path = to_sqlite(tmp_path / "keiba.db", NATIVE, year(150))
    with pytest.raises(KeyboardInterrupt):
        await bring(conninfo, path, show=interrupted)
    (held,) = rows(conninfo, "SELECT count(*) FROM race")[0]
    assert 0 < held < 150
    assert (await bring(conninfo, path)).brought == 150 - held
    await bring(other_conninfo, path)
    said = "SELECT race_id, runner, odds, finish_time FROM entry ORDER BY 1, 2"
    assert rows(conninfo, said) == rows(other_conninfo, said)


def interrupted(_: object) -> None:
    """Somebody presses Ctrl-C."""
    raise KeyboardInterrupt


async def test_what_has_no_id_here_is_left_out_and_counted(conninfo: str, tmp_path: Path) -> None:
    tables = small()
    local = race("201644010111")
    tables.races.append(local)
    tables.entries += [entry(local, 1, "2012104519", "チホウ"), entry(race("201606010112"), 1, "2012104518", "マイゴ")]
    tables.races.append(race("201606010109", DataKubun="0"))  # to be deleted
    tables.entries.append(entry(tables.races[0], 9, "2012104517", "サクジョ", DataKubun="0"))
    report = await bring(conninfo, to_sqlite(tmp_path / "keiba.db", RAW, tables))
    assert (report.brought, report.elsewhere, report.orphans) == (4, 1, 1)
    assert rows(conninfo, "SELECT count(*) FROM race UNION ALL SELECT count(*) FROM entry") == [(1,), (3,)]


async def test_a_card_gives_way_to_the_result(conninfo: str, tmp_path: Path) -> None:
    tables, path = small(DataKubun="2"), tmp_path / "keiba.db"
    for one in tables.entries:
        one |= {"KakuteiJyuni": "00", "Time": "0000", "Odds": "0000", "Ninki": "00", "BaTaijyu": "000"}
    await bring(conninfo, to_sqlite(path, RAW, tables))
    assert rows(conninfo, "SELECT DISTINCT finish, odds, licensed FROM entry") == [(None, None, True)]
    await bring(conninfo, to_sqlite(path, RAW, small(MakeDate="20160118")))
    pages = rows(conninfo, "SELECT kind, state, due_at FROM page WHERE kind <> 'jravan_horses' ORDER BY 1")
    assert pages == [("jravan_card", "fetched", None), ("jravan_race", "fetched", None)]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await reparse(connection, date(1970, 1, 1), dry_run=False, show=lambda *_: None)
    assert rows(conninfo, "SELECT DISTINCT finish FROM entry") == [("finished",)]


async def test_what_is_called_off_taken_back_or_gone(conninfo: str, tmp_path: Path) -> None:
    path, off = tmp_path / "keiba.db", small(DataKubun="9")
    for one in off.entries:
        one |= {"KakuteiJyuni": "00", "Time": "0000", "Odds": "0000", "Ninki": "00", "BaTaijyu": "000"}
    await bring(conninfo, to_sqlite(path, RAW, off))
    assert rows(conninfo, "SELECT kind, state FROM page WHERE role = 'result'") == [("jravan_race", "fetched")]
    assert rows(conninfo, "SELECT count(*), count(finish) FROM entry") == [(3, 0)]
    off.entries[2] |= {"DataKubun": "0", "MakeDate": "20160118"}
    assert (await bring(conninfo, to_sqlite(path, RAW, off))).deleted == []
    assert rows(conninfo, "SELECT count(*) FROM entry") == [(2,)]
    del off.entries[1]
    await bring(conninfo, to_sqlite(path, RAW, off))
    assert rows(conninfo, "SELECT count(*) FROM entry") == [(1,)]
    off.races[0] |= {"DataKubun": "0", "MakeDate": "20160119"}
    off.races.append(race("201606010112", DataKubun="0"))  # never brought
    done = await collector(conninfo, "import", "--jravan", to_sqlite(path, RAW, off))
    assert "1 race stays here although JRA-VAN has taken it back: 201606010111" in done.stdout
    off.races.clear()
    assert (await bring(conninfo, to_sqlite(path, RAW, off))).deleted == []
    assert rows(conninfo, "SELECT count(*) FROM race UNION ALL SELECT count(*) FROM entry") == [(1,), (1,)]


async def test_what_is_forgotten_stays_out_and_one_import_is_at_work(conninfo: str, tmp_path: Path) -> None:
    path = to_sqlite(tmp_path / "keiba.db", RAW, small())
    await bring(conninfo, path)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await forget(connection, url="https://jravan.invalid/race/201606010111")
        report = await bring(conninfo, path)
        assert (report.brought, left(report)) == (0, {"kept_out": 1})
        async with alone(connection, IMPORT_LOCK):
            with pytest.raises(Busy):
                await bring(conninfo, path)


async def test_hostile_values_cost_themselves_and_no_other(conninfo: str, tmp_path: Path) -> None:
    tables = small()
    tables.entries[0] |= {"Bamei": "ア\0オ\x1b[31m", "Futan": "9" * 50, "SexCD": "X", "Odds": "-1", "Time": "9999"}
    tables.entries[1] |= {"KisyuRyakusyo": "馬" * 5_000, "Barei": "x" * 1000}
    report = await bring(conninfo, to_sqlite(tmp_path / "keiba.db", RAW, tables))
    assert (report.brought, left(report)) == (4, {})
    said = rows(conninfo, "SELECT horse_name, carried_weight, sex, odds, finish_time, horse_weight FROM entry"
                          " ORDER BY horse_number")  # fmt: skip
    assert said[0] == ("アオ[31m", None, None, None, None, 481)
    assert len(said) == 3
    assert {field for (field,) in rows(conninfo, "SELECT field FROM parse_failure")} >= {
        "row 1, sex", "row 1, odds", "row 1, carried_weight", "row 1, finish_time", "row 2, age"}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: "nowhere.db", "nowhere.db cannot be read: No such file or directory."),
        (lambda path: str(path.write_text("x") and path), "is neither SQLite nor DuckDB: name the file"),
        (lambda path: str(os.mkfifo(path) or path), "keiba.db is not a file: name the one"),
        (lambda path: to_sqlite(path, RAW, small(), without=("KettoNum", "idYear")),
         "keiba.db: the table NL_RA_RACE has no idYear; make it anew with the converter, JVLinkToSQLite."),
        (lambda path: str(sqlite3.connect(path).execute("CREATE TABLE races (id)") and path),
         "keiba.db has no tables of a converter of JRA-VAN's data that is known (jrvltsql: NL_RA and NL_SE;"),
        (lambda _: "postgresql://me:secret/x@[", "The address after --jravan cannot be understood"),
        (lambda _: "postgresql://me:secret@127.0.0.1:1/keiba", "127.0.0.1/keiba cannot be read: "),
    ],
)  # fmt: skip
async def test_a_database_that_cannot_be_read_is_one_sentence(
    conninfo: str, tmp_path: Path, make: Any, said: str
) -> None:
    done = await collector(conninfo, "import", "--jravan", make(tmp_path / "keiba.db"))
    assert (done.returncode, said in done.stderr, "secret" in done.stderr) == (2, True, False), done.stderr


async def test_a_server_that_never_answers_is_given_up_in_one_sentence(conninfo: str) -> None:
    assert conninfo_to_dict(conninfo_for("postgresql://keiba.example/keiba"))["connect_timeout"] == "10"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"postgresql://me:secret@127.0.0.1:{silent.getsockname()[1]}/keiba?connect_timeout=2"
        done = await collector(conninfo, "import", "--jravan", place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: 127.0.0.1/keiba does not answer: there was no connection within 2 seconds. See whether that Postgres "
        "is up, and whether the address after --jravan is right. Nothing was brought.\n"
    )


async def test_columns_that_a_converter_lacks_are_not_set(conninfo: str, tmp_path: Path) -> None:
    lacking = ("Ninki", "TenkoBabaTenkoCD", "KeiroCD")
    await bring(conninfo, to_sqlite(tmp_path / "keiba.db", RAW, small(), without=lacking))
    assert rows(conninfo, "SELECT DISTINCT favorite_rank, weather, odds > 3 FROM entry JOIN race USING (race_id)") == [
        (None, None, True)]  # fmt: skip


def test_a_duckdb_file_has_nothing_read_but_itself(tmp_path: Path) -> None:
    path, other = tmp_path / "keiba.duckdb", tmp_path / "letter.txt"
    other.write_text("not for the archive")
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE VIEW NL_RA AS SELECT content FROM read_text('{other}')")
    with opened(str(path)) as database, pytest.raises(UsageError, match="cannot be read"):
        list(database.rows("SELECT * FROM NL_RA"))
