"""netkeiba's look-alike: its pages have the real markup, and its races fit the photos."""

import json
import re
from collections import Counter
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from urllib.parse import quote

import aiohttp
import pytest
from selectolax.lexbor import LexborHTMLParser

from collector.demo.answer import Answer
from collector.demo.netkeiba.site import answer_path, races_of
from collector.demo.site import serving
from collector.demo.world.races import Race
from collector.demo.world.world import World
from collector.matching.rules import PhotoFacts, Runner, decide
from collector.sources.text_tools.text import decode, horse_key
from collector.storage.racing import Sex
from tests.truth import TruePhoto, truth

WORLD = World()
RACES = races_of(WORLD)
TRUE = truth(WORLD)
DAYS = [day for issue in TRUE.issues for day in issue.race_days]
SEXES = {"牡": Sex.MALE, "牝": Sex.FEMALE, "セ": Sex.GELDING}


@cache
def _all() -> list[Race]:
    """All races; making them takes a second."""
    return [race for day in DAYS for race in RACES.on(day)]


def _ask(path: str, query: str = "") -> Answer:
    answer = answer_path(WORLD, path, query)
    assert answer
    return answer


def _text(path: str, query: str = "") -> str:
    answer = _ask(path, query)
    return decode(answer.body, answer.media_type, "euc-jp")


def _tree(path: str, query: str = "") -> LexborHTMLParser:
    return LexborHTMLParser(_text(path, query))


def _word(name: str) -> str:
    return f"pid=horse_list&word={quote(name)}"


# --- the world --------------------------------------------------------------------------------------------


def test_a_race_is_the_same_whatever_was_asked_before():
    other = World()
    assert races_of(other).find(_all()[-1].race_id) == _all()[-1]


def test_race_ids_are_unique_and_name_the_race():
    assert len({race.race_id for race in _all()}) == len(_all())
    assert all(RACES.find(race.race_id) is race for race in _all()[::7])


def test_a_horse_runs_once_on_a_weekend():
    for issue in TRUE.issues:
        ran = Counter(
            entry.horse.horse_id
            for day in issue.race_days
            for race in RACES.on(day)
            for entry in race.entries
            if not entry.horse.foreign
        )
        assert set(ran.values()) == {1}


def test_every_oddity_of_racing_is_there():
    entries = [entry for race in _all() for entry in race.entries]
    fates = Counter(entry.fate for entry in entries)
    assert all(fates[fate] > 10 for fate in ("取", "除", "中", "失", "(降)"))
    assert sum(entry.margin == "同着" for entry in entries) > 10
    assert sum(entry.fate == "" and entry.weight is None for entry in entries) > 10
    assert sum(entry.horse.foreign for entry in entries) > 10
    assert {"芝", "ダ", "障"} == {race.surface for race in _all()}
    assert {"右", "左", "直線", ""} == {race.direction for race in _all()}


def test_horses_in_a_dead_heat_share_a_position_and_a_time():
    for race in _all():
        placed = [entry for entry in race.entries if entry.position]
        for before, after in pairwise(placed):
            assert (before.position == after.position) == (after.margin == "同着")
            assert after.margin != "同着" or before.time == after.time


def test_every_runner_has_a_page():
    for horse_id in {entry.horse.horse_id for race in _all() for entry in race.entries}:
        assert answer_path(WORLD, f"/horse/{horse_id}/")


def _decide(photo: TruePhoto) -> tuple[str | None, str | None]:
    issue = WORLD.find_issue(photo.issue_code)
    assert issue
    runners = [
        Runner(entry.horse.horse_id, horse_key(entry.horse.horse.name), race.race_id, race.name, entry.age,
               SEXES[entry.horse.horse.sex])
        for day in issue.race_days for race in RACES.on(day) for entry in race.entries
    ]  # fmt: skip
    others = [horse_key(other.horse.name) for other in issue.photos if other.number != photo.number]
    shown = PhotoFacts(photo.number, (horse_key(photo.horse_name),), photo.race_name, photo.age, photo.sex)
    decision = decide(shown, runners, others, all_read=True, known=[])
    return decision.horse_id, decision.race_id


