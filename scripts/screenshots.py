"""Draws docs/predict.png and docs/predict-phone.png: the page of `trainer serve`, with a sample's answer.

    collector crawl --since 2008 --demo && collector refresh-labels --demo && trainer export --demo
    trainer train --demo --preset probe && trainer evaluate --demo
    trainer serve --demo &
    python scripts/screenshots.py

Needs a Chromium, and a font with Japanese letters (on Debian: chromium, fonts-noto-cjk).
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parent.parent / "docs"
SHOTS = (("predict", "en", 1120, 860, 3), ("predict-phone", "ja", 390, 1180, 2))  # name, language, px, px, sample


def answer(page: Page, base: str, language: str, sample: int) -> None:
    """Open the page and ask about a sample; on a desk, show what it looked at."""
    page.goto(f"{base}/?lang={language}")
    page.click(f".try .tile >> nth={sample}")
    page.wait_for_selector("#answer")
    if language == "en":
        page.click("#answer summary")
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")


def main(base: str = "http://127.0.0.1:8771") -> None:
    """Draw both."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, language, width, height, sample in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
            answer(page, base, language, sample)
            Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(DOCS / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
