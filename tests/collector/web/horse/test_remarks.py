"""What a remark says is shown beside it, its words are marked, and it is searched for."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.remarks.read import read_remark
from collector.web.horse.remarks import pieces
from tests.collector.web.conftest import Open, Shown, renewed
from tests.filled import execute

REMARK = "胴長の造りで、１８００～２２００ｍくらいがベスト。<b>マイルはやや長い</b>。"
SET = """
UPDATE photo SET comment = %s, distance_said = 'said', claims = %s, build_tags = %s
WHERE id = (SELECT min(photo.id) FROM photo JOIN photo_match USING (source, issue_code, number)
            WHERE digest IS NOT NULL AND horse_id IS NOT NULL)
RETURNING photo_id, (SELECT horse_id FROM photo_match AS met
    WHERE (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number))
"""
places = st.dictionaries(st.sampled_from(["start", "end", "tag", "kind"]), st.one_of(st.integers(-3, 30), st.text()))


@given(st.text(max_size=20), st.lists(places, max_size=4), st.lists(places, max_size=4))
def test_the_pieces_of_a_remark_are_the_remark(text: str, claims: list[Any], tags: list[Any]) -> None:
    assert "".join(piece.text for piece in pieces(text, claims, tags)) == text


async def test_a_remark_is_marked_said_in_words_and_found(opened: Open, own: Shown) -> None:
    read = read_remark(REMARK)
    values = (json.dumps([one.as_json() for one in found]) for found in (read.claims, read.tags))
    ((photo, horse_id),) = execute(own.conninfo, SET, REMARK, *values)
    renewed(own.conninfo)
    async with opened(conninfo=own.conninfo) as client:
        for path in (f"/photos/{photo}", f"/horses/{horse_id}"):
            english = await (await client.get(path, params={"lang": "en"})).text()
            japanese = await (await client.get(path, params={"lang": "ja"})).text()
            assert '<mark title="best from 1800 to 2200 m">１８００～２２００ｍくらいがベスト</mark>' in english
            assert '<mark title="胴長 (long-bodied)">胴長</mark>' in english
            assert "&lt;b&gt;" in english
            assert "1800〜2200mがベスト" in japanese
        assert (await client.get("/", params={"tag": "太鼓腹"})).status == 400
        for asked in ({"name": "胴長"}, {"tag": "胴長"}, {"name": "2000m"}, {"metres": "１８００"}):
            answer = await (await client.get("/api/photos", params={**asked})).json()
            assert photo in [shown["photo"] for group in answer["groups"] for shown in group["photos"]], asked
            assert f'"/horses/{horse_id}"' in await (await client.get("/", params={**asked})).text()
        for asked in ({"metres": "1600"}, {"metres": "2400"}, {"tag": "直飛"}):
            answer = await (await client.get("/api/photos", params=asked)).json()
            assert photo not in [shown["photo"] for group in answer["groups"] for shown in group["photos"]], asked
        printed = (await (await client.get(f"/api/photos/{photo}")).json())["printed"]
    assert [(claim["kind"], claim["low_m"], claim["high_m"]) for claim in printed["claims"]] == [
        ("best:range", 1800, 2200), ("upper", None, 1600),
    ]  # fmt: skip
    assert printed["claims"][1]["words"] == "up to 1600 m"
    assert [tagged["tag"] for tagged in printed["build_tags"]] == ["胴長"]
