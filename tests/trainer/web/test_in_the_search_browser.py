"""A person asks a model about a photo within the photo search, in a real browser: by mouse, finger, keys, no script."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.sync_api import Browser, expect

from collector.imports.own_remark import store_remark
from collector.web.app import make_app
from collector.web.asking.client import Asking
from collector.web.service import serving
from tests.browser import DESK, PHONE, WAYS, Opener, assert_accessible, assert_fits, assert_pictures_seen, press
from tests.collector.web.conftest import generous
from tests.filled import execute
from tests.trainer.web.conftest import Held, Site, Threaded
from trainer.dataset.examples import Side
from trainer.web.words import PAGES


class Search(Threaded):
    """A photo search that asks a server."""

    def __init__(self, conninfo: str, asked: str) -> None:
        super().__init__(self._serving)
        self._conninfo, self._asked = conninfo, asked

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[web.Application]:
        async with serving(self._conninfo, generous(), store_remark, asking=Asking(self._asked)) as service:
            yield make_app(service)


@pytest.fixture(scope="module")
def search(placed_in: str, site: Site) -> Iterator[Search]:
    """The photo search beside the server that answers."""
    with Search(placed_in, site.base) as search:
        yield search


@pytest.fixture
def open_page(browser: Browser, search: Search) -> Iterator[Opener]:
    """Opens pages of the search."""
    opener = Opener(browser, search.base)
    yield opener
    opener.close()
    assert opener.complaints == []


@pytest.mark.parametrize(
    ("language", "size", "script", "dark"),
    [("en", DESK, True, False), ("ja", PHONE, True, True), ("ja", PHONE, False, False)],
    ids=["desk", "phone", "bare"],
)
def test_a_person_asks_about_a_photo_and_sees_the_answer_its_worth_and_horses_like_it(
    open_page: Opener, abroad: Path, language: str, size: tuple[int, int], script: bool, dark: bool
) -> None:
    page, words = open_page(language, size, script=script, dark=dark), PAGES.read(language)
    page.get_by_role("link", name={"en": "Ask a model", "ja": "モデルに聞く"}[language]).click()
    page.set_input_files("#file", abroad)
    if script:
        expect(page.locator(".preview img")).to_have_count(1)
    page.get_by_role("button", name=words["ask"]).click()
    page.wait_for_url("**/ask/*")
    expect(page.locator("#answer h1")).to_have_text(words["worth_undecided"])
    expect(page.locator(".verdict svg[role=img]")).to_be_visible()
    expect(page.locator(".shots figure").first).to_be_visible()
    page.locator(".shots .collect").first.click()
    expect(page.locator("#tray img")).to_have_count(1)
    if script:
        assert_pictures_seen(page)
        assert_accessible(page)
    assert_fits(page)


@pytest.mark.parametrize("how", WAYS)
def test_the_photos_like_a_photo_are_on_its_page_and_on_one_of_their_own(
    open_page: Opener, placed_in: str, how: str
) -> None:
    ((photo,),) = execute(placed_in, "SELECT min(photo) FROM photo_search JOIN photo_vector USING (digest)")
    size, script = WAYS[how]
    page = open_page("en", size, path=f"/photos/{photo}", script=script)
    press(page.locator("#alike a"), how)
    page.wait_for_url(f"**/photos/{photo}/like")
    press(page.locator(".shots .collect").nth(1), how)
    expect(page.locator("#tray img")).to_have_count(1)
    press(page.locator(".shots .lit").nth(1), how)
    if script:
        expect(page.locator("dialog.light")).to_be_visible()
        press(page.get_by_role("link", name="This photo's page"), how)
    page.wait_for_url(lambda address: "/like" not in address and photo not in address.partition("?")[0])
    expect(page.locator("#alike")).to_be_visible()
    assert_fits(page)


def test_the_keys_ask_about_a_photo_that_is_held(open_page: Opener, held: Held) -> None:
    learnt = next(row for row in held.gallery.index.table.rows if row["side"] == Side.TRAIN)
    ((photo,),) = execute(held.conninfo, "SELECT min(photo) FROM photo_search WHERE digest = %s", learnt["digest"])
    page = open_page("en", path=f"/photos/{photo}")
    page.keyboard.press("m")
    page.wait_for_url(f"**/photos/{photo}/ask")
    expect(page.locator("#answer h1")).to_have_text(PAGES.read("en")["worth_learnt"])
    expect(page.locator(".shots figure").first).to_be_visible()
    expect(page.locator(f'.shots [id="photo-{photo}"]')).to_have_count(0)
    page.locator(".given .lit").click()
    expect(page.locator("dialog.light")).to_be_visible()
