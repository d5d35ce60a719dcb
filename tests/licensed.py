"""Databases as the converters of JRA-VAN's data make them, with made-up records."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from collector.imports.identify import Places
from collector.imports.jravan import bring_jravan
from collector.imports.jravan_open import opened
from collector.imports.report import Report
from collector.settings import Settings
from collector.sources.jravan.shapes import ENTRY, HORSE, RACE, SHAPES, Shape
from collector.sources.registry import archived_sites

NATIVE, STANDARD, RAW = SHAPES.values()
Record = dict[str, Any]
INTEGERS = {
    "Year", "MonthDay", "Kaiji", "Nichiji", "RaceNum", "Kyori", "Wakuban", "Umaban", "Barei", "KakuteiJyuni",
    "Jyuni1c", "Jyuni2c", "Jyuni3c", "Jyuni4c", "Ninki",
}  # fmt: skip
TENTHS = {"Futan", "Time", "Odds", "HaronTimeL3"}
REALS = {"BaTaijyu", "ZogenSa", "Fukasyokin", "Honsyokin", *(f"Honsyokin{place}" for place in range(1, 6))}
NAMES = ("アオバノカゼ", "ミドリノモリ", "ハルノヒカリ", "ユキノハナ")


def horse(number: str = "2012104511", name: str = NAMES[0], **other: Any) -> Record:
    """A horse of the stud book."""
    return {
        "DataKubun": "1", "MakeDate": "20151201", "KettoNum": number, "DelKubun": "0",
        "BirthDate": f"{number[:4]}0310", "Bamei": name, "SexCD": "1", "KeiroCD": "03",
        "Ketto3InfoBamei1": "チチノナ", "Ketto3InfoBamei2": "ハハノナ", "Ketto3InfoBamei5": "ハハチチノナ",
    } | other  # fmt: skip


def race(race_id: str = "201606010111", day: str = "20160105", **other: Any) -> Record:
    """A race that was run."""
    return {
        "DataKubun": "7", "MakeDate": "20160111", "Year": day[:4], "MonthDay": day[4:], "JyoCD": race_id[4:6],
        "Kaiji": race_id[6:8], "Nichiji": race_id[8:10], "RaceNum": race_id[10:], "Hondai": "中山金杯", "GradeCD": "C",
        "SyubetuCD": "14", "KigoCD": "N00", "JyuryoCD": "1", "JyokenCD5": "999", "Kyori": "2000", "TrackCD": "17",
        "CourseKubunCD": "C", "Honsyokin1": "00400000", "Honsyokin2": "00160000", "Honsyokin3": "00100000",
        "Honsyokin4": "00060000", "Honsyokin5": "00040000", "HassoTime": "1545", "TenkoCD": "1", "SibaBabaCD": "1",
        "DirtBabaCD": "0",
    } | other  # fmt: skip


def entry(of: Record, place: int, number: str, name: str, **other: Any) -> Record:
    """A horse that finished in a place."""
    keys = ("DataKubun", "MakeDate", "Year", "MonthDay", "JyoCD", "Kaiji", "Nichiji", "RaceNum")
    return {key: of[key] for key in keys} | {
        "Wakuban": str(min(place, 8)), "Umaban": f"{place:02}", "KettoNum": number, "Bamei": name, "SexCD": "1",
        "Barei": f"{int(of['Year']) - int(number[:4] or 0):02}" if number.strip("0") else "04", "TozaiCD": "2",
        "ChokyosiCode": "01159", "ChokyosiRyakusyo": "山田太郎", "BanusiCode": "226800", "BanusiName": "アオバ牧場",
        "Futan": "570", "KisyuCode": "05473", "KisyuRyakusyo": "Ｃ．ヤマ", "BaTaijyu": f"{480 + place}",
        "ZogenFugo": "-", "ZogenSa": "004", "IJyoCD": "0", "KakuteiJyuni": f"{place:02}", "Time": f"2{10 + place:03}",
        "ChakusaCD": "" if place == 1 else "112", "ChakusaCDP": "", "ChakusaCDPP": "", "Jyuni1c": "03",
        "Jyuni2c": "03", "Jyuni3c": "02", "Jyuni4c": "01", "Odds": f"{30 + place:04}", "Ninki": f"{place:02}",
        "Honsyokin": "00400000", "Fukasyokin": "00003500", "HaronTimeL3": "346",
    } | other  # fmt: skip


@dataclass
class Tables:
    """The records of a database."""

    races: list[Record] = field(default_factory=list)
    entries: list[Record] = field(default_factory=list)
    horses: list[Record] = field(default_factory=list)


def small(**of_race: Any) -> Tables:
    """One race with three horses."""
    one = race(**of_race)
    numbers = ("2012104511", "2011100010", "2010100020")
    entries = [entry(one, place, *named) for place, named in enumerate(zip(numbers, NAMES, strict=False), 1)]
    return Tables([one], entries, [horse(*named) for named in zip(numbers, NAMES, strict=False)])


def stored(shape: Shape, name: str, text: Any) -> Any:
    """A field as this converter stores it."""
    if not shape.scaled or text is None:
        return text
    try:
        if name in INTEGERS:
            return int(text)
        return float(text) / 10 if name in TENTHS else float(text) if name in REALS else text
    except ValueError:
        return None


def _type(shape: Shape, name: str) -> str:
    if not shape.scaled:
        return "text"
    return "integer" if name in INTEGERS else "double precision" if name in TENTHS | REALS else "text"


def statements(shape: Shape, tables: Tables, without: Sequence[str] = ()) -> Iterable[tuple[str, str, list[list[Any]]]]:
    """For each table what makes it, what fills it, and its rows."""
    for table, fields, records in ((shape.race, RACE, tables.races), (shape.entry, ENTRY, tables.entries),
                                   (shape.horse, HORSE, tables.horses)):  # fmt: skip
        kept = [name for name in fields if shape.column(name) not in without]
        columns = ", ".join(f"{shape.column(name)} {_type(shape, name)}" for name in kept)
        rows = [[stored(shape, name, record.get(name)) for name in kept] for record in records]
        marks = ", ".join("?" for _ in kept)
        yield f"CREATE TABLE {table} ({columns})", f"INSERT INTO {table} VALUES ({marks})", rows


def to_sqlite(path: Path, shape: Shape, tables: Tables, without: Sequence[str] = ()) -> str:
    """A file of SQLite."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for make, fill, rows in statements(shape, tables, without):
        connection.execute(make)
        connection.executemany(fill, rows)
    connection.commit()
    connection.close()
    return str(path)


