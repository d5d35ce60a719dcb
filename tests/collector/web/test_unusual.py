"""What pages show of what is out of the ordinary: races to come and abroad, namesakes, misprints, missing pictures."""

import asyncio
import html
import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.collector.web.conftest import Open, Shown, renewed
from tests.filled import execute

RACED = "SELECT photo, horse_id, race_id, horse_name FROM photo_search WHERE race_id IS NOT NULL ORDER BY photo LIMIT 1"


async def page(client: Any, path: str, language: str = "en") -> str:
    """A page's text, without what follows a redirect by itself."""
    answer = await client.get(path, headers={"Accept-Language": language})
    assert answer.status == 200, (path, await answer.text())
    return await answer.text()


def visible(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


async def test_a_race_to_come_has_no_result_and_only_known_weights(opened: Open, own: Shown) -> None:
    ((photo, horse_id, race_id, _),) = execute(own.conninfo, RACED)
    execute(own.conninfo, "UPDATE entry SET finish = NULL, finish_position = NULL, horse_weight = NULL"
            " WHERE race_id = %s", race_id)  # fmt: skip
    async with opened(conninfo=own.conninfo) as client:
        for path in (f"/races/{race_id}", f"/horses/{horse_id}", f"/photos/{photo}"):
            assert "no result yet" in visible(await page(client, path))
            assert "結果はまだありません" in visible(await page(client, path, "ja"))
        assert "– ·" not in visible(await page(client, f"/races/{race_id}"))


async def test_a_field_without_numbers_stands_in_the_order_of_the_finish(opened: Open, own: Shown) -> None:
    race_id = execute(
        own.conninfo, "SELECT race_id FROM entry GROUP BY race_id HAVING count(*) > 2 ORDER BY race_id LIMIT 1"
    )[0][0]
    execute(own.conninfo, "UPDATE entry SET horse_number = NULL WHERE race_id = %s", race_id)
    async with opened(conninfo=own.conninfo) as client:
        text = await page(client, f"/races/{race_id}")
    field = re.findall(r'<a href="/horses/(\w+)">', text[text.index('id="field"') :])
    by_finish = execute(own.conninfo, "SELECT horse_id FROM entry WHERE race_id = %s ORDER BY finish_position", race_id)
    assert field == [horse_id for (horse_id,) in by_finish]
    photos = re.findall(r'<strong><a href="/horses/(\w+)" lang="ja">', text)
    assert photos == [horse_id for horse_id in field if horse_id in photos]
    assert len(photos) > 2


async def test_a_horse_that_was_put_back_keeps_its_place_and_says_so(opened: Open, own: Shown) -> None:
    ((photo, _, race_id, _),) = execute(own.conninfo, RACED)
    execute(own.conninfo, "UPDATE entry SET finish = 'demoted', finish_position = 12 WHERE race_id = %s", race_id)
    async with opened(conninfo=own.conninfo) as client:
        assert "12th (demoted)" in visible(await page(client, f"/photos/{photo}"))
        assert "12着 (降着)" in visible(await page(client, f"/photos/{photo}", "ja"))


async def test_horses_of_one_name_are_shown_with_their_year(opened: Open, own: Shown) -> None:
    (one, _), (other, _) = execute(own.conninfo, "SELECT shows, newest FROM horse_search ORDER BY shows LIMIT 2")
    for horse_id, born in ((one, 2001), (other, 2012)):
        execute(own.conninfo, "UPDATE horse SET name = 'ドウメイバ', horse_key = 'ドウメイバ',"
                " born = make_date(%s, 3, 1) WHERE horse_id = %s", born, horse_id)  # fmt: skip
    await asyncio.to_thread(renewed, own.conninfo)
    async with opened(conninfo=own.conninfo) as client:
        found = visible(await page(client, "/?name=doumeiba", "ja"))
        assert found.count("ドウメイバ") == 2
        assert "2001年生まれ" in found
        assert "2012年生まれ" in found
        names = await (await client.get("/api/suggest?name=doumeiba")).json()
    assert {(name["shows"], name["born_year"]) for name in names} == {(one, 2001), (other, 2012)}


async def test_a_misprinted_name_is_shown_and_links_to_its_matched_horse(opened: Open, own: Shown) -> None:
    ((photo, horse_id, _, name),) = execute(own.conninfo, RACED)
    execute(own.conninfo, "UPDATE photo SET horse_name = 'マチガイ', horse_key = 'マチガイ'"
            " WHERE photo_id = %s", photo)  # fmt: skip
    async with opened(conninfo=own.conninfo) as client:
        text = visible(await page(client, f"/photos/{photo}", "ja"))
        assert text.count(name) >= 2
        assert "掲載名 マチガイ" in text
        answer = await client.get(f"/horses/{quote('マチガイ')}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, f"/horses/{horse_id}")


async def test_a_photo_whose_picture_is_not_held_offers_none(opened: Open, own: Shown) -> None:
    ((photo, *_),) = execute(own.conninfo, RACED)
    execute(own.conninfo, "UPDATE photo SET digest = NULL, width = NULL, height = NULL"
            " WHERE photo_id = %s", photo)  # fmt: skip
    async with opened(conninfo=own.conninfo) as client:
        text = await page(client, f"/photos/{photo}")
    assert "No picture held" in text
    assert f"/photos/{photo}/" not in text
    assert "None" not in visible(text)


@pytest.mark.parametrize(
    ("rule", "words"),
    [("misprint_and_race", "よく似た馬名（誤植とみなす）・レース名"), ("by_hand", "手動"), ("by luck", "by luck")],
)
async def test_the_rule_that_found_a_horse_is_shown_in_the_readers_words(
    opened: Open, own: Shown, rule: str, words: str
) -> None:
    ((photo, *_),) = execute(own.conninfo, RACED)
    execute(own.conninfo, "UPDATE photo_match SET rule = %s", rule)
    async with opened(conninfo=own.conninfo) as client:
        assert f"根拠 {words} " in visible(await page(client, f"/photos/{photo}", "ja"))


async def test_an_issue_is_turned_like_a_page_with_its_open_photos(opened: Open, own: Shown) -> None:
    codes = [code for (code,) in execute(own.conninfo, "SELECT code FROM issue ORDER BY issue_date")]
    execute(own.conninfo, "UPDATE photo_match SET horse_id = NULL, race_id = NULL"
            " WHERE issue_code = %s AND number IN (1, 2)", codes[1])  # fmt: skip
    execute(own.conninfo, "UPDATE photo SET race_name = 'ベツ賞' WHERE issue_code = %s AND number = 1", codes[1])
    ((races,),) = execute(own.conninfo, "SELECT count(DISTINCT race_name) FROM photo WHERE issue_code = %s", codes[1])
    assert races > 1
    async with opened(conninfo=own.conninfo) as client:
        text = await page(client, f"/issues/keibado:{codes[1]}")
        first, last = (
            await page(client, f"/issues/keibado:{codes[0]}"),
            await page(client, f"/issues/keibado:{codes[-1]}"),
        )
    assert set(re.findall(r'rel="(\w+)" href="/issues/keibado:(\d+)"', text)) == {
        ("prev", codes[0]),
        ("next", codes[2]),
    }
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in last
    assert len(re.findall(r'<h2 id="race-\d+"', text)) == races == len(re.findall(r'<a href="#race-\d+"', text))


async def test_days_are_written_as_the_reader_writes_them(opened: Open, own: Shown) -> None:
    execute(own.conninfo, "UPDATE issue SET issue_date = '2016-01-04' WHERE code = (SELECT max(code) FROM issue)")
    ((code,),) = execute(own.conninfo, "SELECT max(code) FROM issue")
    async with opened(conninfo=own.conninfo) as client:
        assert "<h1>2016年1月4日号</h1>" in await page(client, f"/issues/keibado:{code}", "ja")
        assert "<h1>Back number of 4 Jan 2016</h1>" in await page(client, f"/issues/keibado:{code}")
        assert ">1月4日</time>" in await page(client, "/issues", "ja")


async def test_racecourses_are_offered_in_the_jras_order(opened: Open, own: Shown) -> None:
    execute(own.conninfo, "ALTER TABLE entry DROP CONSTRAINT fk_entry_race_id_race")
    courses = [("京都", "08"), ("札幌", "01"), ("中山", "06")]
    ids = execute(own.conninfo, "SELECT DISTINCT race_id FROM photo_match ORDER BY 1")
    for place, (race_id,) in enumerate(ids):
        name, number = courses.pop() if courses else ("東京", "05")
        moved = f"2015{number}{place:06}"
        execute(own.conninfo, "UPDATE race SET racecourse = %s, race_id = %s WHERE race_id = %s", name, moved, race_id)
        execute(own.conninfo, "UPDATE photo_match SET race_id = %s WHERE race_id = %s", moved, race_id)
    await asyncio.to_thread(renewed, own.conninfo)
    async with opened(conninfo=own.conninfo) as client:
        assert re.findall(r'<option value="([東中京札]\S)">\S+?</option>', await page(client, "/")) == [
            "札幌",
            "東京",
            "中山",
            "京都",
        ]


WRONG = {
    "year": "MMXVI", "surface": "snow", "sex": "?", "age": "abc", "low": "2", "high": "half", "before": "yesterday",
    "distance": "far", "going": "wet", "result": "won", "kind": "stayer", "sort": "best", "metres": "1", "tag": "fast",
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("field", WRONG)
async def test_a_form_with_a_wrong_field_stays_as_it_was_filled_in(opened: Open, field: str, language: str) -> None:
    right = {
        "name": "キタ",
        "race": "ステークス",
        "year": "2014",
        "age": "4",
        "sex": "male",
        "low": "0.25",
        "labelled": "1",
        "distance": "1600",
        "sire": "サイアー",
        "going": "firm",
    }
    given = right | {field: WRONG[field]}
    async with opened() as client:
        answer = await client.get("/", params=given, headers={"Accept-Language": language})
        text = await answer.text()
    assert answer.status == 400
    assert f'id="wrong-{field}"' in text
    assert html.escape(WRONG[field]) in text
    assert len(re.findall(r'id="wrong-', text)) == 1
    kept = {
        name: word for name, word in given.items() if name in ("name", "race", "age", "low", "high", "distance", "sire")
    }
    for name, word in kept.items():
        (shown,) = re.findall(rf'<input[^>]* name="{name}"[^>]*value="([^"]*)"', text)
        assert shown == word, name
        assert (f'aria-describedby="wrong-{name}"' in text) == (name == field)
    assert '<details class="filters" open>' in text
    assert " checked>" in text
    marked = re.findall(r'<(?:input|select)[^>]* name="(\w+)"[^>]* aria-invalid="true"', text)
    assert marked == ([field] if field != "before" else [])
    if field != "going":
        assert re.search(r'<option value="firm" selected>', text)
    if field != "sex":
        assert re.search(r'<option value="male" selected>', text)
    assert '<p><a href="/">' in text


async def test_all_fields_that_cannot_be_understood_are_named_at_once(opened: Open) -> None:
    async with opened() as client:
        text = await (await client.get("/", params=WRONG)).text()
    assert set(re.findall(r'id="wrong-(\w+)"', text)) == WRONG.keys()
