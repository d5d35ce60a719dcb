"""The page without a script: forms, results, both languages, and what it says of the run."""

import io
import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from collector.web.search.names import latin_of
from collector.web.server.answer_cache import MINUTES
from tests.filled import execute
from tests.trainer.web.conftest import Held, Open
from tests.trainer.web.drawn import as_bytes, not_horses
from tests.trainer.web.test_api import form
from trainer.evaluation.verdict import Verdict
from trainer.web.about import about, read_quality
from trainer.web.words import PAGES

LANGUAGES = ("en", "ja")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_form_leads_to_a_page_with_the_answer_that_can_be_opened_again(
    opened: Open, held: Held, horse: bytes, language: str
) -> None:
    words = PAGES.read(language)
    async with opened() as client:
        sent = await client.post(f"/predict?lang={language}", data=form(horse), allow_redirects=False)
        assert sent.status == 303
        page = await client.get(sent.headers["Location"])
        text = await page.text()
        again = await (await client.get(sent.headers["Location"])).text()
        assert f'lang="{language}"' in text
        prediction = held.predictor.see(held.predictor.prepare(horse)[None])[0][0]
        assert f"<strong>{prediction.value:.2f}</strong>" in text
        assert words["interval"].format(low=f"{prediction.low:.2f}", high=f"{prediction.high:.2f}") in text
        assert text.count('<li class="tile">') == 6
        assert words["little"] in text
        assert text == again
        look = await client.get(f"{page.url.path}/look.jpg")
        photo = await client.get(f"{page.url.path}/photo.jpg")
        with Image.open(io.BytesIO(await look.read())) as one, Image.open(io.BytesIO(await photo.read())) as other:
            assert one.width / one.height == pytest.approx(other.width / other.height, rel=0.01)
        for picture in re.findall(r'src="(/horses/\d+\.jpg)"', text):
            assert (await client.get(picture)).content_type == "image/jpeg"


async def test_the_language_is_the_browsers_until_a_link_says_otherwise(opened: Open, horse: bytes) -> None:
    async with opened() as client:
        japanese = {"Accept-Language": "ja,en;q=0.5"}
        home = await (await client.get("/?token=unused", headers=japanese)).text()
        assert '<html lang="ja">' in home
        switch = re.search(r'id="switch" href="([^"]+)"', home)
        assert switch
        assert switch[1] == "/?lang=en"
        assert '<html lang="en">' in await (await client.get(switch[1], headers=japanese)).text()
        page = await client.post("/predict", data=form(horse), headers=japanese)
        assert page.url.query["lang"] == "ja"  # stays, also in another browser
        wrong = await (await client.post("/predict?lang=ja", data=form(b"no"))).text()
        assert 'id="switch" href="/?lang=en"' in wrong


async def test_a_sample_is_a_horse_that_training_has_not_seen(opened: Open, held: Held) -> None:
    async with opened() as client:
        home = await (await client.get("/")).text()
        rows = [int(row) for row in re.findall(r'name="sample" value="(\d+)"', home)]
        assert len(rows) == 4
        assert {held.gallery.index.table.rows[row]["side"] for row in rows} == {"test"}
        labels = [held.gallery.index.table.rows[row]["label"] for row in rows]
        assert labels == sorted(labels)
        text = await (await client.post("/predict?lang=en", data={"sample": str(rows[0])})).text()
        assert PAGES.read("en")["unseen"] in text
        assert f"at {labels[0]:.2f}" in text
        assert (await client.post("/predict", data={"sample": "99999"})).status == 404


