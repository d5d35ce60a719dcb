"""The overview in a real browser: it fits, its words do not lie over each other, and the console has no complaints."""

import time

import pytest
from playwright.sync_api import Browser

from collector.demo.world.world import World
from tests.browser import DESK, NARROW, PHONE, assert_fits
from tests.collector.web.conftest import Site
from tests.collector.web.overview.test_overview import HOST, add_page, add_request
from tests.filled import execute, fill

# Pairs of texts in one picture that lie over each other, by what they say.
OVER_EACH_OTHER = """
[...document.querySelectorAll('svg[role=img]')].flatMap(picture => {
  const texts = [...picture.querySelectorAll('text')].filter(text => text.checkVisibility());
  const boxes = texts.map(text => text.getBoundingClientRect());
  return boxes.flatMap((one, place) => boxes.slice(place + 1).map((other, after) => [
    texts[place].textContent, texts[place + 1 + after].textContent,
    one.left < other.right - 1 && other.left < one.right - 1
      && one.top < other.bottom - 3 && other.top < one.bottom - 3,
  ])).filter(pair => pair[2]);
})
"""
# Pieces that stick out of their picture at the side.
OUTSIDE = """
[...document.querySelectorAll('svg[role=img]')].filter(picture => {
  const frame = picture.getBoundingClientRect();
  return [...picture.querySelectorAll('rect, text')].filter(piece => piece.checkVisibility()).some(piece => {
    const box = piece.getBoundingClientRect();
    return box.left < frame.left - 2 || box.right > frame.right + 2;
  });
}).map(picture => picture.getAttribute('aria-label'))
"""


@pytest.mark.parametrize("language", ["en", "ja"])
def test_pictures_fit_and_their_words_can_be_read(browser: Browser, conninfo: str, language: str) -> None:
    fill(conninfo, World(years=range(2013, 2020), issues_per_year=2, photos_per_issue=6))
    for place, state in enumerate(("fetched", "due", "failed", "quarantined", "gone", "excluded")):
        add_page(conninfo, f"http://{HOST}/{place}", state, "a/very/long/reason/" * 20)
        add_request(conninfo, 9 * place, "new")
    execute(conninfo, "UPDATE host SET delay = 5, smallest_gap = 5.1, delay_reason = 'own'")
    complaints: list[str] = []
    with Site(conninfo) as site:
        while not (site.service and site.service.renewal.at):
            time.sleep(0.02)
        page = browser.new_page(locale=language)
        page.on("console", lambda said: complaints.append(said.text))
        page.goto(f"{site.base}/overview")
        assert page.locator("svg[role=img]").count() == 12
        for width, height in (DESK, PHONE, NARROW):
            page.set_viewport_size({"width": width, "height": height})
            assert_fits(page)
            assert page.evaluate(OVER_EACH_OTHER) == []
            assert page.evaluate(OUTSIDE) == []
        for summary in page.locator("details.figures summary").all():
            summary.click()
        for width, height in (NARROW, PHONE, DESK):
            page.set_viewport_size({"width": width, "height": height})
            assert_fits(page)
        page.close()
    assert complaints == []