def test_photos_and_entries_meet_as_the_truth_says():
    for photo in TRUE.photos:
        expected = (photo.horse_id, photo.race_id) if photo.race_id else (None, None)
        assert _decide(photo) == expected


def test_most_photos_have_a_race_and_some_horses_are_misprinted():
    names = RACES.registry.names
    misprinted = [photo for photo in TRUE.photos if photo.horse_id and names[photo.horse_id] != photo.horse_name]
    assert 10 < len(misprinted) < 60
    assert 1 <= sum(photo.horse_id is None for photo in TRUE.photos) < 20
    assert 5 < sum(photo.race_id is None and photo.horse_id is not None for photo in TRUE.photos) < 40
    assert any(count > 1 for count in Counter(names.values()).values())


@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (52, 17)])
def test_a_world_of_any_size_has_races(sizes: tuple[int, int]):
    races = races_of(World(0, range(2010, 2012), *sizes))
    issue = races.world.issues(2011)[-1]
    held = [race for day in issue.race_days for race in races.on(day)]
    assert held
    assert all(race.entries for race in held)
    assert len({race.race_id for race in held}) == len(held)


# --- its pages --------------------------------------------------------------------------------------------


def test_a_day_lists_its_races_and_those_of_a_local_track():
    local = 0
    for day in DAYS:
        tree = _tree(f"/race/list/{day:%Y%m%d}/")
        linked = [link.attributes["href"] or "" for link in tree.css("dl.race_top_data_info dd > a[href$='/']")]
        expected = [f"/race/{race.race_id}/" for race in RACES.on(day)]
        there = [f"/race/{race_id}/" for race_id, _, _ in RACES.local(day)]
        assert sorted(linked) == sorted(expected + there)
        assert len(tree.css("dl.race_top_hold_list > dt p")) in (2, 3)
        local += bool(there)
    assert 0 < local < len(DAYS)


def test_a_day_without_racing_has_no_lists():
    assert _tree(f"/race/list/{DAYS[0] + timedelta(days=3):%Y%m%d}/").css("dl.race_top_hold_list") == []
    assert _tree(f"/race/list/{RACES.coming_day:%Y%m%d}/").css("dl.race_top_hold_list") == []
    assert answer_path(WORLD, "/race/list/20161399/") is None


@pytest.mark.parametrize(("year", "columns"), [(2005, 21), (2015, 21), (2016, 25), (2017, 25)])
def test_a_result_has_the_columns_of_its_generation(year: int, columns: int):
    race = next(race for race in _all() if race.day.year == year)
    rows = _tree(f"/race/{race.race_id}/").css("table.race_table_01 tr")
    assert len(rows) == 1 + len(race.entries)
    assert {len(row.css("th, td")) for row in rows} == {columns}


def test_a_result_lists_its_horses_as_they_came_in():
    for race in _all()[::3]:
        tree = _tree(f"/race/{race.race_id}/")
        linked = [link.attributes["href"] for link in tree.css("table.race_table_01 a[id^=umalink]")]
        assert linked == [f"/horse/{entry.horse.horse_id}/" for entry in race.entries]
        heading = tree.css_first("dl.racedata h1")
        assert heading
        assert heading.text() == race.name


@pytest.mark.parametrize("race_id", ["201605010199", "2023010501", "202642010101", "2021N2a00905", "199901010101"])
def test_a_race_that_does_not_exist_is_a_shell(race_id: str):
    text = _text(f"/race/{race_id}/")
    assert "1970年01月01日" in text
    assert "<title>" not in text
    assert "race_table_01" not in text


