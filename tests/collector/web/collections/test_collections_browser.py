"""Collections in a real browser, with a script and without."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PHONE, Opener, assert_accessible, assert_fits
from tests.collector.web.conftest import ADMIN, Shown, Site, generous


@pytest.fixture
def keeping(browser: Browser, own: Shown) -> Iterator[Opener]:
    """A way to open pages where one may keep things."""
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        yield opener
        opener.close()
        assert opener.complaints == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_tray_becomes_a_collection_and_a_photo_gets_stars(keeping: Opener, script: bool) -> None:
    page = keeping("en", PHONE, path=f"/?token={ADMIN}", script=script)
    page.goto("/")
    for number in (0, 1):
        page.locator(".group > .collect:not(.held)").nth(number).click()
    page.get_by_label("Its name").fill("to look at again")
    page.get_by_role("button", name="Keep as a list").click()
    expect(page.locator("h1")).to_have_text("to look at again 2")
    page.locator(".shot .lit").first.click()
    if script:
        page.get_by_role("link", name="This photo's page").click()
    page.locator(".rate span", has_text="★★★").first.click()
    page.locator("#note").fill("deep girth")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("radio", checked=True)).to_have_value("3")
    if script:
        assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="to look at again").click()
    expect(page.get_by_label("3 of 5 stars")).to_be_visible()
    page.get_by_role("button", name="out of this collection").first.click()
    expect(page.locator("h1")).to_have_text("to look at again 1")
    if script:
        assert_accessible(page)
