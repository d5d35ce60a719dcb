"""The API: the fields that clients of the first demo know, and the new ones."""

import asyncio
import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiohttp import FormData
from PIL import Image

from tests.demo_site import demo_site
from tests.filled import SITE, execute
from tests.telephones import taken_by_telephone
from tests.trainer.web.conftest import Held, Open
from tests.trainer.web.drawn import as_bytes, not_horses
from trainer.evaluation.verdict import Verdict
from trainer.inference.collection import collection_if_any
from trainer.inference.photos import Reach
from trainer.web.guarding import cost_of


def form(body: bytes, name: str = "horse.jpg") -> FormData:
    data = FormData()
    data.add_field("file", io.BytesIO(body), filename=name, content_type="image/jpeg")
    return data


async def json_of(answer: Any, status: int = 200) -> Any:
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/json"
    return await answer.json()


async def test_a_file_gets_a_score_and_everything_beside_it(opened: Open, held: Held, horse: bytes) -> None:
    async with opened() as client:
        answer = await json_of(await client.post("/predict.json", data=form(horse)))
    ((expected, _),) = held.predictor.see(held.predictor.prepare(horse)[None])
    assert answer["score"] == answer["value"] == expected.value
    assert (answer["low"], answer["high"], answer["kind"]) == (expected.low, expected.high, expected.kind)
    assert (answer["run"], answer["data"]) == (held.run.name, held.version.name)
    assert Verdict(answer["verdict"]) is not Verdict.LEARNT
    assert answer["like_training"] is True
    assert answer["known"] is None
    assert len({one["horse_id"] for one in answer["similar"]}) == 6
    assert [one["distance"] for one in answer["similar"]] == sorted(one["distance"] for one in answer["similar"])


@pytest.mark.parametrize("how", ["data uri", "base64", "url-safe base64", "pluses as spaces", "form"])
async def test_bytes_within_the_request_are_answered_like_a_file(opened: Open, horse: bytes, how: str) -> None:
    plain = base64.b64encode(horse).decode()
    words = {
        "data uri": f"data:image/jpeg;base64,{plain}",
        "base64": plain,
        "url-safe base64": base64.urlsafe_b64encode(horse).decode().rstrip("="),
        "pluses as spaces": plain.replace("+", " "),
        "form": plain,
    }[how]
    async with opened() as client:
        expected = await json_of(await client.post("/predict.json", data=form(horse, "")))
        small = len(words) < 8000  # what aiohttp's test server takes for an address
        sends = client.post("/predict.json", data={"data": words})
        if how != "form" and small:
            sends = client.get("/predict.json", params={"data": words})
        assert await json_of(await sends) == expected


async def test_the_address_of_a_held_photo_is_answered_without_a_request(opened: Open, held: Held) -> None:
    row = held.gallery.index.table.rows[0]
    async with opened() as client:  # whose site is not there at all
        for url in (row["image_url"], row["page_url"], row["image_url"].replace("http://", "https://")):
            answer = await json_of(await client.get("/predict.json", params={"url": url}))
            assert answer["known"]["photo"] == row["photo"]
            assert answer["known"]["horse_id"] not in {one["horse_id"] for one in answer["similar"]}
        bare = row["image_url"].removeprefix("http://")  # as the first demo took it
        assert (await json_of(await client.get("/predict.json", params={"url": f" {bare} "})))["known"]


@pytest.mark.parametrize("kind", ["a JPEG of 50 million pixels", "AVIF", "HEIC"])
async def test_a_file_of_a_telephone_gets_a_score(opened: Open, horse: bytes, kind: str) -> None:
    async with opened() as client:
        answer = await json_of(await client.post("/predict.json", data=form(taken_by_telephone(horse, kind))))
    assert 0 <= answer["low"] <= answer["score"] <= answer["high"] <= 1