def test_a_race_to_come_has_a_card_and_no_result():
    listed = _text("/top/race_list_sub.html", f"kaisai_date={RACES.coming_day:%Y%m%d}")
    for race in RACES.coming:
        assert f"shutuba.html?race_id={race.race_id}" in listed
        tree = _tree("/race/shutuba.html", f"race_id={race.race_id}")
        rows = tree.css('table.Shutuba_Table tr.HorseList[id^="tr_"]')
        assert len(rows) == len(race.entries)
        assert len(tree.css("table.Shutuba_Table tr.HorseList")) == len(rows) + 2
        assert "1970年" in _text(f"/race/{race.race_id}/")
    assert answer_path(WORLD, "/race/shutuba.html", f"race_id={_all()[0].race_id}") is None
    assert "RaceList_DataItem" not in _text("/top/race_list_sub.html", "kaisai_date=20160105")


def _bars(tree: LexborHTMLParser, table: str) -> list[tuple[int, ...]]:
    return [
        tuple(int(row.css("img")[index].attributes["width"] or 0) for index in (1, 3))
        for row in tree.css(f"{table} tr")
    ]


def test_half_of_the_horse_pages_hold_the_aptitude():
    holding = 0
    ids = list(RACES.registry.names)
    for horse_id in ids:
        page = _tree(f"/horse/{horse_id}/")
        canonical = page.css_first("link[rel=canonical]")
        assert canonical
        assert canonical.attributes["href"] == f"https://db.netkeiba.com/horse/{horse_id}/"
        answer = json.loads(_ask("/social/ajax_horse_aptitude.html", f"input=UTF-8&output=json&id={horse_id}").body)
        bars = _bars(LexborHTMLParser(answer["data"]), "table.tekisei_table")
        assert (answer["status"], len(bars)) == ("OK", 5)
        if page.css_first("table.tekisei_table"):
            holding += 1
            assert _bars(page, "table.tekisei_table") == bars
        else:
            assert page.css_first("span#horse_aptitude_box")
    assert 0.4 < holding / len(ids) < 0.6


def test_a_horse_page_lists_the_races_in_whose_results_it_is():
    held: dict[str, list[str]] = {}
    for race in _all():
        for entry in race.entries:
            held.setdefault(entry.horse.horse_id, []).append(f"/race/{race.race_id}/")
    for horse_id in [*RACES.registry.names][::9]:
        page = _text(f"/horse/{horse_id}/")
        if "db_h_race_results" not in page:
            page = json.loads(_ask("/horse/ajax_horse_results.html", f"id={horse_id}").body)["data"]
        links = LexborHTMLParser(page).css("table.db_h_race_results tbody a[href^='/race/2']")
        listed = [link.attributes["href"] for link in links]
        assert listed == held.get(horse_id, [])[::-1]


def test_a_horse_page_counts_starts_and_places_up_to_its_month():
    horse_id, race = next(
        (entry.horse.horse_id, race) for race in _all() if race.day.year == 2016 for entry in race.entries
        if entry.position == 1
    )  # fmt: skip
    records = []
    for month in (race.day.replace(month=race.day.month, day=1) - timedelta(days=1), race.day):
        answer = answer_path(WORLD, f"/horse/{horse_id}/", month=month)
        assert answer
        counted = re.search(
            r"(\d+)戦(\d+)勝 .*>(\d+)-(\d+)-(\d+)-(\d+)<", decode(answer.body, answer.media_type, "euc-jp")
        )
        assert counted
        starts, wins, *places = map(int, counted.groups())
        assert (starts, wins) == (sum(places), places[0])
        records.append((starts, wins))
    assert records[1] > records[0]
    assert records[1][1] > records[0][1]


def test_reviews_are_counted_and_show_finer_bars():
    counts: list[int] = []
    for horse_id in list(RACES.registry.names)[::5]:
        answer = json.loads(_ask("/social/ajax_horse_review.html", f"id={horse_id}").body)
        count = re.search(r"評価：<a [^>]*>(\d+)</a>件", answer["data"])
        assert count
        counts.append(int(count[1]))
        tree = LexborHTMLParser(answer["data"])
        assert (tree.css_first(".no_review_data") is None) == (counts[-1] > 0)
        assert all(sum(bars) in (194, 195) for bars in _bars(tree, "div.db_h_rank_review table"))
    assert min(counts) == 0
    assert max(counts) > 5


