"""No answer is larger than it is worth: what the page says for each verdict, and of what is unlike all it knows."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from collector.storage.racing import Kind
from tests.browser import DESK, NARROW, PHONE, Opener, assert_accessible, assert_fits, placed, wait_until
from tests.trainer.web.conftest import Held, Site, a_horse
from tests.trainer.web.drawn import as_bytes, not_horses
from trainer.evaluation.verdict import Verdict
from trainer.web.about import Quality
from trainer.web.words import PAGES

VERDICTS = [*(verdict for verdict in Verdict if verdict is not Verdict.LEARNT), None]
WIDE = (2560, 1300)
# The largest px of type on the page, and those of the value.
TYPE = """() => {
    const size = (one) => parseFloat(getComputedStyle(one).fontSize);
    const seen = [...document.querySelectorAll("main *")].filter((one) => one.checkVisibility());
    const texts = seen.filter((one) => one.innerText?.trim());
    return { largest: Math.max(...texts.map(size)), value: size(document.querySelector(".value strong")),
        text: size(document.body) };
}"""


@pytest.fixture
def judged(site: Site) -> Iterator[Site]:
    """The server, whose model a test may judge as it likes."""
    before = site.service.about
    yield site
    site.service.about = before


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A horse that nobody has learnt from, and noise."""
    folder = tmp_path_factory.mktemp("photos")
    bodies = {"horse.jpg": a_horse(), "noise.jpg": as_bytes(not_horses()["noise"])}
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    return {name: folder / name for name in bodies}


def judge(site: Site, verdict: Verdict | None) -> None:
    """Let the model have this verdict; None: nobody has tested it."""
    quality = Quality(verdict, 100, 70, 0.18, 0.2, 0.9) if verdict else None
    site.service.about = dataclasses.replace(site.service.about, quality=quality)


def answered(page: Page, *photos: Path) -> Page:
    """The page with its answer for photos."""
    page.set_input_files("#file", photos)
    page.click("#upload button")
    expect(page.locator("#answer h1")).to_be_visible()
    return page


def test_only_a_model_with_skill_gets_its_type_and_value_in_large_letters(
    open_page: Opener, judged: Site, files: dict[str, Path]
) -> None:
    page = answered(open_page("en"), files["horse.jpg"])
    words = PAGES.read("en")
    kinds = {words["perhaps"].format(kind=words[f"type_{kind}"]) for kind in Kind}  # its bar has more than one kind
    for verdict in VERDICTS:
        judge(judged, verdict)
        page.reload()
        sizes, proven = page.evaluate(TYPE), verdict is not None and verdict.skill
        assert sizes["value"] < sizes["largest"], verdict  # a number is never the largest type
        assert (sizes["value"] > sizes["text"]) is proven, verdict
        assert (page.inner_text("#answer h1") in kinds) is proven, verdict
        said = words[f"worth_{verdict or 'untested'}_more"].partition("{")[0].rstrip("`")
        beside = page.locator(".worth")
        expect(beside).to_contain_text(said)
        box, value = placed(beside), placed(page.locator(".value"))
        assert value["y"] - box["y"] - box["height"] < 40, "what it is worth stands right at the answer"


@pytest.mark.parametrize(("language", "size", "dark"), [("en", DESK, False), ("ja", PHONE, True)])
def test_a_photo_unlike_all_that_the_model_knows_gets_a_sentence_and_no_chart(
    open_page: Opener, files: dict[str, Path], language: str, size: tuple[int, int], dark: bool
) -> None:
    page, words = answered(open_page(language, size, dark=dark), files["noise.jpg"]), PAGES.read(language)
    expect(page.locator("#answer h1")).to_have_text(words["worth_unlike"])
    expect(page.locator("#answer .worth")).to_have_text(words["worth_unlike_more"])
    assert page.locator("#answer svg, #answer .value, #answer .look").count() == 0
    numbers = page.locator("#answer .raw dd")
    expect(numbers).to_be_hidden()
    page.click("#answer .raw summary")
    expect(numbers).to_be_visible()
    assert_accessible(page)
    assert_fits(page)


