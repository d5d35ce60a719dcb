"""What the addresses of keibado say: the issue's code, which is its date, and the photo's number."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborNode

from collector.errors import ParseError

SOURCE = "keibado"
YEAR_INDEX, ISSUE_INDEX, PHOTO_PAGE = "year_index", "issue_index", "photo_page"  # its kinds of pages
CODE = re.compile(r"/keibabook/([0-9]{6})/")
NUMBER = re.compile(r"/photo([0-9]{1,2})\.html\Z")
ADDRESS = re.compile(r"[!-~]{1,1000}")
# Nearly all links look like NEAR: beside the page, or one folder up. PAGE is the page's own address.
NEAR = re.compile(r"(?:\./)?(\.\./)?((?:[0-9A-Za-z_-]{1,40}/){0,4}[0-9A-Za-z_-]{1,40}\.html)")
PAGE = re.compile(
    r"(https?://[0-9A-Za-z.:-]{1,200}/(?:[0-9A-Za-z_-]{1,40}/){0,4}?)([0-9A-Za-z_-]{1,40}/|)[0-9A-Za-z_.-]{0,40}"
)


def code_of(url: str) -> str:
    """The issue's code, YYMMDD."""
    match = CODE.search(url)
    if not match:
        raise ParseError("code", f"{url} does not name an issue")
    return match[1]


def date_of(code: str) -> date | None:
    """The date in an issue's code, or None; the archive begins in 2001."""
    try:
        return date(2000 + int(code[:2]), int(code[2:4]), int(code[4:]))
    except ValueError:
        return None


def number_of(url: str) -> int:
    """The photo's number within its issue."""
    match = NUMBER.search(url)
    if not match:
        raise ParseError("number", f"{url} does not name a photo")
    return int(match[1])


def address(url: str, link: str) -> str | None:
    """The address of a page's link, without query and fragment; None if it is not an address on the page's host."""
    if (near := NEAR.fullmatch(link)) and (page := PAGE.fullmatch(url)):
        return f"{page[1]}{'' if near[1] else page[2]}{near[2]}"
    try:
        target = urlsplit(urljoin(url, link.strip()))
    except ValueError:
        return None
    if target.scheme not in ("http", "https") or target.netloc != urlsplit(url).netloc:
        return None
    found = target._replace(query="", fragment="").geturl()
    return found if ADDRESS.fullmatch(found) else None


def links_to(
    path: re.Pattern[str], mark: str, nodes: Iterable[LexborNode], url: str
) -> Iterator[tuple[str, re.Match[str], LexborNode]]:
    """The links whose path matches; `mark` is a part of each such link. Yields the address, the match and the node."""
    for node in nodes:
        link = node.attributes.get("href") or ""
        if mark in link and (found := address(url, link)) and (match := path.fullmatch(found, found.find("/", 8))):
            yield found, match, node
