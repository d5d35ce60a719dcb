"""netkeiba's race pages: one folder for each known layout and quirk. Adding a folder adds a test.

`page.html` is made up, in the site's own encoding; `url.txt` says where it stands; `expected.json` what it says.
"""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from selectolax.lexbor import LexborHTMLParser

from collector.errors import NoSuchPage, ParseError
from collector.sources.netkeiba import urls, words
from collector.sources.netkeiba.card import parse_live_result, parse_race_card
from collector.sources.netkeiba.days import parse_coming_day, parse_race_calendar, parse_race_day
from collector.sources.netkeiba.race import parse_race_result
from collector.sources.netkeiba.urls import RACE_CARD, RACE_RESULT
from collector.sources.parsed import Parsed, checked
from collector.sources.text_tools.text import decode
from collector.storage.items import EntryItem, RaceDayItem, RaceItem
from collector.storage.racing import Finish
from tests.paths import PAGES, SHARED

Parser = Callable[[str, str], Parsed]

NETKEIBA = PAGES / "netkeiba"
PARSERS: dict[str, Parser] = {
    "race_calendar": parse_race_calendar,
    "race_day": parse_race_day,
    "coming_day": parse_coming_day,
    "race_result": parse_race_result,
    "race_card": parse_race_card,
    "live": parse_live_result,
}
CASES = sorted(path.parent for kind in PARSERS for path in NETKEIBA.glob(f"{kind}/*/page.html"))


def said(folder: Path) -> dict[str, Any]:
    """The parser's result for a page, as plain values."""
    url = (folder / "url.txt").read_text().strip()
    parse = PARSERS["live" if "/result.html" in url else folder.parent.name]
    try:
        parsed = parse(url, decode((folder / "page.html").read_bytes(), None, "euc-jp"))
    except NoSuchPage as error:
        return {"none": error.field}
    except ParseError as error:
        return {"error": str(error)}
    return {
        "items": [json.loads(item.model_dump_json(exclude_defaults=True)) for item in parsed.items],
        "links": [f"{link.kind} {link.dated} {link.url}" for link in parsed.links],
        "missing": list(parsed.missing),
        "flaws": [str(flaw) for flaw in parsed.flaws],
    }


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_page_says_what_is_expected(folder: Path) -> None:
    assert said(folder) == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("cell", ["9999", "99999(+2)", "取消", "-1", "0", "１２３４５", "---", "\u202e", "1e400", "Ω"])
def test_one_impossible_cell_costs_that_cell(cell: str) -> None:
    """With any text in a cell of the second horse, both horses are read, and the first is unchanged."""
    folder = NETKEIBA / "race_result" / "columns-21"
    url, text = (folder / "url.txt").read_text().strip(), (folder / "page.html").read_bytes().decode("euc-jp")
    tree = LexborHTMLParser(text)
    before = parse_race_result(url, text)
    rows = [row for row in tree.css("table.race_table_01 tr") if row.css_first("td")]
    for column in range(len(rows[1].css("td"))):
        if column == 3:
            continue  # the horse itself
        tree = LexborHTMLParser(text)
        node = [row for row in tree.css("table.race_table_01 tr") if row.css_first("td")][1].css("td")[column]
        node.inner_html = cell
        parsed = parse_race_result(url, tree.html or "")
        assert parsed.whole
        assert parsed.items[:2] == before.items[:2]
        assert len(parsed.items) == len(before.items)
        was, now = before.items[2].model_dump(), parsed.items[2].model_dump()
        assert sum(was[field] != now[field] for field in was) <= 3  # a trainer's name, id and base are in one cell


# --- anything at all --------------------------------------------------------------------------------------

