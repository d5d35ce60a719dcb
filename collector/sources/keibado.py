"""keibado's PHOTO paddock: what a page of it says, by its kind; issues and photos have modules of their own."""

import re

from pydantic import ValidationError
from selectolax.lexbor import LexborHTMLParser

from collector.errors import ParseError
from collector.models import PageKind
from collector.sources import Link, Parsed
from collector.sources.keibado_issue import parse_issue_index
from collector.sources.keibado_photo import parse_photo_page
from collector.sources.keibado_url import SOURCE, date_of, links_to

__all__ = ["CHARSET", "SOURCE", "parse", "year_index_url"]

CHARSET = "shift_jis"
ISSUE_PATH = re.compile(r"/keibabook/([0-9]{6})/index\.html")
LONGEST_PAGE = 200_000  # characters, many times the longest real one; what is longer costs time and means nothing


def year_index_url(base: str, year: int) -> str:
    """Where a year's back numbers are listed."""
    return f"{base}/keibabook/bn/{year}.html"


def parse(kind: PageKind, url: str, text: str) -> Parsed:
    """What a page says.

    Raises:
        ParseError: it does not say what its kind must say; names the field.
    """
    if len(text) > LONGEST_PAGE:
        raise ParseError("page", f"{len(text)} characters are no page of this site")
    try:
        match kind:
            case PageKind.YEAR_INDEX:
                return parse_year_index(url, text)
            case PageKind.ISSUE_INDEX:
                return parse_issue_index(url, text)
            case PageKind.PHOTO_PAGE:
                return parse_photo_page(url, text)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "page"
        raise ParseError(field, f"{str(first['input'])[:100]!a}: {first['msg']}") from error
    raise ParseError("page", f"a page of kind {kind} is not parsed")


def parse_year_index(url: str, text: str) -> Parsed:
    """The issues of a year, each once."""
    links: dict[str, Link] = {}
    for address, match, _ in links_to(ISSUE_PATH, "index.html", LexborHTMLParser(text).css("a[href]"), url):
        if dated := date_of(match[1]):
            links.setdefault(address, Link(address, PageKind.ISSUE_INDEX, dated))
    if not links:
        raise ParseError("issues", "a year index that links no issue")
    return Parsed((), tuple(links.values()))
