"""Collections in a real browser: by mouse, finger and keys, with a script and without."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import WAYS, Opener, assert_accessible, assert_fits, press
from tests.collector.web.conftest import ADMIN, Shown, Site, generous


@pytest.fixture
def keeping(browser: Browser, own: Shown) -> Iterator[Opener]:
    """A way to open pages where one may keep things."""
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        yield opener
        opener.close()
        assert opener.complaints == []


@pytest.mark.parametrize("how", WAYS)
def test_a_tray_becomes_a_collection_whose_photos_get_stars_and_a_note(keeping: Opener, how: str) -> None:
    size, script = WAYS[how]
    page = keeping("en", size, path=f"/?token={ADMIN}", script=script)
    page.goto("/")
    for kept in (1, 2):
        press(page.locator(".group > .collect:not(.held)").first, how)
        expect(page.locator(".group > .collect.held")).to_have_count(kept)
    page.get_by_label("Its name").fill("to see")
    press(page.get_by_role("button", name="Keep as a list"), how)
    expect(page.locator("h1")).to_have_text("to see 2")
    press(page.locator(".shot .lit").first, how)
    if script:
        press(page.get_by_role("link", name="This photo's page"), how)
    stars = page.get_by_role("radio", name="★★★", exact=True)
    press(stars if how == "keys" else page.locator(".rate span").get_by_text("★★★", exact=True), how)
    page.locator("#note").fill("deep girth")
    press(page.get_by_role("button", name="Keep", exact=True), how)
    expect(stars).to_be_checked()
    expect(page.locator("#note")).to_have_value("deep girth")
    if script and how != "keys":  # which see the page that the mouse sees
        assert_accessible(page)
    assert_fits(page)
    press(page.get_by_role("link", name="to see"), how)
    expect(page.get_by_label("3 of 5 stars")).to_be_visible()
    press(page.get_by_role("button", name="out of this collection").first, how)
    expect(page.locator("h1")).to_have_text("to see 1")
    press(page.locator(".filters > summary"), how)
    page.locator("#new").fill("seen")
    press(page.get_by_role("button", name="Rename"), how)
    expect(page.locator("h1")).to_have_text("seen 1")
    if script and how != "keys":
        assert_accessible(page)
