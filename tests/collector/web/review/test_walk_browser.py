"""Naming the horses of a walk in a real browser: by keys, faster than the page."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PHONE, Opener
from tests.collector.web.conftest import ADMIN, Shown, Site, generous
from tests.walked import RACE, fill_day, placed

PATH = f"/review/walks/{RACE}"
FIRST = "camera:150301/01"


def test_keys_name_horses_and_the_others_move_at_once(own: Shown, browser: Browser) -> None:
    fill_day(own.conninfo)
    placed(own.conninfo)
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        page = opener("en", path=f"/review?token={ADMIN}")
        page.wait_for_url("**/review")
        page.goto(PATH)
        expect(page.get_by_text("Keys: 1 to 9")).to_be_visible()
        page.keyboard.press("Shift+Digit2")  # there are ten horses: no button is number 12
        for _ in range(3):
            page.keyboard.down("3")  # it is held, and decides once
        page.keyboard.up("3")
        expect(page.get_by_role("button", name=re.compile(r"Photo 1 of \d+: 3"))).to_be_visible()
        likely = page.locator(".horse.likely .cloth")
        expect(likely).to_have_count(1)
        proposed = likely.inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("[data-now]")).not_to_have_attribute("data-now", FIRST)
        assert int(proposed) in range(1, 11)
        page.keyboard.press("u")
        expect(page.locator("[data-now]")).not_to_have_attribute("data-now", FIRST)
        page.keyboard.press("u")
        expect(page.get_by_role("button", name="Take back")).to_have_count(0)
        opener.close()
    assert opener.complaints == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_finger_names_a_horse_on_a_telephone_that_shows_all_of_it(own: Shown, browser: Browser, script: bool) -> None:
    fill_day(own.conninfo)
    placed(own.conninfo)
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        page = opener("en", PHONE, path=f"/review?token={ADMIN}", script=script)
        page.wait_for_url("**/review")
        page.goto(PATH)
        expect(page.locator("[data-now]")).to_have_attribute("data-now", FIRST)
        page.locator("button.horse[value='3']").tap()
        expect(page.get_by_role("button", name=re.compile(r"Photo 1 of \d+: 3"))).to_be_visible()
        page.get_by_role("button", name="Take back").tap()
        expect(page.get_by_role("button", name="Take back")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        opener.close()
    assert opener.complaints == []
