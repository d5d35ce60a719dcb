"""How many pages of each kind are read in a second of CPU, beside decoding and selectolax alone, and BeautifulSoup.

    pip install -e '.[bench]'
    python benchmarks/parse.py [--seconds 2]

Pages are the look-alike site's, in the real encodings. "tree" is what cannot be avoided: the bytes decoded and a tree
built of them. "BeautifulSoup" decodes, builds its tree and asks it for the text of every cell and link, without
understanding any of it.

The look-alike's pages of races and horses lack the menus, advertisements and scripts of real ones, which make a tree
and no sense. A line that ends with "filled" is of the same pages with as much of that as makes them as large as real
ones are, in as many tags a kilobyte. (A day of the look-alike's has fewer races, even so.)
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from bs4 import BeautifulSoup
from selectolax.lexbor import LexborHTMLParser

from collector.demo.answer import Answer
from collector.demo.keibado import site as keibado_site
from collector.demo.keibado.layouts import index_path, page_path
from collector.demo.netkeiba import site as netkeiba_site
from collector.demo.world.world import World
from collector.pipeline.derive import derive
from collector.sources.keibado.source import KEIBADO
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE, YEAR_INDEX
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import APTITUDE, HORSE, RACE_DAY, RACE_RESULT, REVIEWS, aptitude_url, reviews_url
from collector.sources.registry import source_of
from collector.sources.text_tools.text import decode

SITE = "https://site.example"
SAMPLES = 30  # pages of each kind
BATCHES = 5  # the fastest counts: a busy machine only ever slows down
# Bytes of real pages, where they are known. Answers in JSON hold no menus.
REAL_SIZES = {RACE_DAY: 60_000, RACE_RESULT: 100_000, HORSE: 70_000}
# A menu and its script, again and again: some 27 tags a kilobyte.
LINKS, LINES = 10, 20
LINK = '    <li><a href="/menu/{0}.html" title="案内の{0}"><span>案内の{0}</span></a></li>\n'
LINE = "    menus.push(function () {{ return document.getElementById('menu-{0}'); }});\n"


@dataclass(frozen=True)
class Page:
    """One page of one kind."""

    source: str
    kind: str
    path: str
    answer: Answer

    def filled(self) -> "Page":
        """The page with what else real ones hold, as large as they are."""
        before, end, after = self.answer.body.rpartition(b"</body>")
        assert end, self.path
        menus = (REAL_SIZES[self.kind] - len(self.answer.body)) // len(_menu(0))
        filler = "".join(map(_menu, range(menus))).encode(source_of(self.source).charset)
        return replace(self, answer=replace(self.answer, body=before + filler + end + after))

    def parse(self) -> None:
        """All of it, as the crawl does."""
        derived = derive(self.source, self.kind, SITE + self.path, self.answer.body, self.answer.media_type)
        assert derived.failure is None, derived.failure

    def _markup(self) -> str:
        source = source_of(self.source)
        text = decode(self.answer.body, self.answer.media_type, source.kind(self.kind).charset or source.charset)
        return json.loads(text)["data"] if "json" in self.answer.media_type else text

    def tree(self) -> None:
        """Decoding and selectolax alone."""
        LexborHTMLParser(self._markup())

    def soup(self) -> None:
        """The same by BeautifulSoup."""
        soup = BeautifulSoup(self._markup(), "html.parser")
        for node in soup.find_all(["td", "th", "a", "img"]):
            node.get_text()


def _menu(number: int) -> str:
    links = "".join(LINK.format(f"{number:03}{link:02}") for link in range(LINKS))
    script = "".join(LINE.format(f"{number:03}{line:02}") for line in range(LINES))
    return f"<ul>\n{links}</ul>\n<script>\n{script}</script>\n"


def pages() -> dict[str, list[Page]]:
    """Some of each kind."""
    world = World()
    issues = [issue for year in world.years for issue in world.issues(year)]
    photos = [photo for issue in issues for photo in issue.photos]
    races = netkeiba_site.races_of(world)
    days = [day for issue in issues for day in issue.race_days][:: max(1, len(issues) * 2 // SAMPLES)]
    horses = list(dict.fromkeys(races.registry.register(photo.horse).horse_id for photo in photos))[
        :: len(photos) // 90
    ]
    paths = {
        YEAR_INDEX: [(KEIBADO.name, f"/keibabook/bn/{year}.html") for year in world.years],
        ISSUE_INDEX: [(KEIBADO.name, index_path(issue)) for issue in issues[::3]],
        PHOTO_PAGE: [(KEIBADO.name, page_path(photo)) for photo in photos[::30]],
        RACE_DAY: [(NETKEIBA.name, f"/race/list/{day:%Y%m%d}/") for day in days],
        RACE_RESULT: [(NETKEIBA.name, f"/race/{race.race_id}/") for day in days for race in races.on(day)],
        HORSE: [(NETKEIBA.name, f"/horse/{horse_id}/") for horse_id in horses],
        APTITUDE: [(NETKEIBA.name, aptitude_url("", horse_id)) for horse_id in horses],
        REVIEWS: [(NETKEIBA.name, reviews_url("", horse_id)) for horse_id in horses],
    }
    return {
        kind: [Page(source, kind, path, _answer(world, path)) for source, path in found[:SAMPLES]]
        for kind, found in paths.items()
    }


def _answer(world: World, path: str) -> Answer:
    plain, _, query = path.partition("?")
    answer = keibado_site.answer_path(world, plain) or netkeiba_site.answer_path(world, plain, query)
    assert answer is not None, path
    return answer


def cost(do: Callable[[Page], None], chosen: list[Page], seconds: float) -> float:
    """CPU seconds a page."""
    best = float("inf")
    for _ in range(BATCHES):
        done, began = 0, time.process_time()
        while time.process_time() - began < seconds / BATCHES:
            for page in chosen:
                do(page)
            done += len(chosen)
        best = min(best, (time.process_time() - began) / done)
    return best


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=2.0, metavar="S", help="for each kind and reader")
    seconds = options.parse_args().seconds
    print(f"{'page':12} {'kB':>6} {'pages/CPU s':>12} {'to tree':>8} {'to BeautifulSoup':>17}")
    for kind, chosen in pages().items():
        show(kind, chosen, seconds)
        if kind in REAL_SIZES:
            show(kind, [page.filled() for page in chosen], seconds, "filled")


def show(kind: str, chosen: list[Page], seconds: float, remark: str = "") -> None:
    ours, tree, soup = (cost(do, chosen, seconds) for do in (Page.parse, Page.tree, Page.soup))
    size = median(len(page.answer.body) for page in chosen) / 1000
    print(f"{kind:12} {size:6.1f} {1 / ours:12.0f} {ours / tree:8.2f} {ours / soup:17.2f}  {remark}".rstrip())


if __name__ == "__main__":
    main()