BASE = "https://db.netkeiba.com"
URLS = {
    "race_calendar": "https://race.netkeiba.com/top/calendar.html?year=2023&month=11",
    "race_day": f"{BASE}/race/list/20231126/",
    "coming_day": "https://race.netkeiba.com/top/race_list_sub.html?kaisai_date=20231126",
    "race_result": f"{BASE}/race/202305050811/",
    "race_card": "https://race.netkeiba.com/race/shutuba.html?race_id=202305050811",
    "live": "https://race.netkeiba.com/race/result.html?race_id=202305050811",
}
# Pieces of real markup, so that random pages get deep into the parsers.
PIECES = (
    "<title>2023年11月26日 東京11R</title>", '<dl class="racedata">', "<dt>11 R</dt>", "<h1>すすき特別(G1)</h1>",
    "<p><span>芝左2000m / 天候 : 晴 / 芝 : 良 / 発走 : 15:40</span></p>",
    "<p><span>芝左99999m / 発走 : 99:99</span></p>", "</dl>",
    '<p class="smalltxt">2023年11月26日 5回東京8日目 3歳以上&nbsp;&nbsp;(混)</p>',
    '<p class="smalltxt">1970年01月01日</p>',
    '<table class="race_table_01">', '<table class="Shutuba_Table">', '<table id="All_Result_Table">', "</table>",
    "<tr>", '<tr class="HorseList" id="tr_1">', '<tr class="HorseList Cancel" id="tr_">', "</tr>", "<td>", "</td>",
    "<th>馬名</th>", "<th>着順</th>", "<th>馬番</th>", "<th>性齢</th>", "<th>馬体重</th>", "<th colspan=9>騎手</th>",
    '<td><a href="/horse/2019109801/" id="umalink_202305050811">タビビト</a></td>',
    '<a href="/horse/2019109802">ア</a>', '<td><a href="/horse/0000000000/">ア</a></td>',
    '<td><a href="/horse/2019109801/">イ</a></td>', '<td><a href="/horse//">ウ</a></td>', "<td>ウ</td>",
    "<td>1</td>", "<td>5(降)</td>", "<td>取</td>", "<td>99</td>", "<td>牡4</td>", "<td>牡99</td>", "<td>480(-4)</td>",
    "<td>9999</td>", '<td colspan="999999999">', '<h1 class="RaceName">賞', '<div class="RaceData01">',
    '<div class="RaceData02">', "<span>芝1800m</span> (右 A)", "<span>2回</span><span>福島</span><span>2日目</span>",
    "<span>本賞金:1,2,3万円</span>", "<span>16頭</span>",
    '<div class="cate_bar"><h2>2023年11月26日のレース情報</h2></div>',
    '<dl class="race_top_data_info"><dd>', '<a href="/race/202305050801/">', '<a href="//x/race/202305050801/">',
    '<a href="http://[">', '<div class="RaceList_Body">', '<li class="RaceList_DataItem">',
    '<a href="../race/shutuba.html?race_id=202305050801">', "</a>", "</div>", "<!--", "-->", "\x00", "\u202e", "\ufdfa",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=50).map("".join) | st.text()


@settings(max_examples=400)
@given(st.sampled_from(list(PARSERS)), HOSTILE)
def test_what_is_read_from_any_page_is_fit_to_be_kept(kind: str, text: str) -> None:
    try:
        parsed = PARSERS[kind](URLS[kind], text)
    except ParseError:
        return
    host = URLS[kind].split("/race/")[0]
    assert all(link.url.startswith(f"{host}/race/") and link.url.isascii() for link in parsed.links)
    assert len({link.url for link in parsed.links}) == len(parsed.links)
    assert "\\x00" not in ascii(parsed)
    entries = [item for item in parsed.items if isinstance(item, EntryItem)]
    runners = {
        entry.horse_id or str(entry.horse_number or entry.horse_key) for entry in entries
    }  # a key in the database
    assert len(runners) == len(entries)
    for item in parsed.items:
        assert isinstance(item, RaceItem | EntryItem)
        assert item.race_id == "202305050811"
        type(item).model_validate(item.model_dump())


