"""Photos large, in a real browser: nearer by wheel, pinch, double click and keys, one after the other, never cut."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, Opener, assert_accessible, placed, touch, wait_until
from tests.collector.web.conftest import Shown
from tests.filled import execute

# Px on the screen for one px of the photo, and whether it is whole in its box.
SEEN = """() => {
    const image = document.querySelector('dialog.light img'), box = image.parentElement.getBoundingClientRect();
    const is = image.getBoundingClientRect();
    return { times: is.width / image.naturalWidth, whole: is.width <= box.width + 1 && is.height <= box.height + 1,
        high: is.width / is.height - image.naturalWidth / image.naturalHeight };
}"""


@pytest.fixture
def opened_large(open_page: Opener, star: tuple[str, str, int]) -> Page:
    """A horse's first photo, large."""
    page = open_page("en", PHONE, path=f"/horses/{star[0]}")
    page.locator(".strip .lit").first.click()
    wait_until(page, "document.querySelector('dialog.light img').style.width")
    return page


def pinch(page: Page, begin: int, end: int) -> None:
    """Two fingers on the middle of the photo, that far apart in px."""
    box = placed(page.locator(".glass"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    apart = [begin + (end - begin) * step / 4 for step in range(5)]
    touch(page, *([(x - one / 2, y), (x + one / 2, y)] for one in apart))


def tap_twice(page: Page, x: float, y: float) -> None:
    """A finger that taps twice within a tenth of a second, however busy the machine is."""
    client, began = page.context.new_cdp_session(page), time.time()
    for number, kind in enumerate(("touchStart", "touchEnd") * 2):
        points: list[Any] = [{"x": x, "y": y}] if kind == "touchStart" else []
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": began + number / 40})


def test_a_photo_comes_nearer_by_wheel_pinch_double_click_and_keys_but_never_past_twice_its_size(
    opened_large: Page,
) -> None:
    page = opened_large
    box = placed(page.locator(".glass"))
    fit = page.evaluate(SEEN)
    assert fit["whole"]
    assert fit["times"] <= 2.001
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)

    def nearer_by(act: Any) -> None:
        page.keyboard.press("0")
        assert page.evaluate(SEEN) == fit
        act()
        wait_until(
            page, f"document.querySelector('dialog.light img').getBoundingClientRect().width > {box['width'] * 0.5}"
        )
        found = page.evaluate(SEEN)
        assert fit["times"] < found["times"] <= 2.001
        assert found["high"] == pytest.approx(0, abs=0.02), "neither stretched nor cut"

    nearer_by(lambda: page.mouse.wheel(0, -300))
    nearer_by(lambda: pinch(page, 60, 200))
    nearer_by(lambda: page.mouse.dblclick(*middle))
    nearer_by(lambda: tap_twice(page, *middle))
    nearer_by(lambda: page.keyboard.press("+"))
    for _ in range(20):
        page.keyboard.press("+")
    assert page.evaluate(SEEN)["times"] == pytest.approx(2, abs=0.01)
    page.mouse.dblclick(*middle)
    assert page.evaluate(SEEN) == fit


def test_a_photo_that_is_near_is_moved_and_not_turned_over(opened_large: Page) -> None:
    page = opened_large
    for _ in range(9):
        page.keyboard.press("+")
    place = "document.querySelector('dialog.light img').getBoundingClientRect().x"
    before = page.evaluate(place)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(place) < before
    expect(page.locator("dialog.light strong")).to_contain_text("1/")
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    expect(page.locator("dialog.light strong")).to_contain_text("2/")


def test_facts_stand_beside_the_photo_and_above_the_fold(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", DESK, path=f"/horses/{star[0]}")
    page.locator(".strip .lit").first.click()
    facts = page.locator("dialog.light figcaption")
    expect(facts).to_contain_text("kg")
    expect(facts).to_be_in_viewport(ratio=1)
    page.goto(page.locator("dialog.light").get_by_role("link", name="This photo's page").get_attribute("href") or "")
    expect(page.locator(".one dd").first).to_be_in_viewport(ratio=1)
    photo, facts_box = placed(page.locator(".big img")), placed(page.locator(".facts-of"))
    assert facts_box["x"] >= photo["x"] + photo["width"]
    assert photo["width"] <= 2 * int(page.locator(".big .lit").get_attribute("data-width") or 0)


def test_a_horse_is_seen_as_it_grew_and_a_hand_stops_it(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", path=f"/horses/{star[0]}")
    page.get_by_role("button", name="As it grew").click()
    run, count = page.get_by_role("button", name="Slideshow"), page.locator("dialog.light strong")
    expect(run).to_have_attribute("aria-pressed", "true")
    expect(count).to_have_text(f"1/{star[2]}")
    expect(count).to_have_text(f"2/{star[2]}")
    page.keyboard.press("ArrowLeft")
    expect(run).to_have_attribute("aria-pressed", "false")


def test_a_slideshow_is_run_and_stopped_by_keys(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", path=f"/horses/{star[0]}")
    page.keyboard.press("p")
    run = page.get_by_role("button", name="Slideshow")
    expect(run).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("s")
    expect(run).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.light")).to_be_hidden()


def test_the_keys_of_a_page_are_shown_and_do_what_they_say(
    open_page: Opener, shown: Shown, star: tuple[str, str, int]
) -> None:
    query = "SELECT photo FROM photo_search WHERE horse_id = %s ORDER BY dated, photo"
    photos = [photo for (photo,) in execute(shown.conninfo, query, star[0])]
    page = open_page("en", path=f"/photos/{photos[0]}")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("Later photo of this horse")
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/photos/{photos[1]}")
    page.goto("/")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("?")
    expect(page.locator("#help")).to_have_count(0)


def test_photos_follow_each_other_without_a_script(open_page: Opener, shown: Shown, star: tuple[str, str, int]) -> None:
    query = "SELECT photo FROM photo_search WHERE horse_id = %s ORDER BY dated, photo"
    photos = [photo for (photo,) in execute(shown.conninfo, query, star[0])]
    page = open_page("en", PHONE, path=f"/photos/{photos[0]}", script=False)
    for photo in photos[1:]:
        page.get_by_role("link", name="Later photo of this horse").click()
        page.wait_for_url(f"**/photos/{photo}")
    expect(page.get_by_role("link", name="Later photo of this horse")).to_have_count(0)
