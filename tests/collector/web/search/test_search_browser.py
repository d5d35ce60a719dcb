"""The search on a telephone and on a desk: photos above the fold, chips by finger and without a script, what fits."""

import pytest
from playwright.sync_api import expect

from collector.console.catalogue import PAGES
from tests.browser import PHONE, WAYS, Opener, assert_fits, placed, press
from tests.collector.web.conftest import Shown
from tests.filled import execute

DAYS = "SELECT DISTINCT race_date::text FROM photo_search WHERE extract(year FROM race_date) = 2015 ORDER BY 1"
RACE = "SELECT race_id FROM photo_search WHERE race_id IS NOT NULL LIMIT 1"


def test_a_telephone_shows_photos_in_two_columns_above_the_fold_the_place_first(open_page: Opener) -> None:
    page = open_page("ja", PHONE)
    first, second = (placed(page.locator(".group > a img").nth(number)) for number in range(2))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] < second["x"]
    assert first["y"] + first["height"] < PHONE[1]
    where, name = (placed(page.locator(f".group {part}").first) for part in (".where", "h2"))
    assert where["y"] < name["y"]


@pytest.mark.parametrize("how", WAYS)
def test_chips_narrow_down_and_are_taken_back(open_page: Opener, how: str) -> None:
    size, script = WAYS[how]
    page = open_page("en", size, script=script)
    total = page.locator("#count").inner_text()
    chip = page.locator(".chip").filter(has_text=PAGES.read("en")["kind_mile"])
    if size == PHONE:
        expect(chip).not_to_be_visible()
        press(page.locator(".narrow > summary"), how)
    press(chip, how)
    page.wait_for_url("**/?kind=mile")
    expect(page.locator("#count")).not_to_have_text(total)
    assert_fits(page)
    press(page.locator(".asked .held"), how)
    page.wait_for_url("**/")
    expect(page.locator("#count")).to_have_text(total)


@pytest.mark.parametrize("how", WAYS)
def test_words_of_remarks_are_typed_where_names_are_and_marked(open_page: Opener, how: str) -> None:
    size, script = WAYS[how]
    page = open_page("en", size, script=script)
    page.locator("#name").fill("ばらんす 前後の")
    if how == "keys":
        page.keyboard.press("Enter")
    else:
        press(page.get_by_role("button", name="Search", exact=True), how)
    page.wait_for_url("**/?name=**")
    expect(page.locator(".group mark").first).to_have_text("前後のバランス")
    expect(page.locator(".asked .held")).to_have_count(1)
    assert_fits(page)


@pytest.mark.parametrize("how", WAYS)
def test_the_calendar_of_races_is_walked_from_day_to_day(open_page: Opener, shown: Shown, how: str) -> None:
    days = [day for (day,) in execute(shown.conninfo, DAYS)]
    size, script = WAYS[how]
    page = open_page("en", size, path="/races?year=2015", script=script)
    press(page.locator(f'.month a[href*="day={days[1]}"]'), how)
    page.wait_for_url(f"**day={days[1]}**")
    for key, day in (("ArrowRight", days[2]), ("ArrowLeft", days[1])):
        if how == "keys":
            page.keyboard.press(key)
        else:
            press(page.locator(".turn a[rel=next]" if key == "ArrowRight" else ".turn a[rel=prev]"), how)
        page.wait_for_url(f"**day={day}**")
        expect(page.locator(".month [aria-current=date]")).to_have_count(1)
    press(page.locator(".covers a").first, how)
    page.wait_for_url("**/races/2015*")
    assert_fits(page)


def test_the_field_of_a_race_fits_a_telephone_without_scrolling(open_page: Opener, shown: Shown) -> None:
    ((race_id,),) = execute(shown.conninfo, RACE)
    page = open_page("en", PHONE, path=f"/races/{race_id}")
    inner = "document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth"
    assert page.evaluate(inner)
    expect(page.locator(".field .who").first).to_be_visible()


def test_a_wrong_field_is_marked_and_what_was_typed_stays(open_page: Opener) -> None:
    page = open_page("en", path="/?distance=far&kind=mile&sire=abc")
    field = page.get_by_label(PAGES.read("en")["field_distance"])
    expect(field).to_have_value("far")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("far")
    expect(page.get_by_label(PAGES.read("en")["field_sire"], exact=True)).to_have_value("abc")
