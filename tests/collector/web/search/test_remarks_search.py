"""Words of remarks find photos however they are typed, are marked where they stand, and leave names their place."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.web.search.address import Query
from collector.web.search.remarks import excerpt, looked_for, stretches
from collector.web.search.texts import Texts, alike
from tests.collector.web.conftest import Open, Shown
from tests.collector.web.reference import spelt
from tests.filled import execute

LETTERS = "アあばバﾊﾞハがヵ胴長込Ａaﬃ1１ 　\n。𠮷"
written = st.text(LETTERS, max_size=30)
REMARK = "休み明け。ﾊﾞﾗﾝｽのいい　胴長の馬体で、ばらんすがいい。"


def photo(remark: str, **more: Any) -> dict[str, Any]:
    return {"comment": remark, "claims": [], "build_tags": []} | more


@given(st.lists(st.text("アイウ𠮷", max_size=6), max_size=9), st.text("アイウ𠮷", min_size=1, max_size=8))
def test_a_part_is_found_in_just_the_texts_that_hold_it(texts: list[str], part: str) -> None:
    assert Texts(texts).holding(part).tolist() == [part in text for text in texts]


@given(written)
def test_spellings_of_one_text_are_alike(text: str) -> None:
    assert alike(text) == alike(text.upper()) == spelt(text)


@given(written, st.lists(st.text(LETTERS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_just_what_was_asked_for_is_marked(remark: str, words: list[str]) -> None:
    found = stretches(photo(remark), Query(" ".join(words)))
    parts = [part for word in " ".join(words).split() if (part := looked_for(word))]
    assert bool(found) == any(part in alike(remark) for part in parts)
    marked = [alike(remark[start:end]) for start, end in found]
    assert all(any(part in text for part in parts) for text in marked)
    ends = [end for stretch in found for end in stretch]
    assert ends == sorted(set(ends))
    if found:
        pieces = excerpt(remark, found)
        assert "".join(text for text, _ in pieces).strip("…") in remark
        assert any(is_found for _, is_found in pieces)


def test_what_a_remark_was_read_to_say_is_marked_too() -> None:
    tags = [{"tag": "胴長", "start": 13, "end": 15}, {"tag": "胴長", "start": 90, "end": 95}, {"tag": "大柄"}]
    claims = [{"kind": "fine_at", "low_m": 1600, "high_m": None, "start": 0, "end": 4}]
    read = photo(REMARK, build_tags=tags, claims=claims)
    assert stretches(read, Query(tag="胴長")) == [(13, 15)]
    assert stretches(read, Query(metres=1600)) == [(0, 4)]
    assert stretches(read, Query(metres=1800, tag="細身")) == []
    assert [REMARK[start:end] for start, end in stretches(read, Query("バランス"))] == ["ﾊﾞﾗﾝｽ", "ばらんす"]


@pytest.mark.parametrize("typed", ["", "す", "a", "1", "。", "ﾊﾞ"])
def test_a_letter_alone_is_looked_for_in_names_only(typed: str) -> None:
    assert looked_for(typed) == ""
    assert looked_for("胴") == "胴"


async def test_the_page_and_the_api_show_the_words_that_were_found(opened: Open) -> None:
    async with opened() as client:
        text = await (await client.get("/", params={"name": "ﾊﾞﾗﾝｽ　がいい"})).text()
        answer = await (await client.get("/api/photos", params={"name": "ばらんす がいい"})).json()
        assert "words of a remark" in text
        assert "<mark>バランスがいい</mark>" in text
        assert (counted := re.search(r'id="count">([\d,]+) photo', text))
        assert answer["photos"] == int(counted[1].replace(",", "")) > 0
        said = [photo["said"] for group in answer["groups"] for photo in group["photos"]]
        for one in said:
            assert "バランスがいい" in [one["remark"][at["start"] : at["end"]] for at in one["found"]]
        other = await (await client.get("/api/photos")).json()
        assert {photo["said"] for group in other["groups"] for photo in group["photos"]} == {None}
        assert await (await client.get("/api/suggest", params={"name": "バランス"})).json() == []


async def test_a_collection_without_remarks_shows_nothing_of_them(opened: Open, own: Shown) -> None:
    execute(own.conninfo, "UPDATE photo SET comment = NULL")
    async with opened(conninfo=own.conninfo) as client:
        for params in ({}, {"name": "バランス"}):
            text = await (await client.get("/", params=params)).text()
            assert "remark" not in text.partition('class="line"')[2].partition("</div>")[0]
            assert "of a remark" not in text.partition("<main")[2].partition("</details>")[2]
        assert (await (await client.get("/api/photos", params={"name": "バランス"})).json())["count"] == 0
