"""The page in a real browser: with a script and without, wide and narrow, by mouse and keyboard, in two languages."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESK, NARROW, PHONE, Opener, assert_fits, assert_pictures_seen, placed, wait_until
from tests.filled import OPINIONS, SITE, execute
from tests.trainer.web.conftest import Held, Site, a_horse
from trainer.inference.photos import Reach
from trainer.web.words import PAGES

SITES = (SITE, OPINIONS)


@pytest.fixture(scope="module")
def site(held: Held) -> Iterator[Site]:
    """A server for the browser."""
    with Site(held, Reach(None, SITES)) as site:
        yield site


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Opener]:
    """Opens pages; fails at the end if the console has a complaint."""
    # That a wrong photo is answered with 422 the browser notes as well, and rightly.
    opener = Opener(browser, site.base, "status of 422")
    yield opener
    opener.close()
    assert opener.complaints == []


@pytest.fixture(scope="module")
def horse_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo as a file."""
    path = tmp_path_factory.mktemp("photos") / "horse.jpg"
    path.write_bytes(a_horse())
    return path


def assert_photo_first(page: Page) -> None:
    """The photo stands before the answer: beside it where there is room, else above it."""
    photo, said = (placed(page.locator(f"#answer {place}")) for place in (".given .lit", "h1"))
    wide = page.evaluate("innerWidth") >= 960
    assert photo["x"] + photo["width"] < said["x"] if wide else photo["y"] + photo["height"] < said["y"]


def assert_answered(page: Page, language: str) -> None:
    """The answer is there, whole, and its pictures can be seen."""
    words = PAGES.read(language)
    expect(page.locator("#answer h1")).to_be_visible()
    expect(page.locator("#answer")).to_contain_text(words["similar"])
    assert page.locator("#answer .tiles li").count() == 6
    assert_photo_first(page)
    expect(page.locator(".scale > svg")).to_be_visible()
    assert_pictures_seen(page)


@pytest.mark.parametrize(("language", "size"), [("en", DESK), ("ja", PHONE), ("en", NARROW)])
def test_a_photo_is_chosen_previewed_and_answered_in_place(
    open_page: Opener, horse_file: Path, language: str, size: tuple[int, int]
) -> None:
    page = open_page(language, size)
    assert_fits(page)
    page.set_input_files("#file", horse_file)
    expect(page.locator("#preview")).to_be_visible()
    page.evaluate("window.here = true")
    page.click("#upload button")
    assert_answered(page, language)
    assert_fits(page)
    assert page.evaluate("window.here")  # the page was not left
    assert "/answers/" in page.url
    page.click("#answer summary")
    wait_until(page, "document.querySelector('.look img').naturalWidth > 0")
    assert_fits(page)
    page.reload()
    assert_answered(page, language)
    page.click("#switch")
    other = "ja" if language == "en" else "en"
    expect(page.locator("html")).to_have_attribute("lang", other)
    assert_answered(page, other)
    page.go_back()
    page.go_back()
    expect(page.locator("#upload")).to_be_visible()


def test_a_photo_is_dropped_on_the_page(open_page: Opener, horse_file: Path) -> None:
    page = open_page("en")
    page.evaluate(
        """bytes => {
            const moved = new DataTransfer();
            moved.items.add(new File([new Uint8Array(bytes)], "horse.jpg", { type: "image/jpeg" }));
            const facts = { dataTransfer: moved, bubbles: true, cancelable: true };
            for (const type of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, facts));
        }""",
        list(horse_file.read_bytes()),
    )
    assert_answered(page, "en")


def test_an_address_of_the_collection_and_one_that_is_refused(open_page: Opener, held: Held) -> None:
    language = "en"
    page = open_page(language)
    page.fill("#url", held.gallery.index.table.rows[0]["image_url"])
    page.click(".by-url button")
    assert_answered(page, language)
    expect(page.locator("#answer")).to_contain_text(held.gallery.index.table.rows[0]["horse_name"])
    page.fill("#url", f"{SITE}/none.jpg")
    page.click(".by-url button")
    expect(page.locator("#problem")).to_contain_text("only the crawl sends requests to")


def test_a_sample(open_page: Opener) -> None:
    language = "ja"
    page = open_page(language, PHONE)
    assert_pictures_seen(page)
    page.locator(".try .tile").nth(1).tap()
    assert_answered(page, language)
    expect(page.locator("#answer")).to_contain_text(PAGES.read(language)["unseen"])
    expect(page.locator(".scale .opinion")).to_be_visible()


def test_the_collection_is_searched_in_place_and_a_photo_taken(open_page: Opener, held: Held) -> None:
    language = "ja"
    ((name,),) = execute(held.conninfo, "SELECT horse_key FROM photo WHERE digest IS NOT NULL ORDER BY id LIMIT 1")
    page = open_page(language, PHONE)
    page.fill("#name", name[:3])
    page.press("#name", "Enter")
    expect(page.locator("#results")).to_contain_text(name)
    assert_fits(page)
    assert_pictures_seen(page)
    page.click(f"#results .tile:has-text('{name}') >> nth=0")
    assert_answered(page, language)
    page.fill("#name", "ナイナイナイ")
    page.click("#search button")
    expect(page.locator("#results")).to_contain_text("ナイナイナイ")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_mistake_is_shown_in_place(open_page: Opener, language: str, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    page = open_page(language, PHONE)
    page.set_input_files("#file", tmp_path / "broken.jpg")
    page.click("#upload button")
    expect(page.locator("#problem")).to_contain_text(PAGES.read(language)["problem"])
    assert_fits(page)
    expect(page.locator("#upload button")).to_be_enabled()  # one can try again


def test_without_a_script_the_forms_do_it_all(open_page: Opener, horse_file: Path) -> None:
    page = open_page("ja", PHONE, script=False)
    expect(page.locator("#file")).to_be_visible()
    page.set_input_files("#file", horse_file)
    page.click("#upload button")
    assert "/answers/" in page.url
    expect(page.locator("#answer h1")).to_be_visible()
    page.click("#answer summary")
    expect(page.locator(".look img")).to_be_visible()
    page.fill("#name", "ー")
    page.locator("#search button").tap()
    page.locator("#results .tile").first.tap()
    expect(page.locator("#answer h1")).to_be_visible()


def test_everything_can_be_done_by_keyboard(open_page: Opener, held: Held) -> None:
    page = open_page("en")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none" or reached[-1] == "file"
    assert [place for place in ("switch", "file", "url", "name", "tile") if place not in reached] == []
    page.focus("#url")
    page.keyboard.type(held.gallery.index.table.rows[0]["image_url"])
    page.keyboard.press("Enter")
    assert_answered(page, "en")
    assert page.evaluate("document.activeElement.tagName") == "H1"  # who cannot see hears the answer next
    page.focus("#answer summary")
    page.keyboard.press("Enter")
    expect(page.locator(".look img")).to_be_visible()


def test_the_pages_words_are_in_one_language(open_page: Opener) -> None:
    page = open_page("ja", PHONE)
    text = re.sub(r"[A-Z]{2,}.*|\S*(probe|paddock|trainer|OpenAPI|Paddock|English)\S*", "", page.inner_text("body"))
    assert not re.search(r"[a-z]{4,}", text), text
    assert io.StringIO(page.content()).readline().strip().lower().startswith("<!doctype html>")
