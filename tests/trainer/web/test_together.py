"""Several photos of one horse in one request: one answer for the horse, beside those of the photos."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import FormData
from playwright.sync_api import expect

from collector.web.server.answer_cache import MINUTES
from tests.browser import DESK, PHONE, Opener, assert_accessible, assert_fits, assert_pictures_seen, placed
from tests.filled import execute
from tests.trainer.web.conftest import Held, Open, a_horse
from tests.trainer.web.test_api import form, json_of
from trainer.web.problems import LARGEST
from trainer.web.together import PHOTOS
from trainer.web.words import PAGES

BROKEN = b"\xff\xd8 no"


def forms(**bodies: bytes) -> FormData:
    data = FormData()
    for name, body in bodies.items():
        data.add_field("file", io.BytesIO(body), filename=f"{name}.jpg", content_type="image/jpeg")
    return data


def held_photos(held: Held, count: int) -> list[str]:
    """Ids of photos of one horse."""
    query = "SELECT array_agg(photo.id ORDER BY photo.id) FROM photo WHERE digest IS NOT NULL GROUP BY horse_key"
    found = max((ids for (ids,) in execute(held.conninfo, query)), key=len)
    assert len(found) >= count
    return [str(number) for number in found[:count]]


async def test_the_horses_answer_is_the_mean_of_its_photos_and_a_broken_one_is_named(opened: Open) -> None:
    bodies = {"one": a_horse(0), "broken": BROKEN, "two": a_horse(1)}
    async with opened() as client:
        answer = await json_of(await client.post("/predict.json", data=forms(**bodies)))
        alone = [await json_of(await client.post("/predict.json", data=form(a_horse(number)))) for number in (0, 1)]
    assert [photo["name"] for photo in answer["photos"]] == ["one.jpg", "broken.jpg", "two.jpg"]
    assert "cannot be read" in answer["photos"][1]["problem"]
    assert answer["photos"][1]["value"] is None
    assert [answer["photos"][place]["value"] for place in (0, 2)] == [one["value"] for one in alone]
    assert alone[0]["value"] != alone[1]["value"]
    for name in ("value", "low", "high"):
        assert answer[name] == pytest.approx(np.mean([one[name] for one in alone]), abs=1e-4)
    nearest: dict[str, Any] = {}
    for similar in sorted((one for its in alone for one in its["similar"]), key=lambda one: one["distance"]):
        nearest.setdefault(similar["horse_id"], similar)
    assert answer["similar"] == list(nearest.values())[:6]
    assert alone[0]["photos"] == [answer["photos"][0] | {"name": "horse.jpg"}]


async def test_ids_addresses_and_data_may_be_given_more_than_once(opened: Open, held: Held) -> None:
    photos = held_photos(held, 2)
    urls = [row["image_url"] for row in held.gallery.index.table.rows[:2]]
    async with opened() as client:
        for how in ("get", "post"):
            words = [*(("photo", number) for number in photos), *(("url", url) for url in urls), ("photo", "999999999")]
            sent = (
                client.get("/predict.json", params=words) if how == "get" else client.post("/predict.json", data=words)
            )
            answer = await json_of(await sent)
            assert [photo["name"] for photo in answer["photos"]][:2] == urls
            assert [photo["problem"] is None for photo in answer["photos"]] == [True] * 4 + [False]
            own = {photo["known"]["horse_id"] for photo in answer["photos"] if photo["known"]}
            assert not own & {one["horse_id"] for one in answer["similar"]}
            assert answer["known"] in [photo["known"] for photo in answer["photos"]]


async def test_a_photo_that_was_learnt_from_is_what_is_said_of_the_horse(opened: Open, held: Held) -> None:
    rows = held.gallery.index.table.rows
    test, train = (next(row for row in rows if row["side"] == side) for side in ("test", "train"))
    async with opened() as client:
        words = [("url", test["image_url"]), ("url", train["image_url"])]
        assert (await json_of(await client.get("/predict.json", params=words)))["known"]["side"] == "train"
        page = await (await client.post("/predict?lang=en", data=words)).text()
    assert PAGES.read("en")["worth_learnt_more"] in page


async def test_photos_of_which_none_can_be_read_are_a_problem(opened: Open) -> None:
    async with opened() as client:
        sent = client.post("/predict.json", data=forms(one=BROKEN, two=BROKEN))
        assert (await json_of(await sent, 422))["code"] == "no_picture"
        page = await client.post("/predict?lang=en", data=forms(one=BROKEN, two=BROKEN))
        assert page.status == 422
        assert 'id="upload"' in await page.text()


async def test_more_photos_than_allowed_are_refused(opened: Open, held: Held) -> None:
    (number,) = held_photos(held, 1)
    async with opened() as client:
        await json_of(await client.get("/predict.json", params=[("photo", number)] * PHOTOS))
        for sent in (
            client.get("/predict.json", params=[("photo", number)] * (PHOTOS + 1)),
            client.post("/predict.json", data=forms(**{f"horse-{place}": BROKEN for place in range(PHOTOS + 1)})),
        ):
            problem = await json_of(await sent, 413)
            assert problem == {"error": "Give 8 photos of one horse at most.", "code": "too_many"}


async def test_photos_that_are_too_large_together_are_refused(opened: Open) -> None:
    half = bytes(LARGEST // 2 + 1)
    async with opened() as client:
        try:
            sent = await client.post("/predict.json", data=forms(one=half, two=half))
        except OSError:
            return  # it hung up while we were still sending
        assert (await json_of(sent, 413))["code"] == "too_large"


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_a_page_shows_the_horses_answer_and_leads_to_each_photos(opened: Open, language: str) -> None:
    words, now = PAGES.read(language), [0.0]
    async with opened(clock=lambda: now[0]) as client:
        data = forms(one=a_horse(0), broken=BROKEN, two=a_horse(1))
        page = await client.post(f"/predict?lang={language}", data=data)
        text = await page.text()
        assert page.url.path.startswith("/together/")
        assert words["unread"].format(name="broken.jpg") in text
        photos = words.counted("photo_count", 2)
        assert words["interval_together"].partition("{low}")[0].format(photos=photos) in text
        links = re.findall(r'<a class="lit" href="(/answers/[^"]+)" data-light="([^"]+)"', text)
        assert len(links) == 2
        values = []
        for link, picture in links:
            assert (await client.get(picture)).content_type == "image/jpeg"
            its = await (await client.get(link)).text()
            values.append(float(re.findall(r"<strong>([\d.]+)</strong>", its)[0]))
            assert words["look"] in its
        mean = float(re.findall(r"<strong>([\d.]+)</strong>", text)[0])
        assert mean == pytest.approx(np.mean(values), abs=0.011)
        now[0] = 60 * MINUTES + 1
        assert (await client.get(page.url.path)).status == 404


async def test_a_horse_whose_photos_were_dropped_is_no_longer_held(
    opened: Open, horse: bytes, monkeypatch: Any
) -> None:
    async with opened() as client:
        page = await client.post("/predict", data=forms(one=a_horse(0), two=a_horse(1)))
        monkeypatch.setattr("collector.web.server.answer_cache.MOST", 2)
        await client.post("/predict", data=form(horse))
        assert (await client.get(page.url.path)).status == 404


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two photos as files."""
    folder = tmp_path_factory.mktemp("photos")
    for number in (0, 1):
        (folder / f"{number}.jpg").write_bytes(a_horse(number))
    return sorted(folder.iterdir())


