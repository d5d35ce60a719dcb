"""Chips narrow a search down: what they count is what they lead to, in the reader's language."""

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient

from collector.console.catalogue import PAGES
from collector.storage.racing import COATS, Sex
from collector.web.search.address import Query, Result
from collector.web.search.chips import FIRST, MOST, chosen, coat_words, facets, label
from collector.web.server.rendering import linker
from tests.collector.web.conftest import Open, Shown
from tests.filled import execute

EN, JA = PAGES.read("en"), PAGES.read("ja")
CHIP = re.compile(r'<a class="chip" href="([^"]+)"[^>]*>.*?<small>([\d,]+)</small></a>')


async def _page(client: TestClient[Any, Any], path: str) -> str:
    return await (await client.get(path, headers={"Accept-Language": "en"})).text()


async def test_each_chip_leads_to_as_many_photos_as_it_says(opened: Open) -> None:
    async with opened() as client:
        text = await _page(client, "/?sex=male&name=ス")
        chips = [(html.unescape(address), int(count.replace(",", ""))) for address, count in CHIP.findall(text)]
        fields = {field for address, _ in chips for field in parse_qs(urlsplit(address).query)} - {"name", "sex"}
        assert fields >= {"year", "distance", "surface", "kind", "coat", "trainer", "age"}
        for address, count in chips[::3]:
            assert f">{EN.counted('photos_of', count)} of " in await _page(client, address)


async def test_what_was_asked_for_is_taken_back_by_its_chip_and_the_tray_stays(opened: Open, shown: Shown) -> None:
    ((photo,),) = execute(shown.conninfo, "SELECT min(photo) FROM photo_search")
    async with opened() as client:
        text = await _page(
            client, f"/?sex=male&labelled=1&sort=name&tray={photo}&before=x~2016-01-01_keibado:160101/01"
        )
        held = [html.unescape(address) for address in re.findall(r'<a class="chip held" href="([^"]+)"', text)]
        assert [parse_qs(urlsplit(address).query) for address in held] == [
            {"labelled": ["1"], "sort": ["name"], "tray": [photo]},
            {"sex": ["male"], "sort": ["name"], "tray": [photo]},
        ]
        others = [parse_qs(urlsplit(html.unescape(address)).query) for address, _ in CHIP.findall(text)]
        assert others
        assert all(asked["tray"] == [photo] and "before" not in asked for asked in others)


def test_a_choice_is_switched_or_taken_back_where_it_stands() -> None:
    counts = {"sex": {"male": 7, "female": 3}, "source": {"keibado": 10}}
    (sexes,) = facets(Query(name="ア"), counts, EN, linker("en"))
    assert [chip.count for chip in sexes.first] == [7, 3]
    (mine,) = facets(Query(sex=Sex.MALE), counts, EN, linker("en"))
    assert [(chip.chosen, chip.address) for chip in mine.first] == [
        (True, "/?lang=en"), (False, "/?lang=en&sex=female"),
    ]  # fmt: skip


def test_the_most_frequent_values_are_seen_at_once_in_their_own_order() -> None:
    counts = {"year": {str(1980 + year): 100 - year for year in range(60)}}
    (years,) = facets(Query(), counts, EN, linker(None))
    assert [chip.label for chip in years.first] == [str(1980 + year) for year in reversed(range(FIRST))]
    assert len(years.more) == MOST
    assert years.more[0].label > years.more[-1].label


@pytest.mark.parametrize(
    ("field", "word", "english", "japanese"),
    [
        ("coat", "黒鹿毛", "dark bay", "黒鹿毛"), ("coat", "パロミノ", "パロミノ", "パロミノ"),
        ("going", "firm", "firm (turf)", "良（芝）"), ("going", "good", "good", "稍重"),
        ("result", Result.PAID, "4th or 5th", "4・5着"), ("grade", "maiden", "Maiden", "未勝利"),
        ("grade", "G1", "G1", "G1"), ("distance", "1600", "1600 m", "1600m"), ("age", "3", "3 years", "3歳"),
        ("course", "札幌", "Sapporo", "札幌"), ("course", "門別", "門別", "門別"),
    ],
)  # fmt: skip
def test_a_value_is_said_in_the_readers_language(field: str, word: str, english: str, japanese: str) -> None:
    assert (label(field, word, EN), label(field, word, JA)) == (english, japanese)


def test_every_coat_of_the_stud_book_has_a_word_in_both_languages() -> None:
    assert [coat_words(coat, JA) for coat in COATS] == list(COATS)
    assert all(coat_words(coat, EN).replace(" ", "").isascii() for coat in COATS)


def test_all_that_is_asked_for_has_a_chip() -> None:
    query = Query(name="ア", race="杯", low=0.2, high=0.4, tag="トモ", metres=1600, labelled=True, sire="父")
    assert [chip.field for chip in chosen(query, EN, linker(None))] == [
        "name", "race", "low", "high", "tag", "metres", "labelled", "sire",
    ]  # fmt: skip
