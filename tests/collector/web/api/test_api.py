"""The API: what the first photo search's callers find again, and all else that programs read."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from collector.storage.racing import Axis
from tests.collector.web.conftest import Open, Shown, renewed
from tests.filled import execute

FIRST = {"name", "url", "date", "image_url", "race"}  # what the search of 2017 gave of a photo
THING = """
SELECT photo, horse_id, race_id, split_part(photo, '/', 1), horse_name FROM photo_search
WHERE value IS NOT NULL AND race_id IS NOT NULL ORDER BY photo LIMIT 1
"""


async def json_of(answer: Any, status: int = 200) -> Any:
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/json"
    return await answer.json()


def addresses(shown: Shown) -> list[str]:
    """Every address of the API, each of something that is there."""
    ((photo, horse, race, issue, name),) = execute(shown.conninfo, THING)
    return [
        f"/api/horses?name={name}", "/api/backnumbers", "/api/photos?sex=male", f"/api/suggest?name={name[:2]}",
        f"/api/horses/{horse}", f"/api/horses/{horse}/entries", f"/api/horses/{horse}/aptitudes",
        f"/api/photos/{photo}", f"/api/races/{race}", f"/api/issues/{issue}", "/openapi.json",
        "/api/races", "/api/entries?limit=5", "/api/aptitudes?since=2016",
    ]  # fmt: skip


# --- the first search's two lists -------------------------------------------------------------------------


async def test_photos_are_listed_by_name_and_then_the_newest_first(opened: Open, shown: Shown) -> None:
    expected = execute(
        shown.conninfo,
        "SELECT horse.name, page_url, issue_date::text, image_url, race.name FROM photo "
        "JOIN photo_match USING (source, issue_code, number) JOIN horse USING (horse_id) JOIN race USING (race_id) "
        "JOIN issue ON issue.code = issue_code WHERE digest IS NOT NULL AND horse.name LIKE '%ス%' "
        'ORDER BY horse.name COLLATE "C", issue_date DESC, issue_code DESC, number DESC',
    )
    async with opened() as client:
        found = await json_of(await client.get("/api/horses", params={"name": "ス", "limit": "1000"}))
    assert len(expected) > 20
    assert [tuple(one[key] for key in ("name", "url", "date", "image_url", "race")) for one in found] == expected
    assert all(one.keys() == FIRST | {"photo", "horse_id", "picture"} for one in found)


async def test_a_listed_photo_names_its_picture_here(opened: Open) -> None:
    async with opened() as client:
        one = (await json_of(await client.get("/api/horses?name=ス&limit=1")))[0]
        assert one["picture"] == f"/photos/{one['photo']}/640.jpg"
        assert (await client.get(one["picture"])).content_type == "image/jpeg"
        assert (await json_of(await client.get(f"/api/photos/{one['photo']}")))["horse_id"] == one["horse_id"]


async def test_names_are_found_in_any_writing(opened: Open, shown: Shown) -> None:
    ((name, latin),) = execute(
        shown.conninfo,
        "SELECT horse_name, latin FROM horse_search WHERE horse_name ~ '^[ァ-ヴ]{4,}$' ORDER BY shows LIMIT 1",
    )
    hiragana = "".join(chr(ord(letter) - 0x60) for letter in name)
    async with opened() as client:
        for written in (name, hiragana, latin, f"  {name} "):
            found = await json_of(await client.get("/api/horses", params={"name": written}))
            assert name in {one["name"] for one in found}, written


@pytest.mark.parametrize("query", ["", "?name=", "?name=%20%E3%80%80", "?name=%00", "?limit=3"])
async def test_a_blank_name_lists_nothing(opened: Open, query: str) -> None:
    async with opened() as client:
        assert await json_of(await client.get(f"/api/horses{query}")) == []


async def test_two_hundred_photos_are_listed_unless_another_limit_is_asked_for(opened: Open, own: Shown) -> None:
    execute(own.conninfo, "UPDATE photo SET horse_name = 'アア', horse_key = 'アア'")
    execute(own.conninfo, "DELETE FROM photo_match")
    columns = "issue_code, horse_name, horse_key, page_url, image_url, source_url, observed_at, digest, width, height"
    execute(
        own.conninfo,
        f"INSERT INTO photo (source, number, {columns}) SELECT 'keibado', extra, {columns} FROM (SELECT DISTINCT ON "
        "(issue_code) * FROM photo WHERE digest IS NOT NULL) AS one, generate_series(30, 99) AS extra",
    )
    await asyncio.to_thread(renewed, own.conninfo)
    async with opened(conninfo=own.conninfo) as client:
        assert len(await json_of(await client.get("/api/horses?name=ア"))) == 200
        assert len(await json_of(await client.get("/api/horses?name=ア&limit=7"))) == 7
        assert len(await json_of(await client.get("/api/horses?name=ア&limit=1000"))) > 280


async def test_back_numbers_are_ids_and_the_newest_comes_first(opened: Open, shown: Shown) -> None:
    query = "SELECT source || ':' || code FROM issue ORDER BY issue_date DESC"
    ids = [issue for (issue,) in execute(shown.conninfo, query)]
    async with opened() as client:
        assert await json_of(await client.get("/api/backnumbers")) == ids
        assert await json_of(await client.get("/api/backnumbers?limit=3")) == ids[:3]
        of_2015 = [issue for issue in ids if issue.startswith("keibado:15")]
        assert await json_of(await client.get("/api/backnumbers?year=2015")) == of_2015
        assert await json_of(await client.get("/api/backnumbers?year=2015&limit=2")) == of_2015[:2]
        assert await json_of(await client.get("/api/backnumbers?year=1999")) == []


# --- the search -------------------------------------------------------------------------------------------


async def test_the_search_is_walked_to_its_end_and_shows_every_horse_once(opened: Open, shown: Shown) -> None:
    expected = execute(shown.conninfo, "SELECT count(DISTINCT shows), count(*) FROM photo_search WHERE sex = 'male'")
    groups: list[dict[str, Any]] = []
    async with opened() as client:
        onward = "/api/photos?sex=male"
        while onward:
            page = await json_of(await client.get(onward))
            assert (page["count"], page["photos"], page["capped"]) == (*expected[0], False)
            groups += page["groups"]
            onward = page["next"]
    assert len({group["shows"] for group in groups}) == len(groups) == expected[0][0] > 24
    newest = [group["photos"][0]["date"] for group in groups]
    assert newest == sorted(newest, reverse=True)


async def test_a_filter_of_the_page_is_a_filter_here(opened: Open) -> None:
    async with opened() as client:
        page = await json_of(await client.get("/api/photos?name=ス&year=2016&low=0.3&high=.7&labelled=1"))
        assert page["groups"]
        for group in page["groups"]:
            assert "ス" in group["name"]
            assert 0.3 <= group["distance_aptitude"] <= 0.7
            assert all(photo["date"].startswith("2016") for photo in group["photos"])
            assert (await client.get(group["page"])).status == 200
        assert (await json_of(await client.get("/api/photos?name=ナイナイナイ"))) == {
            "count": 0, "capped": False, "photos": 0, "groups": [], "next": None,
        }  # fmt: skip


async def test_suggestions_have_what_the_page_reads(opened: Open, shown: Shown) -> None:
    expected = execute(
        shown.conninfo,
        "SELECT shows, horse_name, born, photos, newest::text FROM horse_search WHERE horse_name LIKE 'ス%' "
        "ORDER BY newest DESC, shows LIMIT 8",
    )
    async with opened() as client:
        found = await json_of(await client.get("/api/suggest?name=す"))
        assert await json_of(await client.get("/api/suggest?name=")) == []
    assert [list(one) for one in found] == [["shows", "name", "born_year", "photos", "newest"]] * len(found)
    assert [tuple(one.values()) for one in found][: len(expected)] == expected


# --- horses, photos, races, issues ------------------------------------------------------------------------


async def test_a_horse_has_photos_in_time_order_and_five_aptitudes(opened: Open, shown: Shown) -> None:
    ((horse_id, photos),) = execute(
        shown.conninfo,
        "SELECT horse_id, photos FROM horse_search WHERE value IS NOT NULL ORDER BY photos DESC, shows LIMIT 1",
    )
    async with opened() as client:
        horse = await json_of(await client.get(f"/api/horses/{horse_id}"))
        history = await json_of(await client.get(f"/api/horses/{horse_id}/aptitudes"))
        entries = await json_of(await client.get(f"/api/horses/{horse_id}/entries"))
    assert photos == len(horse["photos"]) > 1
    assert [one["date"] for one in horse["photos"]] == sorted(one["date"] for one in horse["photos"])
    assert list(horse["aptitudes"]) == list(history) == list(Axis)
    assert {axis: rows[-1] for axis, rows in history.items()} == horse["aptitudes"]
    assert 0 < horse["aptitudes"]["distance"]["value"] < 1
    assert [one["date"] for one in entries] == sorted((one["date"] for one in entries), reverse=True)
    assert {one["race_id"] for one in horse["photos"]} == {one["race_id"] for one in entries}


async def test_a_change_of_opinion_is_history(opened: Open, own: Shown) -> None:
    ((horse_id,), (other,)) = execute(own.conninfo, "SELECT horse_id FROM horse_search ORDER BY shows LIMIT 2")
    execute(own.conninfo, "DELETE FROM aptitude WHERE horse_id = %s AND axis <> 'distance'", horse_id)
    execute(
        own.conninfo,
        "INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at) "
        "VALUES (%s, 'distance', 29, 87, 0.75, 12, 'https://db.netkeiba.com/', '2026-12-01 09:00+09')",
        horse_id,
    )
    execute(own.conninfo, "DELETE FROM aptitude WHERE horse_id = %s", other)
    async with opened(conninfo=own.conninfo) as client:
        now = (await json_of(await client.get(f"/api/horses/{horse_id}")))["aptitudes"]
        history = await json_of(await client.get(f"/api/horses/{horse_id}/aptitudes"))
        not_rated = (await json_of(await client.get(f"/api/horses/{other}")))["aptitudes"]
    assert (now["distance"]["value"], now["distance"]["reviews"]) == (0.75, 12)
    assert now["distance"]["observed_at"] == "2026-12-01T00:00:00+00:00"
    assert [len(history[axis]) for axis in Axis] == [0, 2, 0, 0, 0]
    assert now["surface"] is None
    assert not_rated == dict.fromkeys(Axis)


async def test_a_photo_has_its_origin_and_its_rights(opened: Open, shown: Shown) -> None:
    ((photo, horse_id, race_id, issue, name),) = execute(shown.conninfo, THING)
    async with opened() as client:
        known = await json_of(await client.get(f"/api/photos/{photo}"))
        body = await (await client.get(known["original"])).read()
    assert (known["horse_id"], known["race_id"], known["issue"], known["name"]) == (horse_id, race_id, issue, name)
    source = known["provenance"]
    assert source["digest"] == hashlib.sha256(body).hexdigest()
    assert (source["page"], source["site"]) == (known["url"], "old.keibado.ne.jp")
    assert datetime.fromisoformat(source["observed_at"]).utcoffset() == timedelta(0)
    assert (known["permission"]["private_study"], known["permission"]["publish"]) == (True, False)
    assert (known["match"]["rule"], known["match"]["how"]) == ("name_and_race", "name and race")
    assert known["entry"]["horse_weight_kg"] == 440 + 10 * known["age_years"]
    assert known["entry"]["source_url"] == f"https://db.netkeiba.com/race/{race_id}/"
    assert len(known["printed"]["pedigree"]) == 14


async def test_a_photo_that_is_open_or_not_held_yet_says_so(opened: Open, own: Shown) -> None:
    (first, second) = execute(
        own.conninfo,
        "SELECT photo, split_part(split_part(photo, ':', 2), '/', 1), id FROM photo_search ORDER BY photo LIMIT 2",
    )
    execute(own.conninfo, "DELETE FROM photo_match WHERE issue_code = %s", first[1])
    execute(own.conninfo, "UPDATE photo SET digest = NULL, width = NULL, height = NULL WHERE id = %s", second[2])
    async with opened(conninfo=own.conninfo) as client:
        unmatched = await json_of(await client.get(f"/api/photos/{first[0]}"))
        missing = await json_of(await client.get(f"/api/photos/{second[0]}"))
    assert [unmatched[key] for key in ("horse_id", "race_id", "match", "entry")] == [None] * 4
    assert unmatched["name"] == unmatched["printed"]["name"]
    assert [missing[key] for key in ("picture", "original", "width_px")] == [None] * 3


async def test_a_race_has_its_field_in_draw_order_and_its_start(opened: Open, own: Shown) -> None:
    query = "SELECT race_id, race_date, distance FROM race ORDER BY race_id LIMIT 1"
    ((race_id, day, distance),) = execute(own.conninfo, query)
    execute(own.conninfo, "UPDATE race SET start_time = '15:40' WHERE race_id = %s", race_id)
    async with opened(conninfo=own.conninfo) as client:
        race = await json_of(await client.get(f"/api/races/{race_id}"))
    assert race["starts_at"] == f"{day}T15:40:00+09:00"
    assert race["distance_m"] == distance
    drawn = [one["horse_number"] for one in race["field"]]
    assert drawn == list(range(1, len(drawn) + 1))
    assert {photo["horse_id"] for photo in race["photos"]} <= {one["horse_id"] for one in race["field"]}
    assert race["photos"]


async def test_a_horse_without_an_id_is_in_the_field_and_not_linked(opened: Open, own: Shown) -> None:
    ((race_id,),) = execute(own.conninfo, "SELECT race_id FROM race ORDER BY race_id LIMIT 1")
    execute(own.conninfo, "UPDATE entry SET horse_id = NULL WHERE race_id = %s AND horse_number = 1", race_id)
    async with opened(conninfo=own.conninfo) as client:
        race = await json_of(await client.get(f"/api/races/{race_id}"))
        page = await (await client.get(f"/races/{race_id}")).text()
    assert (race["field"][0]["horse_id"], race["field"][0]["horse_number"]) == (None, 1)
    assert race["field"][0]["name"] in page
    assert "/horses/None" not in page


async def test_an_issue_has_all_its_photos(opened: Open, shown: Shown) -> None:
    code, photos = execute(shown.conninfo, "SELECT issue_code, count(*) FROM photo GROUP BY 1 ORDER BY 1 LIMIT 1")[0]
    async with opened() as client:
        issue = await json_of(await client.get(f"/api/issues/{code}"))
    assert (issue["code"], issue["date"].replace("-", "")[2:], len(issue["photos"])) == (code, code, photos)
