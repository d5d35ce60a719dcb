"""The search on a telephone and on a desk: photos above the fold, chips by finger and without a script, what fits."""

import pytest
from playwright.sync_api import expect

from collector.console.catalogue import PAGES
from tests.browser import DESK, PHONE, Opener, assert_fits, placed
from tests.collector.web.conftest import Shown
from tests.filled import execute

RACE = "SELECT race_id FROM photo_search WHERE race_id IS NOT NULL LIMIT 1"


def test_a_telephone_shows_photos_in_two_columns_above_the_fold_the_place_first(open_page: Opener) -> None:
    page = open_page("ja", PHONE)
    first, second = (placed(page.locator(".group > a img").nth(number)) for number in range(2))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] < second["x"]
    assert first["y"] + first["height"] < PHONE[1]
    where, name = (placed(page.locator(f".group {part}").first) for part in (".where", "h2"))
    assert where["y"] < name["y"]


@pytest.mark.parametrize(
    ("size", "script"), [(DESK, True), (PHONE, True), (PHONE, False)], ids=["desk", "phone", "bare"]
)
def test_chips_narrow_down_and_are_taken_back(open_page: Opener, size: tuple[int, int], script: bool) -> None:
    page = open_page("en", size, script=script)
    total = page.locator("#count").inner_text()
    chip = page.locator(".chip").filter(has_text=PAGES.read("en")["kind_mile"])
    if size == PHONE:
        expect(chip).not_to_be_visible()
        page.locator(".narrow > summary").click()
    chip.click()
    page.wait_for_url("**/?kind=mile")
    expect(page.locator("#count")).not_to_have_text(total)
    assert_fits(page)
    page.locator(".asked .held").click()
    page.wait_for_url("**/")
    expect(page.locator("#count")).to_have_text(total)


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
