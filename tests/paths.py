"""Where things lie: the checkout, the pages of the tests, and real pages where they are there."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "tests" / "pages"
SHARED = ROOT.parent / "shared"  # not part of the project; tests that read it skip without it
