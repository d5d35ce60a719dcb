"""The codes and units of JV-Data become values, whatever stands in a field."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ParseError
from collector.pipeline.derive import Derived, derive
from collector.sources.jravan import values
from collector.sources.jravan.entry import parse_horses
from collector.sources.jravan.race import parse_race, race_id_of
from collector.sources.jravan.record import RACE, SOURCE, horses_url, race_url, written
from collector.sources.jravan.shapes import ENTRY, HORSE, SHAPES
from collector.sources.jravan.shapes import RACE as FIELDS
from collector.sources.parsed import Parsed
from collector.storage.items import EntryItem, HorseItem, RaceItem
from tests.licensed import NATIVE, RAW, Record, entry, horse, race, small, stored

URL = race_url("201606010111", card=False)
NUMBER = "2012104511"


def page(entries: list[Record], head: Record, shape: Any = RAW) -> str:
    """A race as it is archived."""
    first = {name: stored(shape, name, head.get(name)) for name in FIELDS}
    rows = [[stored(shape, name, one.get(name)) for name in ENTRY] for one in entries]
    return written(shape.name, ENTRY, rows, first).decode()


def read(*, of_race: dict[str, Any] | None = None, **of_entry: Any) -> tuple[RaceItem, EntryItem, Parsed]:
    """A race with one horse, some of whose fields are given."""
    head = race(**(of_race or {}))
    parsed = parse_race(URL, page([entry(head, 1, NUMBER, "アオバ", **of_entry)], head))
    one, other = parsed.items
    assert isinstance(one, RaceItem)
    assert isinstance(other, EntryItem)
    return one, other, parsed


def test_a_place_that_no_horse_ever_had_is_left_out_alone() -> None:
    _, one, parsed = read(Jyuni1c="999999999999", Ninki="4")
    assert (one.positions_at_bends, one.favorite_rank) == ([], 4)
    assert [flaw.field for flaw in parsed.flaws] == ["row 1, positions_at_bends"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"TrackCD": "10"}, ("turf", "straight", "C", "firm")),
        ({"TrackCD": "18"}, ("turf", "right", "外", "firm")),
        ({"TrackCD": "11", "SibaBabaCD": "4"}, ("turf", "left", "C", "soft")),
        ({"TrackCD": "23", "SibaBabaCD": "0", "DirtBabaCD": "3"}, ("dirt", "left", "C", "muddy")),
        ({"TrackCD": "29", "SibaBabaCD": "0", "DirtBabaCD": "1"}, ("dirt", "straight", "C", "standard")),
        ({"TrackCD": "56", "SibaBabaCD": "2"}, ("jump", None, "外-内", "good")),
        ({"TrackCD": "52", "SibaBabaCD": "0", "DirtBabaCD": "4"}, ("jump", None, "芝→ダート", "soft")),
    ],
)
def test_a_track_code_says_ground_direction_and_track(fields: dict[str, str], found: tuple[Any, ...]) -> None:
    one, _, parsed = read(of_race=fields)
    assert ((one.surface, one.direction, one.course, one.going), parsed.flaws) == (found, ())


@pytest.mark.parametrize(
    ("fields", "name", "grade", "race_class"),
    [
        ({"Hondai": "", "GradeCD": "", "SyubetuCD": "12", "JyokenCD5": "703"}, "3歳未勝利", None, "サラ系3歳未勝利"),
        ({"Hondai": "", "GradeCD": "", "SyubetuCD": "13", "JyokenCD5": "005"}, "3歳以上500万下", None,
         "サラ系3歳以上500万下"),
        ({"Hondai": "", "GradeCD": "", "SyubetuCD": "18", "JyokenCD5": "999"}, "障害3歳以上オープン", "OP",
         "障害3歳以上オープン"),
        ({"Hondai": "有馬記念", "GradeCD": "A", "SyubetuCD": "13"}, "有馬記念(G1)", "G1", "サラ系3歳以上オープン"),
        ({"Hondai": "中山大障害", "GradeCD": "F", "SyubetuCD": "18"}, "中山大障害(J.G1)", "J.G1",
         "障害3歳以上オープン"),
        ({"Hondai": "若葉Ｓ", "GradeCD": "L", "SyubetuCD": "12"}, "若葉S(L)", "L", "サラ系3歳オープン"),
    ],
)  # fmt: skip
def test_a_race_is_called_as_the_sites_call_it(
    fields: dict[str, str], name: str, grade: str | None, race_class: str
) -> None:
    one, _, _ = read(of_race=fields)
    assert (one.name, one.grade, one.race_class) == (name, grade, race_class)


@pytest.mark.parametrize(
    ("code", "position", "finish", "kept"),
    [
        ("0", "03", "finished", 3), ("1", "00", "scratched", None), ("2", "00", "excluded", None),
        ("3", "00", "excluded", None), ("4", "00", "did_not_finish", None), ("5", "00", "disqualified", None),
        ("6", "09", "finished", 9), ("7", "05", "demoted", 5), ("0", "00", None, None),
    ],
)  # fmt: skip
def test_how_a_race_ended_for_a_horse(code: str, position: str, finish: str | None, kept: int | None) -> None:
    _, one, parsed = read(IJyoCD=code, KakuteiJyuni=position)
    assert (one.finish, one.finish_position, parsed.flaws) == (finish, kept, ())


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"BaTaijyu": "999"}, "horse_weight", None), ({"BaTaijyu": "000"}, "horse_weight", None),
        ({"ZogenSa": "999"}, "horse_weight_change", None),
        ({"ZogenSa": "", "ZogenFugo": ""}, "horse_weight_change", None),
        ({"ZogenSa": "000", "ZogenFugo": ""}, "horse_weight_change", 0),
        ({"ZogenSa": "012", "ZogenFugo": "+"}, "horse_weight_change", 12),
        ({"Time": "0000"}, "finish_time", None), ({"Time": "0593"}, "finish_time", 59.3),
        ({"Time": "3245"}, "finish_time", 204.5), ({"HaronTimeL3": "999"}, "last_3f", None),
        ({"Odds": "0000"}, "odds", None), ({"Odds": "9999"}, "odds", 999.9), ({"Ninki": "00"}, "favorite_rank", None),
        ({"KettoNum": "0000000000"}, "horse_id", None),
        ({"Honsyokin": "0", "Fukasyokin": "0"}, "prize", None),
    ],
)  # fmt: skip
def test_marks_for_nothing_are_nothing(fields: dict[str, str], name: str, value: Any) -> None:
    _, one, parsed = read(of_race=None, **fields)
    assert (getattr(one, name), parsed.flaws) == (value, ())


@pytest.mark.parametrize(
    ("codes", "printed"),
    [(("12",), "1/2"), (("34",), "3/4"), (("112",), "1.1/2"), (("9",), "9"), (("A",), "アタマ"), (("T",), "大"),
     (("K", "134"), "クビ+1.3/4"), (("___",), None), ((None, ""), None)],
)  # fmt: skip
def test_margins_are_written_as_the_sites_print_them(codes: tuple[str | None, ...], printed: str | None) -> None:
    assert values.margin(*codes) == printed


def test_before_2001_a_horse_was_one_when_it_was_born() -> None:
    head = race("200006010111", "20000105")
    text = page([entry(head, 1, "1996104511", "アオバ", Barei="05")], head)
    _, one = parse_race(race_url("200006010111", card=False), text).items
    assert isinstance(one, EntryItem)
    assert (one.age, one.horse_id) == (4, "1996104511")


def test_a_number_of_another_year_than_the_age_is_not_believed() -> None:
    _, one, parsed = read(Barei="07")
    assert (one.horse_id, one.stated_horse_id, len(parsed.flaws)) == (None, None, 1)


def test_local_and_foreign_races_have_no_id_here() -> None:
    assert race_id_of(race("201644010111")) is None
    assert race_id_of(race("2016G0010111")) is None
    assert race_id_of(race("201610010111")) == "201610010111"


ANYTHING = st.one_of(st.text(), st.integers(), st.floats(), st.none())


@given(st.dictionaries(st.sampled_from(ENTRY[8:]), ANYTHING, min_size=1), st.booleans())
def test_whatever_an_entry_says_costs_no_other_one(fields: dict[str, Any], scaled: bool) -> None:
    shape, tables = NATIVE if scaled else RAW, small()
    rows = [[stored(shape, name, one.get(name)) for name in ENTRY] for one in tables.entries]
    rows[0] = [fields.get(name, value) for name, value in zip(ENTRY, rows[0], strict=True)]
    head = {name: stored(shape, name, tables.races[0][name]) for name in FIELDS}
    body = written(shape.name, ENTRY, rows, head)
    derived = derive(SOURCE, RACE, URL, body, "application/json; charset=utf-8")
    assert derived.trace is None, derived.trace
    if not derived.failure:
        entries = json.loads(derived.racing.items[EntryItem])
        assert len(entries) >= 2
        assert "\0" not in derived.racing.items[EntryItem]


@given(st.integers(1, 5_999), st.sampled_from(list(SHAPES.values())))
def test_times_and_odds_mean_the_same_in_each_shape(tenths: int, shape: Any) -> None:
    minutes, rest = divmod(tenths, 600)
    of = {"Time": f"{minutes}{rest:03}", "Odds": f"{tenths:04}"}
    time, odds = (stored(shape, name, of[name]) for name in of)
    assert values.seconds("Time", time, scaled=shape.scaled) == tenths / 10
    assert values.tenths("Odds", odds, scaled=shape.scaled) == tenths / 10


def test_a_page_of_the_stud_book_reads_only_its_own_horses() -> None:
    records = [
        horse(),
        horse("2012104512", "ミドリ", BirthDate="20110101"),
        horse("2012104513", ""),
        horse("2012200000"),
    ]
    rows = [[one.get(name) for name in HORSE] for one in records]
    parsed = parse_horses(horses_url("20121045"), written(RAW.name, HORSE, rows).decode())
    assert [item.horse_id for item in parsed.items if isinstance(item, HorseItem)] == [NUMBER]
    assert (len(parsed.flaws), parsed.whole) == (2, False)
    assert isinstance(parsed.items[0], HorseItem)
    assert parsed.items[0].born == date(2012, 3, 10)


CUT = '{"shape":"jrvltsql","fields":[],"rows":[[1]],"head":null}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shape":"x"}', "null", "[" * 100_000, CUT])
def test_what_is_not_a_record_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_race(URL, text)
    found: Derived = derive(SOURCE, RACE, URL, text.encode(), "application/json")
    assert found.trace is None
