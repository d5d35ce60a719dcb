"""Draws the README's pictures of both servers: docs/predict*.png and docs/search*.png.

    collector crawl --since 2008 --demo && collector refresh-labels --demo && trainer export --demo
    trainer train --demo --preset probe && trainer evaluate --demo
    collector serve --demo & trainer serve --demo &
    python scripts/screenshots.py [--only predict | search]

Needs a Chromium, and a font with Japanese letters (on Debian: chromium, fonts-noto-cjk).
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parent.parent / "docs"
PREDICT = (("predict", "en", 1120, 860, 3), ("predict-phone", "ja", 390, 1180, 2))  # name, language, px, px, sample


def draw(page: Page, name: str) -> None:
    """Keep what the page shows."""
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(DOCS / f"{name}.png", optimize=True)


def opened(browser: Browser, width: int, height: int, address: str) -> Page:
    """A page of so many px."""
    page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page.goto(address)
    return page


def predict(browser: Browser, base: str) -> None:
    """An answer to a sample, twice; on a desk, what it looked at."""
    for name, language, width, height, sample in PREDICT:
        page = opened(browser, width, height, f"{base}/?lang={language}")
        page.click(f".try .tile >> nth={sample}")
        page.wait_for_selector("#answer")
        if language == "en":
            page.click("#answer summary")
        draw(page, name)


def search(browser: Browser, base: str) -> None:
    """A horse with many photos as it grew, and the search on a telephone."""
    page = opened(browser, 1120, 980, f"{base}/?lang=en")
    found = page.locator(".group").filter(has=page.locator(".rest a:nth-child(3)")).filter(has=page.locator(".mini"))
    found.first.locator("h2 a").click()
    draw(page, "search-horse")
    draw(opened(browser, 390, 980, f"{base}/?lang=ja"), "search-phone")


def main() -> None:
    """Draw all, or those of one server."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=("predict", "search"))
    parser.add_argument("--predict", default="http://127.0.0.1:8771", help="address of `trainer serve`")
    parser.add_argument("--search", default="http://127.0.0.1:8770", help="address of `collector serve`")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        if options.only != "search":
            predict(browser, options.predict)
        if options.only != "predict":
            search(browser, options.search)
        browser.close()


if __name__ == "__main__":
    main()
