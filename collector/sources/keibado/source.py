"""keibado's PHOTO paddock as a source. Issues and photos are parsed in their own modules."""

import re
from datetime import date

from selectolax.lexbor import LexborHTMLParser

from collector.codes import Copying
from collector.errors import ParseError
from collector.sources.keibado.issue import parse_issue_index
from collector.sources.keibado.photo import parse_photo_page
from collector.sources.keibado.saved import COPIES
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE, SOURCE, YEAR_INDEX, date_of, links_to
from collector.sources.parsed import Link, Parsed
from collector.sources.source import MAIN, Kind, Source, Terms
from collector.storage.roles import Role

ISSUE_PATH = re.compile(r"/keibabook/([0-9]{6})/index\.html")


def year_index_url(base: str, year: int) -> str:
    """Where a year's back numbers are listed."""
    return f"{base}/keibabook/bn/{year}.html"


def parse_year_index(url: str, text: str) -> Parsed:
    """The issues of a year, each once."""
    links: dict[str, Link] = {}
    for address, match, _ in links_to(ISSUE_PATH, "index.html", LexborHTMLParser(text).css("a[href]"), url):
        if dated := date_of(match[1]):
            links.setdefault(address, Link(address, ISSUE_INDEX, dated))
    if not links:
        raise ParseError("issues", "a year index without links to issues")
    return Parsed((), tuple(links.values()))


KEIBADO = Source(
    name=SOURCE,
    title="競馬道 PHOTOパドック",
    sites={MAIN: "http://old.keibado.ne.jp"},
    kinds={
        YEAR_INDEX: Kind(Role.LISTING, parse_year_index, year_index_url),
        ISSUE_INDEX: Kind(Role.ISSUE, parse_issue_index),
        PHOTO_PAGE: Kind(Role.PHOTO_PAGE, parse_photo_page),
    },
    charset="shift_jis",
    terms=Terms(
        "Residents of Japan may use it personally, for their own predictions; nothing else is licensed.",
        "http://old.keibado.ne.jp/",
        date(2026, 8, 30),
        Copying.PERSONAL,
    ),
    longest_page=200_000,  # many times the longest real one
    look_alike="127.0.0.1",
    copies=COPIES,
)