def to_duckdb(path: Path, shape: Shape, tables: Tables) -> str:
    """A file of DuckDB."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for make, fill, rows in statements(shape, tables):
            connection.execute(make)
            if rows:
                connection.executemany(fill, rows)
    return str(path)


def to_postgres(conninfo: str, shape: Shape, tables: Tables) -> None:
    """The tables in a database of Postgres."""
    with psycopg.connect(conninfo) as connection:
        for make, fill, rows in statements(shape, tables):
            connection.execute(make.encode())
            connection.cursor().executemany(fill.replace("?", "%s").encode(), rows)


def address_of(conninfo: str, password: str = "") -> str:
    """A database of Postgres as a person names it."""
    given = conninfo_to_dict(conninfo)
    secret = f":{password}" if password else ""
    return f"postgresql://{given['user']}{secret}@/{given['dbname']}?host={quote(str(given['host']), safe='')}"


def show_nothing(_: object) -> None:
    """Not how far it is."""


async def bring(
    conninfo: str, place: str, *, dry_run: bool = False, show: Callable[[Any], None] = show_nothing
) -> Report:
    """Import a database."""
    places, report = Places(archived_sites(Settings())), Report()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        with opened(place) as database:
            return await bring_jravan(connection, database, places, report, dry_run=dry_run, show=show)


CODES = {"male": "1", "female": "2", "gelding": "3"}
FINISHES = {"scratched": "1", "excluded": "3", "did_not_finish": "4", "disqualified": "5", "demoted": "7"}
GOINGS = ("firm", "good", "yielding", "soft", "standard", "good", "muddy", "sloppy")
WEATHERS = ("fine", "cloudy", "rainy", "drizzle", "snow", "light_snow")


def same_as(conninfo: str) -> Tables:
    """What a collection holds of results, as JRA-VAN would have it."""
    with psycopg.connect(conninfo) as opened_one, opened_one.cursor(row_factory=dict_row) as connection:
        races = connection.execute("SELECT * FROM race ORDER BY race_id").fetchall()
        entries = connection.execute("SELECT * FROM entry ORDER BY race_id, horse_number").fetchall()
        horses = connection.execute("SELECT * FROM horse WHERE born IS NOT NULL ORDER BY horse_id").fetchall()
    records = {one["race_id"]: _race_of(one) for one in races}
    return Tables(list(records.values()), [_entry_of(one, records[one["race_id"]]) for one in entries],
                  [horse(one["horse_id"], one["name"], BirthDate=f"{one['born']:%Y%m%d}", SexCD=CODES[one["sex"]],
                         KeiroCD="", Ketto3InfoBamei1=one["sire"], Ketto3InfoBamei2=one["dam"],
                         Ketto3InfoBamei5=one["damsire"]) for one in horses])  # fmt: skip


def _race_of(one: dict[str, Any]) -> Record:
    going = str(GOINGS.index(one["going"]) % 4 + 1)
    turf = one["surface"] != "dirt"
    track = {"right": "17", "left": "11", "straight": "10", None: "54"}[one["direction"]]
    if not turf:
        track = {"right": "24", "left": "23", "straight": "29"}[one["direction"]]
    return race(
        one["race_id"], f"{one['race_date']:%Y%m%d}", Hondai=one["name"], GradeCD="", JyokenCD5="703",
        Kyori=str(one["distance"]), TrackCD=track if one["surface"] != "jump" else "54",
        HassoTime=f"{one['start_time']:%H%M}", TenkoCD=str(WEATHERS.index(one["weather"]) + 1),
        SibaBabaCD=going if turf else "0", DirtBabaCD="0" if turf else going,
    )  # fmt: skip


def _entry_of(one: dict[str, Any], of: Record) -> Record:
    def tenths(value: float | None, width: int) -> str:
        return "0" * width if value is None else f"{round(value * 10):0{width}}"

    minutes, rest = divmod(round((one["finish_time"] or 0) * 10), 600)
    change = one["horse_weight_change"]
    bends = [*(0,) * (4 - len(one["positions_at_bends"])), *one["positions_at_bends"]]
    return entry(
        of, one["finish_position"] or 0, one["horse_id"], one["horse_name"], Wakuban=str(one["bracket_number"]),
        Umaban=f"{one['horse_number']:02}", SexCD=CODES[one["sex"]], Barei=f"{one['age']:02}",
        ChokyosiCode=one["trainer_id"], KisyuCode=one["jockey_id"], Futan=tenths(one["carried_weight"], 3),
        BaTaijyu=str(one["horse_weight"] or 999), ZogenFugo="" if not change else "+" if change > 0 else "-",
        ZogenSa="999" if change is None else f"{abs(change):03}", IJyoCD=FINISHES.get(one["finish"], "0"),
        Time=f"{minutes}{rest:03}", Odds=tenths(one["odds"], 4), Ninki=str(one["favorite_rank"] or 0),
        Honsyokin=str(round((one["prize"] or 0) * 100)), Fukasyokin="0", HaronTimeL3=tenths(one["last_3f"], 3),
        **{f"Jyuni{number}c": str(bend) for number, bend in enumerate(bends, 1)},
    )  # fmt: skip