@given(st.sampled_from(list(PARSERS)), st.text())
def test_any_address_of_any_page_is_read_or_an_error(kind: str, url: str) -> None:
    with contextlib.suppress(ParseError):
        PARSERS[kind](url, "".join(PIECES[:40]))


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("text", ["", " ", "<html></html>", "<title>プレミアムサービス案内 - netkeiba</title>"])
def test_a_page_that_says_nothing_is_an_error(kind: str, text: str) -> None:
    with pytest.raises(ParseError) as caught:
        PARSERS[kind](URLS[kind], text)
    assert not isinstance(caught.value, NoSuchPage)


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize(
    "piece",
    [
        "<b>", "<table>", '<table class="race_table_01"><tr><th>馬名<td>',
        '<table class="Shutuba_Table"><tr><th>馬名<td>',
        '<table class="race_table_01"><tr><th>馬名</th></tr>', "<tr class=HorseList id=tr_1><td>", "<td colspan=59>",
        '<a id="umalink_', '<a href="/horse/2019109801/">', '<div class="RaceData02"><span>', "1回", "2023年", "<!--",
        '<dl class="race_top_data_info"><dd><a href="/race/202305050801/">', '<h1 class="RaceName">',
        "\ufdfa", "\u3000",
        '<div class="RaceList_DataItem"><a href="../race/shutuba.html?race_id=202305050801">',
        "<dl class=racedata><h1>", "<dl class=racedata><h1 </h1>",
    ],
)  # fmt: skip
def test_no_page_takes_long(kind: str, piece: str) -> None:
    start = time.process_time()
    for before in ("", "".join(PIECES[:10])):
        page = before + piece * (300_000 // len(piece))
        with contextlib.suppress(ParseError):
            PARSERS[kind](URLS[kind], page)
    assert time.process_time() - start < 5


def test_a_page_of_absurd_length_is_an_error() -> None:
    with pytest.raises(ParseError, match="page"):
        parse_race_result(URLS["race_result"], " " * (words.LONGEST_PAGE + 1))


# Markup that makes a tree deep; most of it seems to end as many elements as it begins.
DEEP = (
    "<div>",
    "<b></x>",
    "<div></p>",
    "<ul><li>",
    "<a><div></a>",
    "<b><div></b>",
    "<div><p>",
    "<x></y>",
    "<table><b>",
)


@pytest.mark.parametrize("piece", DEEP)
def test_a_page_of_absurd_depth_is_an_error(piece: str) -> None:
    with pytest.raises(ParseError, match="tags are too many"):
        parse_race_result(URLS["race_result"], piece * (words.MOST_TAGS + 1))


@pytest.mark.parametrize("piece", DEEP)
def test_no_depth_that_is_read_takes_long(piece: str) -> None:
    start = time.process_time()
    with pytest.raises(ParseError):
        parse_race_result(URLS["race_result"], piece * (words.MOST_TAGS // piece.count("<")))
    assert time.process_time() - start < 5


@given(st.dictionaries(st.sampled_from(list(EntryItem.model_fields)), st.none() | st.integers() | st.text(max_size=12)))
def test_an_item_is_checked_as_by_its_own_class(values: dict[str, Any]) -> None:
    values = {"race_id": "202305050811", "horse_id": "2019109801", "horse_name": "ア", "horse_key": "ア"} | values
    assert outcome(lambda: checked(EntryItem, values)) == outcome(lambda: EntryItem(**values))


def outcome(build: Callable[[], EntryItem]) -> Any:
    try:
        item = build()
    except ValidationError as error:
        return error.errors()
    return item, item.model_fields_set


# --- pages as they are ------------------------------------------------------------------------------------

REAL = SHARED / "pages" / "real" / "netkeiba"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="no captured pages here")


def captured(folder: str, pattern: str = "*.html") -> list[Any]:
    """Captured pages. Those saved as UTF-8 say so in their file names, but declare their old charset."""
    return [pytest.param(path, id=path.name) for path in sorted((REAL / folder).glob(pattern))] or [
        pytest.param(None, marks=pytest.mark.skip(reason="no captured pages here"))
    ]


def text_of(path: Path) -> str:
    return decode(path.read_bytes(), "text/html; charset=utf-8" if ".utf8." in path.name else None, "euc-jp")


def id_of(path: Path) -> str:
    return path.name.removeprefix("nar_").partition("_")[0].partition(".")[0]


def check(parsed: Parsed, race_id: str, rows: int) -> None:
    race, *entries = parsed.items
    assert isinstance(race, RaceItem)
    assert (race.race_id, str(race.race_date.year), parsed.missing, parsed.flaws) == (race_id, race_id[:4], (), ())
    assert len(entries) == rows > 0
    for entry in entries:
        assert isinstance(entry, EntryItem)
        assert entry.sex
        assert entry.age
        assert entry.carried_weight
        assert entry.jockey
        assert entry.trainer
        assert entry.trainer_base
        ran = entry.finish in (Finish.FINISHED, Finish.DEMOTED)
        assert ran == (entry.finish_position is not None)
    if urls.is_jra(race_id):
        assert race.racecourse == urls.RACECOURSES[race_id[4:6]]
        assert (race.meeting_number, race.meeting_day) == (int(race_id[6:8]), int(race_id[8:10]))
        assert race.race_number == int(race_id[10:])


@pytest.mark.parametrize("path", captured("race_result"))
def test_captured_results_are_read_whole(path: Path) -> None:
    url, text = f"{BASE}/race/{id_of(path)}/", text_of(path)
    if "nonexistent" in path.name:
        with pytest.raises(NoSuchPage):
            parse_race_result(url, text)
        return
    rows = LexborHTMLParser(text).css("table.race_table_01 tr")
    check(parse_race_result(url, text), id_of(path), len(rows) - 1)


@pytest.mark.parametrize("path", captured("race_result_live"))
def test_captured_results_of_the_day_are_read_whole(path: Path) -> None:
    url, text = f"https://race.netkeiba.com/race/result.html?race_id={id_of(path)}", text_of(path)
    check(parse_live_result(url, text), id_of(path), len(LexborHTMLParser(text).css("#All_Result_Table tbody tr")))


@pytest.mark.parametrize("path", captured("shutuba"))
def test_captured_cards_are_read_whole(path: Path) -> None:
    url, text = urls.race_card_url("https://race.netkeiba.com", id_of(path)), text_of(path)
    if "old-pid" in path.name:  # a layout of before 2019, which the site no longer has
        with pytest.raises(ParseError):
            parse_race_card(url, text)
        return
    check(parse_race_card(url, text), id_of(path), int(text.partition("頭</span>")[0].rpartition(">")[2]))


@needs_real
@pytest.mark.parametrize(
    ("name", "links", "missing"),
    [
        ("20100101_2023-05.utf8.min.html", 0, ()),
        ("20260802_2026-08.utf8.html", 36, ()),
        ("20260808_future-empty_2026-08.utf8.html", 0, ("races",)),  # a Saturday
    ],
)
def test_captured_days_list_the_races_of_the_jra(name: str, links: int, missing: tuple[str, ...]) -> None:
    path = REAL / "race_list_day" / name
    parsed = parse_race_day(f"{BASE}/race/list/{id_of(path)}/", text_of(path))
    assert (parsed.items, parsed.missing, parsed.flaws) == ((), missing, ())
    assert len(parsed.links) == links
    assert {link.kind for link in parsed.links} <= {RACE_RESULT}


@pytest.mark.parametrize("path", captured("race_list_sub"))
def test_captured_lists_of_races_already_run_link_no_card(path: Path) -> None:
    url, text = (
        urls.coming_day_url("https://race.netkeiba.com", urls.day_of(f"?kaisai_date={id_of(path)}")),
        text_of(path),
    )
    assert parse_coming_day(url, text) == Parsed((), ())
    coming = parse_coming_day(url, text.replace("/race/result.html", "/race/shutuba.html"))
    assert len(coming.links) == (0 if "nar" in path.name else len(LexborHTMLParser(text).css("li.RaceList_DataItem")))
    assert {link.kind for link in coming.links} <= {RACE_CARD}


@pytest.mark.parametrize("path", captured("race_calendar", "calendar_*.html"))
def test_a_captured_calendar_lists_every_race_day_with_its_racecourses(path: Path) -> None:
    parsed = parse_race_calendar("https://race.netkeiba.com/top/calendar.html?year=2024&month=1", text_of(path))
    items = [item for item in parsed.items if isinstance(item, RaceDayItem)]
    assert [item.race_date.day for item in items] == [6, 7, 8, 13, 14, 20, 21, 27, 28]
    assert (items[0].racecourses, parsed.missing) == (["中山", "京都"], ())
