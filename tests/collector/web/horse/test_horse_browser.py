"""A horse as it grew, in a real browser: its photos in time order, large, and over one another."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, Opener, assert_accessible, at_rest, placed, touch, wait_until


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_horses_photos_stand_in_time_order_in_frames_of_one_size(
    open_page: Opener, star: tuple[str, str, int], size: tuple[int, int]
) -> None:
    page = open_page("en", size, path=f"/horses/{star[0]}")
    days = [time.get_attribute("datetime") or "" for time in page.locator(".strip .when time").all()]
    assert len(days) == star[2]
    assert days == sorted(days)
    frames = page.evaluate("[...document.querySelectorAll('.strip img')].map(i => [i.width, i.height])")
    assert len({tuple(frame) for frame in frames}) == 1
    fits = "[...document.querySelectorAll('.strip img')].every(i => getComputedStyle(i).objectFit === 'contain')"
    assert page.evaluate(fits)
    first = page.locator(".strip figure").first
    expect(first).to_contain_text("kg")
    expect(first.locator(".source a")).to_have_attribute("href", re.compile("^http://old.keibado.ne.jp/"))


def test_the_lightbox_is_walked_by_keys_and_gives_the_focus_back(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", path=f"/horses/{star[0]}")
    links, box = page.locator(".strip .lit"), page.locator("dialog.light")
    links.first.focus()
    page.keyboard.press("Enter")
    expect(box).to_be_visible()
    assert_accessible(page)
    first = box.locator("img").get_attribute("src")
    page.keyboard.press("ArrowRight")
    second = box.locator("img").get_attribute("src")
    assert first != second
    expect(box).to_contain_text(f"2/{star[2]}")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(box).to_contain_text(f"{star[2]}/{star[2]}")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(links.nth(star[2] - 1)).to_be_focused()


def swipe(page: Page, selector: str, across: int) -> None:
    """A finger that moves sideways, as a touch screen reports it."""
    box = placed(page.locator(selector))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, [(x, y)], [(x + across / 2, y)], [(x + across, y)])


def test_the_lightbox_is_swiped_on_a_telephone(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("ja", PHONE, path=f"/horses/{star[0]}")
    page.locator(".strip .lit").first.tap()
    box = page.locator("dialog.light")
    expect(box).to_contain_text(f"1/{star[2]}")
    swipe(page, "dialog.light img", -200)
    expect(box).to_contain_text(f"2/{star[2]}")
    swipe(page, "dialog.light img", 200)
    expect(box).to_contain_text(f"1/{star[2]}")
    box.get_by_label("閉じる").click()
    expect(box).to_be_hidden()


def test_going_back_closes_the_lightbox_and_stays_on_the_page(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", PHONE, path="/")
    page.goto(f"/horses/{star[0]}")
    box = page.locator("dialog.light")
    page.locator(".strip .lit").first.tap()
    expect(box).to_be_visible()
    page.go_back()
    expect(box).to_be_hidden()
    assert page.url.endswith(f"/horses/{star[0]}")
    page.locator(".strip .lit").first.tap()
    box.get_by_label("Close").click()
    expect(box).to_be_hidden()
    wait_until(page, "history.state === null")
    page.go_back()
    page.wait_for_url("**/")


def test_the_strip_is_walked_by_keys(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", PHONE, path=f"/horses/{star[0]}")
    strip = page.locator(".strip")
    strip.focus()
    strip.press("ArrowRight")
    wait_until(page, "document.querySelector('.strip').scrollLeft > 0")
    at_rest(page, "document.querySelector('.strip').scrollLeft")
    year = page.get_by_label("To the photos of a year").get_by_role("link").last
    year.focus()
    year.press("Enter")
    expect(page.locator(".strip li").last).to_be_in_viewport()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_any_year_of_many_photos_is_one_click_away(open_page: Opener, star: tuple[str, str, int], script: bool) -> None:
    page = open_page("en", PHONE, path=f"/horses/{star[0]}", script=script)
    first, last = page.locator(".strip li").first, page.locator(".strip li").last
    expect(first).to_be_in_viewport()
    expect(last).not_to_be_in_viewport()
    page.get_by_label("To the photos of a year").get_by_role("link").last.click()
    expect(last).to_be_in_viewport()
