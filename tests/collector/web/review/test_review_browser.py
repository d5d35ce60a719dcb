"""The review in a real browser: without a script, by keyboard, narrow, under the strict policy of its pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, WAYS, Opener, press
from tests.collector.web.conftest import ADMIN, Shown, Site, generous
from tests.collector.web.waiting import a_horse, matched, open_up, photos_of, put_real_page
from tests.filled import execute


@pytest.fixture
def page(own: Shown, browser: Browser) -> Iterator[Page]:
    """A telephone's browser without a script, with the token; in the end the console has no complaints."""
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        page = opener("en", PHONE, path=f"/review?token={ADMIN}", script=False)
        page.wait_for_url("**/review")
        yield page
        opener.close()
    assert opener.complaints == []


def test_a_horse_is_decided_by_keyboard(own: Shown, page: Page) -> None:
    photo = photos_of(own.conninfo)[0]
    horse_id, name = a_horse(own.conninfo)
    open_up(own.conninfo, photo)
    page.goto("/review/open")
    page.get_by_label("Another horse").or_(page.get_by_label("The horse")).focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{photo} shows {name}. Change it")
    expect(page.get_by_role("heading", name="No photo is open.")).to_be_visible()
    assert matched(own.conninfo, photo)[0][0] == horse_id


def test_a_photo_is_forgotten_from_its_own_page(own: Shown, page: Page) -> None:
    photo = photos_of(own.conninfo)[0]
    page.goto(f"/photos/{photo}")
    page.get_by_role("link", name=f"Forget {photo}").click()
    expect(page.get_by_role("heading", name=f"Forget {photo}?")).to_be_visible()
    page.get_by_role("button", name="Forget it for good").click()
    expect(page.get_by_role("status")).to_contain_text(f"{photo} is forgotten")


def test_what_reading_again_would_change_is_shown_without_a_script(own: Shown, page: Page) -> None:
    put_real_page(own.conninfo)
    page.goto("/review/quarantined")
    page.get_by_role("button", name="See what would change").click()
    expect(page.get_by_role("status")).to_contain_text("Archived pages read: 1", timeout=20_000)
    assert execute(own.conninfo, "SELECT state FROM page") == [("quarantined",)]


@pytest.mark.parametrize("how", ["mouse", "finger", "bare"])
def test_a_horse_that_is_offered_is_pressed_and_taken_back(own: Shown, browser: Browser, how: str) -> None:
    photos, (horse_id, _) = photos_of(own.conninfo)[:2], a_horse(own.conninfo)
    open_up(own.conninfo, *photos, candidates=[horse_id])
    size, script = WAYS[how]
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        page = opener("en", size, path=f"/review?token={ADMIN}", script=script)
        page.goto("/review/open")
        press(page.locator("[data-case] [data-number='1']").first, how)
        expect(page.locator("[data-case]")).to_have_count(1)
        assert [matched(own.conninfo, photo)[0][::4] for photo in photos].count((horse_id, True)) == 1
        press(page.locator("[data-key=u]"), how)
        page.wait_for_url(lambda address: "done" not in address)
        expect(page.locator("[data-key=u]")).to_have_count(0)
        assert [matched(own.conninfo, photo)[0][4] for photo in photos] == [False, False]
        opener.close()
        assert opener.complaints == []


def test_one_key_decides_a_photo_and_another_one_takes_it_back(own: Shown, browser: Browser) -> None:
    photos = photos_of(own.conninfo)[:3]
    horse_id, _ = a_horse(own.conninfo)
    open_up(own.conninfo, *photos, candidates=[horse_id])
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base)
        page = opener("en", path=f"/review?token={ADMIN}")
        page.goto("/review/open")
        expect(page.locator("[data-marked] h2")).to_contain_text(photos[0])
        page.keyboard.press("ArrowDown")
        expect(page.locator("[data-marked] h2")).to_contain_text(photos[1])
        page.keyboard.press("1")
        page.keyboard.press("1")  # the next one, as fast as one presses
        expect(page.locator("[data-case]")).to_have_count(1)
        assert [matched(own.conninfo, photo)[0][4] for photo in photos] == [False, True, True]
        page.keyboard.press("u")
        page.keyboard.press("u")
        page.wait_for_url(lambda address: "done" not in address)
        assert [matched(own.conninfo, photo)[0][4] for photo in photos] == [False, False, False]
        opener.close()
        assert opener.complaints == []