def test_the_answer_for_an_unknown_horse_says_that_it_does_not_exist():
    assert json.loads(_ask("/social/ajax_horse_aptitude.html", "id=1990100001").body) == {"status": "NG"}
    assert answer_path(WORLD, "/horse/1990100001/") is None


def test_the_search_answers_one_hit_several_hits_and_none():
    names = RACES.registry.names
    single = next(i for i, name in names.items() if sum(name in other for other in names.values()) == 1)
    double = next(name for name, count in Counter(names.values()).items() if count == 2)
    assert _ask("/", _word(names[single])).body == _ask(f"/horse/{single}/").body
    links = _tree("/", _word(double)).css("td.w_human a[href^='/horse/']")
    assert [link.text() for link in links] == [double, double]
    assert "見つかりませんでした" in _text("/", _word("ナイウマ"))
    assert _ask("/", f"pid=horse_list&word={quote(double.encode('euc_jp'))}").body == _ask("/", _word(double)).body


def test_a_long_list_of_hits_has_pages():
    first, second = _tree("/", _word("ー")), _tree("/", _word("ー") + "&page=2")
    assert len(first.css("td.w_human")) == len(second.css("td.w_human")) == 20
    assert first.css_first('div.common_pager a[title="次"]')
    assert first.css_first("td.w_human a").html != second.css_first("td.w_human a").html  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("path", ["/", "/race/", "/horse/", "/social/", "/race/result.html", "/horse/ped/2010100001/"])
def test_other_paths_have_nothing(path: str):
    assert answer_path(WORLD, path) is None


# --- served -----------------------------------------------------------------------------------------------


def _drifting() -> str:
    """A horse on which opinion changes between two months."""
    paths = (f"/horse/{horse_id}/" for horse_id in RACES.registry.names)
    months = (WORLD.opinion_month, WORLD.opinion_month.replace(year=WORLD.opinion_month.year + 2))
    return next(
        path for path in paths
        if len({tuple(_bars_of(path, month)) for month in months}) == 2
    )  # fmt: skip


def _bars_of(path: str, month: date) -> list[tuple[int, ...]]:
    answer = answer_path(WORLD, path, month=month)
    assert answer
    return _bars(LexborHTMLParser(decode(answer.body, answer.media_type, "euc-jp")), "table.tekisei_table")


async def test_the_site_answers_both_sites_paths_and_queries():
    race: Race = _all()[-1]
    async with serving(port=0) as base, aiohttp.ClientSession(base) as client:
        for path in (f"/race/{race.race_id}/", "/?" + _word("スター"), "/keibabook/bn/2016.html"):
            async with client.get(path) as answer:
                body, etag = await answer.read(), answer.headers["ETag"]
                assert answer.status == 200
            async with client.get(path, headers={"If-None-Match": etag}) as again:
                assert again.status == 304
            if not path.startswith("/keibabook"):
                assert body == _ask(*path.partition("?")[::2]).body


async def test_a_test_may_change_the_month_where_an_option_allows_it():
    path = _drifting()
    year = WORLD.opinion_month.year + 2
    async with serving(port=0, month_may_change=True) as base, aiohttp.ClientSession(base) as client:
        async with client.get(path) as answer:
            before = await answer.read()
        async with client.post(f"/_demo/month/{year}-03") as answer:
            assert await answer.json() == {"month": f"{year}-03"}
        async with client.get(path) as answer:
            assert await answer.read() != before
        async with client.post("/_demo/month/soon") as answer:
            assert answer.status == 400


async def test_without_the_option_the_month_cannot_be_changed():
    async with (
        serving(port=0) as base,
        aiohttp.ClientSession(base) as client,
        client.post("/_demo/month/2018-05") as answer,
    ):
        assert answer.status in (404, 405)