async def test_a_training_photo_is_said_to_prove_nothing(opened: Open, held: Held) -> None:
    row = next(row for row in held.gallery.index.table.rows if row["side"] == "train")
    async with opened() as client:
        text = await (await client.post("/predict?lang=en", data={"url": row["image_url"]})).text()
    assert PAGES.read("en")["worth_learnt_more"] in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_collection_is_searched_by_part_of_a_name(opened: Open, held: Held, language: str) -> None:
    ((name, count),) = execute(
        held.conninfo,
        "SELECT right(horse_key, 3) AS part, count(*) FROM photo WHERE digest IS NOT NULL AND horse_key ~ "
        "'[ァ-ヴ]{3}$' GROUP BY part HAVING count(*) BETWEEN 2 AND 12 ORDER BY count(*) DESC, part LIMIT 1",
    )
    hiragana = "".join(chr(ord(letter) - 0x60) for letter in name)
    async with opened() as client:
        page = await client.get("/collection", params={"name": hiragana, "lang": language})
        text = await page.text()
        numbers = re.findall(r'name="photo" value="(\d+)"', text)
        assert len(numbers) >= count
        assert f'value="{hiragana}"' in text
        small = await client.get(f"/collection/{numbers[0]}.jpg")
        with Image.open(io.BytesIO(await small.read())) as image:
            assert max(image.size) <= 320
        answered = await client.post(f"/predict?lang={language}", data={"photo": numbers[0]})
        assert answered.status == 200
        assert PAGES.read(language)["similar"] in await answered.text()
        empty = await (await client.get("/collection", params={"name": "%", "lang": language})).text()
        assert PAGES.read(language)["found_none"].format(name="%") in empty
        assert (await client.get("/collection/999999999.jpg")).status == 404


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_is_unlike_the_training_photos_is_reported_as_such(opened: Open, language: str) -> None:
    async with opened() as client:
        page = await client.post(f"/predict?lang={language}", data=form(as_bytes(not_horses()["noise"])))
        text = await page.text()
        assert PAGES.read(language)["worth_unlike_more"] in text
        assert "<svg" not in text.partition("</article>")[0]  # no chart


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_mistake_is_shown_on_a_page_with_the_form(opened: Open, language: str) -> None:
    async with opened() as client:
        page = await client.post(f"/predict?lang={language}", data=form(b"\xff\xd8 no"))
        text = await page.text()
        assert page.status == 422
        assert PAGES.read(language)["problem"] in text
        assert 'id="upload"' in text
        gone = await client.get(f"/answers/{'x' * 22}?lang={language}")
        assert gone.status == 404
        assert 'id="upload"' in await gone.text()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_says_which_run_answers_and_how_good_it_is(opened: Open, held: Held, language: str) -> None:
    words, quality = PAGES.read(language), read_quality(held.run)
    assert quality
    async with opened() as client:
        text = await (await client.get(f"/?lang={language}")).text()
    assert held.run.name in text
    assert held.version.name in text
    assert words[f"verdict_{quality.verdict}"] in text
    assert f"{quality.error:.2f}" in text
    assert words["owners"] in text
    assert words["not_kept"].format(minutes=MINUTES) in text


def test_a_verdict_is_read_from_the_evaluation_out_of_fold_first(held: Held) -> None:
    path = held.run.folder / "evaluation-test" / "scores.json"
    scores, beside = path.read_text(), held.run.folder / "evaluation-out_of_fold" / "scores.json"
    beside.parent.mkdir()
    try:
        for verdict in (Verdict.UNDECIDED, Verdict.WORSE, Verdict.BEYOND_PEDIGREE_AND_RACE):
            beside.write_text(json.dumps(json.loads(scores) | {"verdict": verdict}))
            quality = read_quality(held.run)
            assert quality
            assert quality.verdict is verdict
        beside.unlink()
        quality = read_quality(held.run)
        assert quality
        assert quality.verdict == json.loads(scores)["verdict"]
        assert quality.constant_error == json.loads(scores)["baselines"]["mean"]["mae"]["value"]
        path.write_text("{}")
        assert about(held.run, "poll/distance", held.predictor.scale, held.version).quality is None
    finally:
        path.write_text(scores)
        beside.parent.rmdir()


async def test_a_run_without_a_limit_for_strange_photos_says_nothing(opened: Open, held: Held) -> None:
    unsure = replace(held.gallery, index=replace(held.gallery.index, farthest=None))
    async with opened(gallery=unsure) as client:
        page = await client.post("/predict?lang=en", data=form(as_bytes(not_horses()["noise"])))
        assert PAGES.read("en")["worth_unlike"] not in await page.text()


async def test_the_collection_is_searched_also_in_latin_letters(opened: Open, held: Held) -> None:
    query = "SELECT horse_key FROM photo WHERE digest IS NOT NULL AND horse_key ~ '^[ァ-ヴ]+$' LIMIT 1"
    ((key,),) = execute(held.conninfo, query)
    latin = latin_of(key)
    async with opened() as client:
        for part in (key, key[1:], latin, latin[:-1].upper()):
            page = await (await client.get("/collection", params={"name": part})).text()
            assert key in page, part
            found = await (await client.post("/search.json", data={"name": part})).json()
            assert key in {horse["name"] for horse in found["horses"]}, part


async def test_an_address_that_is_not_a_photo_stays_in_the_form(opened: Open) -> None:
    async with opened() as client:
        for address in ("http://nowhere.example/horse.jpg", "no address"):
            answer = await client.post("/predict", data={"url": address})
            assert answer.status == 422
            assert f'value="{address}"' in await answer.text()


@pytest.mark.parametrize(("demo", "command"), [(True, "collector crawl --demo"), (False, "collector crawl")])
async def test_a_demos_page_names_the_demos_commands(opened: Open, demo: bool, command: str) -> None:
    async with opened(conninfo=None, demo=demo) as client:
        text = await (await client.get("/collection?name=a&lang=en")).text()
    assert f"<code>{command}</code>" in text
