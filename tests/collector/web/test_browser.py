"""The photo search in a real browser: with a script and without, wide and narrow, mouse, finger and keyboard."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from collector.console.catalogue import PAGES
from tests.browser import (
    DESK,
    NARROW,
    PHONE,
    Opener,
    assert_accessible,
    assert_fits,
    assert_japanese,
    assert_pictures_seen,
    wait_until,
)
from tests.collector.web.conftest import Shown, Site
from tests.filled import execute


def everywhere(shown: Shown, horse_id: str) -> dict[str, str]:
    """A page of every sort."""
    query = (
        "SELECT photo, split_part(photo, '/', 1), race_id FROM photo_search WHERE horse_id = %s ORDER BY dated LIMIT 2"
    )
    (first, issue, race), (second, *_) = execute(shown.conninfo, query, horse_id)
    many = "&".join(f"photo={photo}" for (photo,) in execute(shown.conninfo, "SELECT photo FROM photo_search LIMIT 4"))
    return {
        "search": "/", "found": "/?name=%E3%82%A2&year=2016", "nothing": "/?name=zzz", "horse": f"/horses/{horse_id}",
        "photo": f"/photos/{first}", "race": f"/races/{race}", "issue": f"/issues/{issue}", "issues": "/issues",
        "races": "/races",
        "compare": f"/compare?photo={first}&photo={second}", "compare many": f"/compare?{many}",
        "marks": f"/compare/marks?of={first}", "over": f"/compare?{many}&view=seam&guides=yes&mark={first},.3,.3,.8,.4",
        "tray": f"/?tray={first}&tray={second}",
        "wrong": "/?age=abc&low=half&year=MMXVI", "no comparison": "/compare", "lost": "/horses/nobody",
        "overview": "/overview", "review": "/review",
    }  # fmt: skip


SORTS = (
    "search", "found", "nothing", "horse", "photo", "race", "issue", "issues", "races", "compare", "compare many",
    "marks", "over", "tray", "wrong", "no comparison", "lost", "overview", "review",
)  # fmt: skip


@pytest.fixture(scope="module")
def views(browser: Browser, site: Site) -> Iterator[Opener]:
    """Opens pages that stay open from one test to the next."""
    opener = Opener(browser, site.base, "status of 40[04]")
    yield opener
    opener.close()


@pytest.mark.parametrize("sort", SORTS)
def test_every_page_is_accessible_and_fits(views: Opener, shown: Shown, star: tuple[str, str, int], sort: str) -> None:
    path = everywhere(shown, star[0])[sort]
    number = SORTS.index(sort)
    for language, size, dark in (("en", DESK, number % 2 == 0), ("ja", PHONE, number % 2 == 1)):
        page = views.again(language, size, path=path, dark=dark)
        expect(page.locator("h1")).to_have_count(1)
        assert_fits(page)
        assert_pictures_seen(page)
        assert_accessible(page)
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        assert_fits(page)
    assert_japanese(page)
    assert views.complaints == []


@pytest.mark.parametrize(
    ("language", "size", "script"), [("en", DESK, True), ("ja", PHONE, False)], ids=["script", "no script"]
)
def test_a_name_is_searched_and_the_address_holds_it_all(
    open_page: Opener, star: tuple[str, str, int], language: str, size: tuple[int, int], script: bool
) -> None:
    words, (_, name, _) = PAGES.read(language), star
    page = open_page(language, size, script=script)
    page.locator(".filters > summary").click()
    page.get_by_label(words["field_sex"]).select_option("male")
    page.locator("#name").fill(name[:4])
    page.get_by_role("button", name=words["find"], exact=True).click()
    page.wait_for_url("**/?name=*")
    asked = {key: value for key, value in parse_qs(urlsplit(page.url).query).items() if value != [""]}
    assert asked == {"name": [name[:4]], "sex": ["male"]}
    assert page.locator(".asked .held").count() == 2
    expect(page.get_by_label(words["field_sex"])).to_have_value("male")
    again = open_page(language, size, path=page.url[page.url.index("/?") :])
    assert again.locator(".group h2").all_inner_texts() == page.locator(".group h2").all_inner_texts()


def test_older_ones_follow_page_by_page_and_going_back_shows_the_newest(open_page: Opener) -> None:
    page = open_page("en")
    first = page.locator(".group h2").all_inner_texts()
    page.get_by_role("link", name="Older ones").click()
    page.wait_for_url("**/?before=**")
    second = page.locator(".group h2").all_inner_texts()
    assert not set(first) & set(second)
    page.go_back()
    assert page.locator(".group h2").all_inner_texts() == first


def test_names_are_suggested_while_typing_and_chosen_by_keyboard(open_page: Opener, star: tuple[str, str, int]) -> None:
    horse_id, name, _ = star
    page = open_page("ja")
    field = page.get_by_role("combobox")
    field.press_sequentially(name[:-1])
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    assert_accessible(page)
    assert name in " ".join(options.all_inner_texts())
    expect(options.first).to_have_text(re.compile(r"\d{4}年生まれ · 写真\d+枚$"))
    for _ in range(8):
        field.press("ArrowDown")
        chosen = field.get_attribute("aria-activedescendant")
        if chosen and name in page.locator(f"#{chosen}").inner_text():
            break
    field.press("Enter")
    page.wait_for_url(f"**/horses/{horse_id}")
    expect(page.locator("h1")).to_have_text(name)


def test_escape_closes_the_suggestions_and_enter_alone_searches(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en")
    field = page.get_by_role("combobox")
    field.press_sequentially(star[1][:3])
    expect(page.get_by_role("listbox")).to_be_visible()
    field.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    field.press("Enter")
    page.wait_for_url("**/?name=*")


def test_suggestions_that_come_late_do_not_open_over_what_was_left(
    open_page: Opener, star: tuple[str, str, int]
) -> None:
    page = open_page("en")
    page.get_by_role("combobox").press_sequentially(star[1][:3])
    page.locator(".filters > summary").focus()
    page.wait_for_timeout(400)
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_everything_can_be_done_by_keyboard(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", path=f"/?name={quote(star[1])}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip").first).to_be_focused()
    page.keyboard.press("Enter")
    for sought in (".skip", ".group h2 a"):  # the chips stand before the photos, and can be skipped
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches('{sought}')"):
                break
        if sought == ".skip":
            page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/horses/{star[0]}")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.collect')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#tray img")).to_have_count(1)


def test_the_language_is_switched_and_stays_in_links_and_forms(open_page: Opener, star: tuple[str, str, int]) -> None:
    page = open_page("en", path="/?name=%E3%82%B9")
    page.get_by_role("link", name="日本語").click()
    page.wait_for_url("**lang=ja**")
    assert page.evaluate("document.documentElement.lang") == "ja"
    page.locator(".group h2 a").first.click()
    page.wait_for_url("**/horses/**lang=ja**")
    page.goto(page.url.replace(urlsplit(page.url).path, "/"))
    page.get_by_role("button", name="検索", exact=True).click()
    wait_until(page, "location.search.includes('lang=ja')")


def test_japanese_is_drawn_and_not_as_boxes(open_page: Opener, star: tuple[str, str, int]) -> None:
    """Two different characters that no font has are drawn alike; these are not."""
    page = open_page("ja", path=f"/horses/{star[0]}")
    widths = page.evaluate("""() => {
        const draw = (text) => {
            const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
            pen.font = getComputedStyle(document.querySelector('h1')).font;
            pen.fillText(text, 0, 60);
            return pen.getImageData(0, 0, 80, 80).data.join();
        };
        return [draw('馬') !== draw('競'), draw('ア') !== draw('髙'), draw('馬').includes('255')];
    }""")
    assert widths == [True, True, True]


def test_a_name_that_is_markup_is_shown_as_it_is(open_page: Opener) -> None:
    page = open_page("en", path="/?name=%3Cscript%3Ealert(1)%3C/script%3E%22%3E%3Cimg+src=x+onerror=alert(1)%3E")
    expect(page.get_by_role("combobox")).to_have_value('<script>alert(1)</script>"><img src=x onerror=alert(1)>'[:60])
    assert page.locator("img[src=x]").count() == 0
