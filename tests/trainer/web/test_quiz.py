"""The page of `trainer guess` in a real browser: by mouse, finger and keys, with a script and without."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, Opener, assert_accessible, assert_fits, assert_pictures_seen, chromium, placed
from tests.trainer.web.conftest import Held, Threaded
from trainer.evaluation.guess import Quiz, choose
from trainer.web.quiz import make_quiz
from trainer.web.words import PAGES


@pytest.fixture
def quiz(held: Held, tmp_path: Path) -> Quiz:
    """Three photos."""
    return choose(held.version, 3, tmp_path / "answers.jsonl")


@pytest.fixture
def open_page(quiz: Quiz) -> Iterator[Opener]:
    """Opens pages; fails at the end if the console has a complaint."""

    @asynccontextmanager
    async def app() -> AsyncIterator[web.Application]:
        yield make_quiz(quiz, lambda: None)

    with chromium() as browser, Threaded(app) as site:
        opener = Opener(browser, site.base)
        yield opener
        opener.close()
    assert opener.complaints == []


def said(quiz: Quiz) -> list[float]:
    """The answers that were kept."""
    return [json.loads(line)["guess"] for line in quiz.path.read_text().splitlines()]


def assert_good(page: Page) -> None:
    """It can be seen, read and used at every size."""
    assert_pictures_seen(page)
    assert_fits(page)
    assert_accessible(page)


def test_a_person_answers_by_keys_and_by_mouse_and_sees_the_photo_large(open_page: Opener, quiz: Quiz) -> None:
    page, words = open_page("en", DESK), PAGES.read("en")
    assert_good(page)
    photo, slider = placed(page.locator(".given img")), placed(page.locator("#value"))
    assert photo["x"] + photo["width"] < slider["x"], "the photo comes first, the question stands beside it"
    page.keyboard.press("p")
    expect(page.locator("dialog.light")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.focus("#value")
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")
    expect(page.locator("figcaption")).to_have_text(words["quiz_photo"].format(number=2, of=3))
    page.mouse.click(slider["x"] + slider["width"] - 9, slider["y"] + slider["height"] / 2)
    page.click("button.main")
    page.click("button.main")
    expect(page.locator("h1")).to_have_text(words["quiz_over"])
    assert said(quiz) == [0.6, 1, 0.5]


@pytest.mark.parametrize("script", [True, False])
def test_a_person_answers_by_finger_in_japanese_and_in_the_dark(open_page: Opener, quiz: Quiz, script: bool) -> None:
    page, words = open_page("ja", PHONE, script=script, dark=True), PAGES.read("ja")
    expect(page.locator("h1")).to_have_text(words["title_distance"])
    if script:
        assert_good(page)
    for _ in quiz.photos:
        page.locator("button.main").tap()
    expect(page.locator("h1")).to_have_text(words["quiz_over"])
    assert said(quiz) == [0.5] * 3
