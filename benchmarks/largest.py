"""When the largest picture of a search of 100,000 photos is there (LCP), in a Chromium on the same machine.

    python benchmarks/largest.py [--home FOLDER]

The collection is that of `serve.py`. Five searches, on a telephone and on a desk, three times each, in new windows
that hold nothing.
"""

import argparse
import os
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright
from processes import server
from serve import HOME, collection

SEARCHES = ("/", "/?kind=mile", "/?name=ka", "/?course=東京&sort=photos", "/?year=2012&surface=dirt")
SIZES, TIMES = ((390, 844), (1280, 900)), 3
LARGEST = """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true }))"""


def main() -> None:
    """Serve, look, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the collection, %(default)s")
    options = parser.parse_args()
    environment = os.environ | {"PADDOCK_HOME": str(options.home)}  # noqa: TID251
    words = ["-c", "from collector.cli.app import main; main()", "serve", "--port", "0"]
    cores = os.sched_getaffinity(0)
    with (
        collection(options.home), server(words, environment, cores) as (base, _process),
        sync_playwright() as playwright,
    ):  # fmt: skip
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for width, height in SIZES:
            for path in SEARCHES:
                seconds = []
                for _ in range(TIMES):
                    context = browser.new_context(viewport={"width": width, "height": height}, base_url=base)
                    page = context.new_page()
                    page.goto(path, wait_until="networkidle")
                    seconds.append(page.evaluate(LARGEST) / 1000)
                    context.close()
                print(f"{width} px {path}: {median(seconds):.2f} s (at most {max(seconds):.2f})")
        browser.close()


if __name__ == "__main__":
    main()