@pytest.mark.parametrize(
    "url",
    [f"{SITE}/160104/99.jpg", "https://db.netkeiba.com/horse/1/", "http://OLD.keibado.ne.jp.:8080/x.jpg",
     "https://old.keibado.ne.jp/x.jpg"],
)  # fmt: skip
async def test_the_crawled_sites_are_never_asked_for_anything_else(opened: Open, url: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.get("/predict.json", params={"url": url}), 422)
        assert "only the crawl sends requests to" in problem["error"]
        assert "the collection has no photo of that address" in problem["error"]
    async with opened(conninfo=None) as client:
        problem = await json_of(await client.get("/predict.json", params={"url": url}), 422)
        assert "no collection exists here" in problem["error"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1/x.jpg", "not on the public internet"),
        ("http://localhost/x.jpg", "not on the public internet"),
        ("http://[::1]/x.jpg", "not on the public internet"),
        ("http://127.1/x.jpg", "not a canonical IPv4 address"),
        ("http://[::ffff:127.0.0.1]/x.jpg", "not on the public internet"),
        ("http://10.0.0.1/x.jpg", "not on the public internet"),
        ("http://169.254.169.254/latest/meta-data", "not on the public internet"),
        ("http://user:word@example.org/x.jpg", "user name"),
        ("http://ｏｌｄ.keibado.ne.jp/x.jpg", "not an address of a photo"),
        ("file:///etc/passwd", "not an address of a photo"),
        ("http://[/x.jpg", "not an address of a photo"),
        ("http:///x.jpg", "not an address of a photo"),
        ("gopher://example.org/", "not an address of a photo"),
    ],
)
async def test_an_address_that_leads_inside_or_nowhere_is_refused(opened: Open, url: str, says: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.get("/predict.json", params={"url": url}), 422)
    assert says in problem["error"]
    assert problem["code"] == "address"


async def test_an_address_elsewhere_is_fetched_and_followed_nowhere(opened: Open) -> None:
    async with demo_site(hostile=["redirect-loop@/keibabook/bn/2016.html"]) as site:
        reach = Reach(None, (SITE,), inside=True)
        async with opened(reach=reach) as client:
            photo = f"{site.base}/keibabook/{site.world.issues(2016)[0].code}/images/pp01.jpg"
            assert 0 <= (await json_of(await client.get("/predict.json", params={"url": photo})))["score"] <= 1
            moved = await json_of(
                await client.get("/predict.json", params={"url": f"{site.base}/keibabook/bn/2016.html"}), 422
            )
            assert "the site answered 30" in moved["error"]
            page = await json_of(await client.get("/predict.json", params={"url": f"{site.base}/robots.txt"}), 422)
            assert page["code"] == "no_picture"
    assert len(site.requests) == 3


async def test_a_photo_of_the_collection_is_taken_by_its_id(opened: Open, held: Held) -> None:
    ((number, issue, place),) = execute(
        held.conninfo, "SELECT id, issue_code, number FROM photo WHERE digest IS NOT NULL ORDER BY id LIMIT 1"
    )
    async with opened() as client:
        answer = await json_of(await client.get("/predict.json", params={"photo": str(number)}))
        assert answer["known"] is None or answer["known"]["photo"] == f"keibado:{issue}/{place:02}"
        for wrong in ("999999999", "-1", "x", "٣"):
            await json_of(await client.get("/predict.json", params={"photo": wrong}), 404)


async def test_a_horse_is_found_by_any_writing_of_its_name(opened: Open, held: Held) -> None:
    name, value, reviews = execute(
        held.conninfo,
        "SELECT name, value, reviews FROM horse JOIN aptitude USING (horse_id) WHERE axis = 'distance' AND "
        "value IS NOT NULL AND name ~ '^[ァ-ヴ]{4,}$' ORDER BY name LIMIT 1",
    )[0]
    hiragana = "".join(chr(ord(letter) - 0x60) for letter in name)
    async with opened() as client:
        for written in (name, hiragana, f" {name} "):
            answer = await json_of(await client.post("/search.json", data={"name": written}))
            assert (answer["score"], answer["horses"][0]["reviews"]) == (value, reviews)
            assert answer["url"].startswith("https://db.netkeiba.com/horse/")
            assert answer["name"] == written.strip()
        nothing = await json_of(await client.post("/search.json", data={"name": "ナイナイ%_"}))
        assert nothing == {"name": "ナイナイ%_", "axis": "distance", "url": None, "score": None, "horses": []}
        assert (await json_of(await client.post("/search.json", data={"name": " "}), 400))["error"]


