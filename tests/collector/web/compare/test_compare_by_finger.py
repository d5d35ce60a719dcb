"""Photos are compared by a finger and by keys, and without a script, on a telephone."""

from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, Opener, placed, press, touch, wait_until
from tests.collector.web.compare.test_compare_browser import asked, compared, photos

__all__ = ("photos",)


def collect_and_compare(page: Page, how: str) -> None:
    """Two photos of the search, side by side."""
    for _ in range(2):
        press(page.locator(".group .collect:not(.held)").first, how)
        expect(page.locator(".group .collect.held")).not_to_have_count(0)
    expect(page.locator("#tray img")).to_have_count(2)
    press(page.get_by_role("link", name="Compare 2"), how)
    page.wait_for_url("**/compare?**")
    expect(page.locator(".alone image")).to_have_count(2)


def test_a_finger_collects_photos_draws_the_seam_and_swaps_them(open_page: Opener) -> None:
    page = open_page("en", PHONE)
    collect_and_compare(page, "finger")
    page.locator(".views label", has_text="Seam").tap()
    page.wait_for_url("**view=seam**")
    box = placed(page.locator("svg.laid"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, *([(x - box["width"] * share, y)] for share in (0, 0.1, 0.2, 0.3)))
    expect(page.get_by_role("slider", name="Seam")).to_have_value("20")
    wait_until(page, "location.search.includes('seam=20')")
    under = page.locator("#above image").get_attribute("href")
    page.get_by_role("link", name="Swap").tap()
    expect(page.locator("#above image")).not_to_have_attribute("href", under or "")


def test_a_finger_drags_a_mark_and_does_not_scroll_the_page(open_page: Opener, photos: list[str]) -> None:
    page = open_page("en", PHONE, path=f"/compare/marks?of={photos[0]}&state=photo%3D{photos[0]}")
    box, grip = placed(page.locator("#touched img")), placed(page.get_by_role("button", name="Withers"))
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    to_x, to_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    touch(page, *([(x + (to_x - x) * share, y + (to_y - y) * share)] for share in (0, 0.5, 1)))
    for name, share in (("withers_x", 50), ("withers_y", 25)):
        assert abs(float(page.locator(f"[name={name}]").input_value()) - share) < 1
    assert page.evaluate("scrollY") == 0


def test_keys_collect_photos_and_choose_how_they_are_seen(open_page: Opener) -> None:
    page = open_page("en", DESK)
    collect_and_compare(page, "keys")
    page.get_by_role("radio", name="Side by side").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**view=**")
    expect(page.locator("svg.laid")).to_be_visible()
    press(page.get_by_role("link", name="Swap"), "keys")
    page.wait_for_url("**under=**")


def test_without_a_script_the_form_moves_the_seam_and_the_lines(open_page: Opener, photos: list[str]) -> None:
    page = open_page("en", PHONE, path=compared(photos[:2], "view=seam"), script=False)
    page.get_by_role("slider", name="Seam").press("Home")
    page.get_by_label("Lines").check()
    page.get_by_role("button", name="Apply").tap()
    page.wait_for_url("**seam=0**")
    assert asked(page)["guides"] == ["yes"]
    expect(page.locator("[data-guide=hocks]").first).to_be_attached()