def test_a_horse_with_one_photo_unlike_the_others_gets_no_value_and_the_photo_a_mark(
    open_page: Opener, files: dict[str, Path]
) -> None:
    page = answered(open_page("en"), files["horse.jpg"], files["noise.jpg"])
    expect(page.locator("#answer h1")).to_have_text(PAGES.read("en")["unlike_together"])
    assert page.locator("#answer .scale, #answer .value").count() == 0
    horse, noise = page.locator("#answer .tile").all()
    assert horse.locator("svg").count() == 1
    assert noise.locator("svg").count() == 0
    expect(noise).to_contain_text(PAGES.read("en")["strange_here"])


def test_a_photo_that_was_learnt_from_proves_nothing_however_good_the_model_is(
    open_page: Opener, judged: Site, held: Held
) -> None:
    judge(judged, Verdict.BEYOND_PEDIGREE_AND_RACE)
    row = next(row for row in held.gallery.index.table.rows if row["side"] == "train")
    page = open_page("ja")
    page.fill("#url", row["image_url"])
    page.press("#url", "Enter")
    expect(page.locator("#answer h1")).to_have_text(PAGES.read("ja")["worth_learnt"])
    sizes = page.evaluate(TYPE)
    assert sizes["value"] <= sizes["text"]


@pytest.mark.parametrize("verdict", [Verdict.SKILL, Verdict.UNDECIDED])
def test_an_answer_fits_every_window_in_light_and_dark(
    open_page: Opener, judged: Site, files: dict[str, Path], verdict: Verdict
) -> None:
    judge(judged, verdict)
    dark = verdict is Verdict.SKILL
    page = answered(open_page("en", DESK, dark=dark), files["horse.jpg"])
    assert_accessible(page)
    for width, height in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": height})
        assert_fits(page)
        # A photo is whole, in proportion, and at most twice its size.
        shown = page.evaluate(
            "[...document.querySelectorAll('#answer img')].filter((i) => i.checkVisibility() && i.naturalWidth)"
            ".map((i) => [getComputedStyle(i).objectFit, i.clientWidth / i.naturalWidth])"
        )
        assert {fit for fit, _ in shown} == {"contain"}
        assert max(times for _, times in shown) <= 2.1


def test_photos_open_large_by_mouse_finger_and_keys_and_the_answer_stays(
    open_page: Opener, files: dict[str, Path]
) -> None:
    page = answered(open_page("en", PHONE), files["horse.jpg"])
    large = page.locator("dialog.light")
    here = page.url
    page.evaluate("window.here = true")
    opened = [
        lambda: page.click(".given .lit"),
        lambda: page.tap(".given .lit"),
        lambda: page.keyboard.press("p"),
    ]
    for way in opened:
        way()
        expect(large).to_be_visible()
        wait_until(page, "document.querySelector('dialog.light img').naturalWidth > 0")
        page.keyboard.press("ArrowRight")  # to the most similar horse
        expect(large).to_contain_text("2/7")
        page.keyboard.press("Escape")
        expect(large).to_be_hidden()
        wait_until(page, "!history.state?.light")
    assert page.evaluate("window.here")
    assert page.url == here
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text(PAGES.read("en")["search"])
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#name")).to_be_focused()


def test_without_a_script_a_photo_leads_to_itself_and_the_numbers_unfold(
    open_page: Opener, files: dict[str, Path]
) -> None:
    page = answered(open_page("ja", PHONE, script=False), files["noise.jpg"])
    page.click("#answer .raw summary")
    expect(page.locator("#answer .raw dd")).to_be_visible()
    alone = page.request.get(page.locator(".given .lit").get_attribute("href") or "")
    assert alone.headers["content-type"] == "image/jpeg"