async def test_the_search_answers_under_its_old_address_too(opened: Open) -> None:
    async with opened() as client:
        new = await json_of(await client.post("/search.json", data={"name": "ア"}))
        assert await json_of(await client.post("/netkeiba/search.json", data={"name": "ア"})) == new
    assert cost_of("/search.json") == cost_of("/netkeiba/search.json") > cost_of("/healthz")


@pytest.mark.parametrize("wrong", ["", "no-photo!", "data:image/jpeg;base64,*"])
async def test_a_missing_photo_is_explained_in_one_sentence(opened: Open, wrong: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.get("/predict.json", params={"data": wrong}), 400)
        assert problem["error"].endswith(".")
        assert "\n" not in problem["error"]
        assert (await json_of(await client.get("/predict.json"), 400))["code"] == "nothing_asked"
        assert (await json_of(await client.post("/predict.json", data=form(b"\xff\xd8 no")), 422))[
            "code"
        ] == "no_picture"
        assert (await json_of(await client.post("/predict.json", json={}), 400))["code"] == "not_understood"
        assert (await json_of(await client.put("/predict.json"), 405))["code"] == "method"
        assert (await json_of(await client.get("/nothing.json"), 404))["code"] == "not_found"


@pytest.mark.parametrize("name", not_horses())
async def test_what_is_unlike_the_training_photos_is_reported_as_such(opened: Open, name: str) -> None:
    async with opened() as client:
        answer = await json_of(await client.post("/predict.json", data=form(as_bytes(not_horses()[name]))))
    assert answer["like_training"] is False


async def test_a_photo_turned_on_its_side_is_answered_upright(opened: Open, horse: bytes, tmp_path: Path) -> None:
    with Image.open(io.BytesIO(horse)) as image:
        exif = image.getexif()
        exif[0x0112] = 8  # turned by 90 degrees when shown
        image.rotate(-90, expand=True).save(tmp_path / "turned.png", exif=exif)
        image.save(tmp_path / "upright.png")
    async with opened() as client:
        answers = [
            await json_of(await client.post("/predict.json", data=form((tmp_path / f"{name}.png").read_bytes())))
            for name in ("turned", "upright")
        ]
    assert answers[0] == answers[1]


async def test_without_a_data_set_or_a_collection_photos_are_still_answered(opened: Open, horse: bytes) -> None:
    async with opened(conninfo=None, gallery=None) as client:
        answer = await json_of(await client.post("/predict.json", data=form(horse)))
        assert (answer["like_training"], answer["similar"]) == (None, [])
        assert (await json_of(await client.post("/search.json", data={"name": "ア"}), 503))["code"] == ("no_collection")
        assert (await (await client.get("/horses/0.jpg")).text()).count("<html") == 1


async def test_a_lost_database_is_reported_and_photos_are_still_answered(opened: Open, horse: bytes) -> None:
    async with opened(conninfo="host=127.0.0.1 port=1") as client:
        asked = [
            client.post("/search.json", data={"name": "ア"}),
            client.get("/predict.json", params={"url": f"{SITE}/x.jpg"}),
            client.post("/predict.json", data=form(horse)),
        ]
        lost, refused, answered = await asyncio.gather(*asked)
        assert (await json_of(lost, 503))["code"] == "collection_lost"
        assert lost.headers["Retry-After"]
        assert "the collection's database cannot be reached" in (await json_of(refused, 422))["error"]
        await json_of(answered)


async def test_uploads_are_kept_only_where_that_is_asked_for(opened: Open, horse: bytes, tmp_path: Path) -> None:
    digest = hashlib.sha256(horse).hexdigest()
    async with opened(keep_uploads=tmp_path / "kept") as client:
        await json_of(await client.post("/predict.json", data=form(horse)))
        await json_of(await client.post("/predict.json", data=form(b"\xff\xd8 no")), 422)
        assert "has chosen to keep" in await (await client.get("/")).text()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [f"{digest}.jpg"]
    assert (tmp_path / "kept" / f"{digest}.jpg").read_bytes() == horse


async def test_nothing_can_be_written_through_the_collection(held: Held) -> None:
    async with collection_if_any(held.conninfo) as collection:
        assert collection
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await collection._reader.rows("DELETE FROM photo RETURNING id")
