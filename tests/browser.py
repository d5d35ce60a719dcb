"""A real Chromium for tests of pages, and what is looked for on all of them."""

import asyncio
import atexit
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PHONE, SMALL, NARROW, DESK = (390, 844), (360, 800), (320, 640), (1200, 900)
PATIENCE = 20.0  # seconds until something has to be there: a busy machine is not a fault
GRAVE = ("serious", "critical")  # what axe says of findings that keep a reader out

expect.set_options(timeout=1000 * PATIENCE)


class _Started:
    """A Chromium that stays from one file of tests to the next: to start one and its driver costs 3 s of computing."""

    def __init__(self, program: str) -> None:
        self._playwright = sync_playwright().start()
        self._loop = asyncio._get_running_loop()
        self.browser = self._playwright.chromium.launch(executable_path=program, args=FLAGS)
        atexit.register(self._stop)

    def _stop(self) -> None:
        with self.in_use():
            self.browser.close()
            self._playwright.stop()

    @contextmanager
    def in_use(self) -> Iterator[Browser]:
        """Its loop counts as running on this thread meanwhile, and no longer: other tests have loops of their own."""
        asyncio._set_running_loop(self._loop)
        try:
            yield self.browser
            for context in self.browser.contexts:
                context.close()
        finally:
            asyncio._set_running_loop(None)


_started = cache(_Started)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium; where there is none, the test is skipped."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is here: apt-get install chromium")
    with _started(found).in_use() as browser:
        yield browser


class Opener:
    """Opens pages of a site, and hears what the console says."""

    def __init__(self, browser: Browser, base: str, expected: str = "(?!)") -> None:
        self._browser, self._base = browser, base
        self._expected = re.compile(expected)  # what the console may say, and rightly
        self._contexts: list[BrowserContext] = []
        self._kept: dict[tuple[str, tuple[int, int], bool], Page] = {}
        self.complaints: list[str] = []

    def __call__(
        self, language: str, size: tuple[int, int] = DESK, *, path: str = "/", script: bool = True, dark: bool = False
    ) -> Page:
        width, height = size
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            java_script_enabled=script,
            color_scheme="dark" if dark else "light",
            has_touch=size != DESK,
            base_url=self._base,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: self._hear(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._hear(str(error)))
        page.goto(path)
        return page

    def again(self, language: str, size: tuple[int, int], *, path: str, dark: bool = False) -> Page:
        """The page of this language, size and colour, which stays open: a new one starts a process of the browser."""
        view = (language, size, dark)
        if view not in self._kept:
            self._kept[view] = self(language, size, path=path, dark=dark)
        else:
            self._kept[view].set_viewport_size({"width": size[0], "height": size[1]})
            self._kept[view].goto(path)
        return self._kept[view]

    def _hear(self, words: str) -> None:
        if not self._expected.search(words):
            self.complaints.append(words)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def wait_until(page: Page, condition: str) -> None:
    """Wait for something in the page; asked from outside, as its policy lets no script wait for words."""
    ended = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        assert time.monotonic() < ended, condition
        page.wait_for_timeout(20)


def at_rest(page: Page, what: str) -> Any:
    """What something in the page is once it stays so, such as what is scrolled smoothly."""
    before = page.evaluate(what)
    while True:
        page.wait_for_timeout(150)
        if before == (before := page.evaluate(what)):
            return before


def placed(locator: Locator) -> FloatRect:
    """Where something is in the window, in px, once it is there: a page that has just been asked for has no layout."""
    expect(locator).to_be_visible()
    locator.evaluate("async node => node.matches('img') && await node.decode()")
    found = locator.bounding_box()
    assert found is not None
    return found


# How a page is used: its size, and whether it has a script.
WAYS = {"mouse": (DESK, True), "finger": (PHONE, True), "keys": (DESK, True), "bare": (PHONE, False)}


def press(locator: Locator, how: str) -> None:
    """Press something by mouse, by a finger on a page that is touched, or by keys, which have to reach it.

    A page that is still coming goes to the place that its address names when it is there, which takes the focus away.
    """
    locator.page.wait_for_load_state()
    match how:
        case "finger":
            locator.tap()
        case "keys":
            locator.focus()
            expect(locator).to_be_focused()
            locator.press(
                "Space" if locator.evaluate("node => node.matches('[type=radio], [type=checkbox]')") else "Enter"
            )
        case _:
            locator.click()


def touch(page: Page, *steps: Sequence[tuple[float, float]]) -> None:
    """Fingers that are put down, moved and lifted, as a touch screen reports them: where each is at each step, px."""
    client, began = page.context.new_cdp_session(page), time.time() - len(steps)
    # The fingers rest before they are lifted: else it is a fling, and the next tap only stops it.
    for number, step in enumerate((*steps, steps[-1], ())):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(step)]
        kind = "touchStart" if number == 0 else "touchMove" if points else "touchEnd"
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": began + number / 5})


def assert_pictures_seen(page: Page) -> None:
    """Every picture that is shown has come."""
    page.evaluate("for (const image of document.images) image.loading = 'eager'")  # as if all had been scrolled to
    wait_until(page, "[...document.images].filter(i => i.checkVisibility()).every(i => i.complete && i.naturalWidth)")


def assert_fits(page: Page) -> None:
    """Nothing sticks out at the side, at this size and on the telephones that people have, where a finger can press."""
    before = page.viewport_size
    assert before is not None
    for width, height in ((before["width"], before["height"]), PHONE, SMALL):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width <= PHONE[0]:
            _assert_pressable(page)
    page.set_viewport_size(before)


def _assert_pressable(page: Page) -> None:
    """On a telephone a finger finds what it presses: whatever is not a word of a sentence is 44 px high."""
    low = page.evaluate(
        "[...document.querySelectorAll('a, button, summary')].filter(one => one.checkVisibility()"
        " && getComputedStyle(one).display !== 'inline' && !one.closest('svg') && !one.matches('.skip')"
        " && one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 120))"
    )
    assert low == []


def assert_japanese(page: Page) -> None:
    """A Japanese page says what it says in Japanese, and sets no space where Japanese has none."""
    text = page.evaluate("document.querySelector('main').innerText")
    assert re.findall(r".{0,9}[。、：][ ][^ -~\n].{0,9}", text) == []
    assert re.findall(r"(?:\b[a-z]+ ){3}[a-z]+", text) == []


def assert_accessible(page: Page) -> None:
    """axe has no serious finding: names, contrasts, roles, the order of headings."""
    found = Axe().run(page).response["violations"]
    grave = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found if one["impact"] in GRAVE]
    assert grave == []