@pytest.mark.parametrize(("language", "size", "dark"), [("en", DESK, True), ("ja", PHONE, False)])
def test_photos_are_chosen_previewed_and_answered_together(
    open_page: Opener, files: list[Path], language: str, size: tuple[int, int], dark: bool
) -> None:
    page = open_page(language, size, dark=dark)
    page.set_input_files("#file", files)
    assert page.locator("#preview img").count() == 2
    assert_pictures_seen(page)
    page.evaluate("window.here = true")
    page.click("#upload button")
    expect(page.locator("#answer h1")).to_be_focused()
    assert page.evaluate("window.here")  # the page was not left
    assert "/together/" in page.url
    assert_pictures_seen(page)
    assert_fits(page)
    assert_accessible(page)
    horse, photo = placed(page.locator(".verdict h1")), placed(page.locator("#answer .tile").first)
    beside = size == DESK
    assert photo["x"] < horse["x"] if beside else photo["y"] + photo["height"] < horse["y"], "the photo comes first"
    page.click("#answer .own >> nth=1")
    expect(page.locator(".given figcaption")).to_have_text("1.jpg")
    page.go_back()
    expect(page.locator("#answer .own")).to_have_count(2)


def test_too_many_photos_are_not_sent(open_page: Opener, files: list[Path]) -> None:
    page = open_page("en")
    page.set_input_files("#file", files * 5)
    page.click("#upload button")
    expect(page.locator("#problem")).to_contain_text("Give 8 photos of one horse at most.")


def test_without_a_script_photos_are_answered_together(open_page: Opener, files: list[Path]) -> None:
    page = open_page("ja", PHONE, script=False)
    page.set_input_files("#file", files)
    page.click("#upload button")
    assert "/together/" in page.url
    expect(page.locator("#answer .own")).to_have_count(2)
