"""Draws the pictures of both servers anew: docs/predict*.png and docs/search*.png.

    make screenshots

It crawls the look-alike sites into a folder of its own, trains a model on their photos, serves both, and removes the
folder in the end: some five minutes. It needs a Chromium, and a font with Japanese letters (on Debian: chromium,
fonts-noto-cjk).
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from collector.console.terminal import stderr

DOCS = Path(__file__).parent.parent / "docs"
PROGRAMS = Path(sys.executable).parent
STEPS = (
    "collector crawl --demo --since 2014",
    "collector refresh-labels --demo",
    "trainer export --demo",
    "trainer train --demo --preset probe",
    "trainer evaluate --demo",
)
COLOURS = 256  # of a picture, which is enough for a page and makes it a third as large


@dataclass(frozen=True, slots=True)
class Sites:
    """The addresses of the two servers."""

    search: str
    answers: str


@dataclass(frozen=True, slots=True)
class Window:
    """A browser's window, and the language of its reader."""

    language: str
    width: int  # px
    height: int
    dark: bool = False


def program(words: str) -> list[str]:
    """The words of a command of this project."""
    name, *rest = words.split()
    return [str(PROGRAMS / name), *rest]


def prepare(environment: dict[str, str]) -> None:
    """Fill a home with the look-alike sites, and with a model that has learnt from them."""
    for step in STEPS:
        stderr().print(step)
        subprocess.run(program(step), env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(words: str, environment: dict[str, str]) -> Iterator[str]:
    """A server while it is up; gives its address."""
    with subprocess.Popen(program(f"{words} --port 0"), env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = next(line for line in process.stderr if "http://" in line)
            yield re.findall(r"http://[\d.:]+", said)[0]
        finally:
            process.terminate()


def opened(browser: Browser, window: Window, address: str) -> Page:
    """A page in a window, with nothing that moves."""
    size = {"width": window.width, "height": window.height}
    scheme = "dark" if window.dark else "light"
    page = browser.new_page(viewport=size, reduced_motion="reduce", color_scheme=scheme)  # pyright: ignore
    page.goto(f"{address}{'&' if '?' in address else '?'}lang={window.language}")
    return page


def draw(page: Page, name: str) -> None:
    """Keep what the page shows."""
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = DOCS / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    stderr().print(f"{path.relative_to(DOCS.parent)}, {path.stat().st_size:,} bytes")


def photographed(search: str) -> str:
    """The page of the horse with the most photos, of those with an opinion."""
    with urllib.request.urlopen(f"{search}/api/photos") as answer:  # noqa: S310 - our own server
        groups = json.load(answer)["groups"]
    best = max(groups, key=lambda one: (one["distance_aptitude"] is not None, one["photos_in_all"]))
    return best["page"]


def answer(browser: Browser, window: Window, base: str, sample: int) -> Page:
    """The answer for a sample, and on a desk what the model looked at."""
    page = opened(browser, window, f"{base}/")
    page.click(f".try .tile >> nth={sample}")
    page.wait_for_selector("#answer")
    if window.language == "en":
        page.click("#answer .look summary")
    return page


def draw_all(browser: Browser, sites: Sites) -> None:
    """Every picture of a page in the documents."""
    desk, phone = Window("en", 1120, 860), Window("ja", 390, 980)
    draw(opened(browser, desk, f"{sites.search}{photographed(sites.search)}"), "search-horse")
    draw(opened(browser, phone, f"{sites.search}/"), "search-phone")
    draw(answer(browser, desk, sites.answers, 3), "predict")
    draw(answer(browser, phone, sites.answers, 2), "predict-phone")


def main() -> None:
    """Make a home, fill it, serve it, draw its pages, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="paddock-screenshots-"))
    folder.chmod(0o755)  # root's Postgres runs as another user
    environment = os.environ | {"PADDOCK_HOME": str(folder / "home")}  # noqa: TID251 - of the programs it starts
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        prepare(environment)
        with (
            serving("collector serve --demo", environment) as search,
            serving("trainer serve --demo", environment) as answers,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            draw_all(browser, Sites(search, answers))
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
