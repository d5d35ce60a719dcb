"""keibado's PHOTO paddock: year indexes and issue indexes. The photo pages are in `keibado_photo`.

The markup of two decades is described by those who read it before: layouts came and went, links were commented
out, names were split over nodes. Regions are tried from the newest layout to the oldest.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import urljoin, urlsplit

from pydantic import ValidationError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import ParseError
from collector.models import IssueItem, ListedPhotoItem, PageKind
from collector.sources import Link, Parsed
from collector.sources.keibado_photo import clean, clean_name, parse_photo_page
from collector.sources.keibado_url import SOURCE, code_of, date_of, number_of

CHARSET = "shift_jis"
ISSUE_PATH = re.compile(r"/keibabook/(\d{6})/index\.html")
PHOTO_PATH = re.compile(r"/keibabook/(\d{6})/photo(\d{1,2})\.html")
LIBRARY_BLOCK = re.compile(
    r'<!--\s*#BeginLibraryItem\s+"/Library/m_photo\.lbi"\s*-->(.*?)<!--\s*#EndLibraryItem\s*-->', re.S
)
REGIONS = ("table.mini", 'table[bgcolor="#003300"][width="145"]', 'table[bgcolor="#003300"][width="140"]')
PRINTED_DAYS = re.compile(r"(?<!\d)(\d{1,2}(?:\s*・\s*\d{1,2})*)\s*日号")
LONGEST_WEEKEND = 4  # days before an issue's date on which its races may have been
BULLETS = "・･ 　"
HEADS = "◆■"
NO_RACE = re.compile("写真|情報|発売中|PHOTO", re.I)  # bold, but no race


def year_index_url(base: str, year: int) -> str:
    """Where a year's back numbers are listed."""
    return f"{base}/keibabook/bn/{year}.html"


def parse(kind: PageKind, url: str, text: str) -> Parsed:
    """What a page says.

    Raises:
        ParseError: it does not say what its kind must say; names the field.
    """
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
        raise ParseError(str(first["loc"][0]), f"{first['input']!r}: {first['msg']}") from error
    raise ParseError("page", f"a page of kind {kind} is not parsed")


def _links(nodes: list[LexborNode], url: str, path: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str], LexborNode]]:
    """Links to one sort of page on the same host, each page once."""
    host, seen = urlsplit(url).netloc, set[str]()
    for node in nodes:
        try:
            target = urlsplit(urljoin(url, (node.attributes.get("href") or "").strip()))
        except ValueError:
            continue  # no address at all
        match = path.fullmatch(target.path)
        if not match or target.netloc != host:
            continue
        address = target._replace(query="", fragment="").geturl()
        if address not in seen:
            seen.add(address)
            yield address, match, node


def parse_year_index(url: str, text: str) -> Parsed:
    """The issues of a year."""
    tree = LexborHTMLParser(text)
    links = []
    for address, match, _ in _links(tree.css("a[href]"), url, ISSUE_PATH):
        if dated := date_of(match[1]):
            links.append(Link(address, PageKind.ISSUE_INDEX, dated))
    if not links:
        raise ParseError("issues", "a year index that links no issue")
    return Parsed((), tuple(links))


def parse_issue_index(url: str, text: str) -> Parsed:
    """An issue: its race days, and its photos under their races."""
    code = code_of(url)
    dated = date_of(code)
    if dated is None:
        raise ParseError("code", f"{code} is no date")
    listed = _listed_photos(url, code, text)
    if not listed:
        raise ParseError("photos", "an issue index that links no photo")
    race_days = _race_days(text, dated)
    issue = IssueItem(source=SOURCE, code=code, issue_date=dated, race_days=race_days)
    links = tuple(Link(photo.page_url, PageKind.PHOTO_PAGE, dated) for photo in listed)
    missing = () if race_days else ("race_days",)
    if not any(photo.race_name for photo in listed):
        missing += ("race_name",)
    return Parsed((issue, *listed), links, missing)


def _regions(text: str) -> Iterator[list[LexborNode]]:
    """Where the list of photos may be, by layout, newest first."""
    tree = LexborHTMLParser(text)
    for selector in REGIONS:
        yield tree.css(selector)
    if block := LIBRARY_BLOCK.search(text):
        body = LexborHTMLParser(block[1]).body
        yield [body] if body else []


def _listed_photos(url: str, code: str, text: str) -> list[ListedPhotoItem]:
    for region in _regions(text):
        photos = [photo for node in region for photo in _photos_in(node, url, code)]
        if photos:
            once = {photo.number: photo for photo in reversed(photos)}
            return [once[number] for number in dict.fromkeys(photo.number for photo in photos)]
    return []


def _photos_in(region: LexborNode, url: str, code: str) -> Iterator[ListedPhotoItem]:
    """Walk a list in reading order: a head names the race of what follows."""
    found = {node.mem_id: (address, match) for address, match, node in _links(region.css("a[href]"), url, PHOTO_PATH)}
    race: str | None = None
    head_place = 0  # where the last head stood, if nothing has come since
    for node in region.traverse(include_text=True):
        if node.mem_id in found:
            address, match = found[node.mem_id]
            head_place = 0
            name = clean_name(node.text(deep=True, separator=""))
            if match[1] == code and name:
                yield ListedPhotoItem(
                    source=SOURCE,
                    issue_code=code,
                    number=number_of(address),
                    listed_name=name,
                    race_name=race,
                    page_url=address,
                )
        elif node.tag == "-text":
            head, place = _head(node, region)
            if head:
                # A name may be split over several bold nodes of one place ("天皇賞", "・秋").
                race = f"{race}{head}" if race and place and place == head_place else head.strip(BULLETS)
                head_place = place


def _head(text: LexborNode, region: LexborNode) -> tuple[str | None, int]:
    """A race's name, if this text is one, and the node that holds it all (0: it is marked by ◆ or ■ alone)."""
    words = clean(text.text(deep=False))
    if not words.strip(BULLETS) or NO_RACE.search(words):
        return None, 0
    place, parent = 0, text.parent
    while parent is not None and parent.mem_id != region.mem_id:
        if parent.tag == "a":
            return None, 0
        if parent.tag in ("b", "strong") and parent.parent is not None:
            place = parent.parent.mem_id
        parent = parent.parent
    if place or words.lstrip(BULLETS)[:1] in HEADS:
        return words.lstrip(HEADS) or None, place
    return None, 0


def _race_days(text: str, dated: date) -> list[date]:
    """The days printed on an issue ("31・1日号"), as dates before it; empty where they cannot be placed."""
    body = LexborHTMLParser(text).body
    words = unicodedata.normalize("NFKC", body.text(deep=True, separator=" ")) if body else ""
    nearby = {
        (dated - timedelta(days=back)).day: dated - timedelta(days=back) for back in range(LONGEST_WEEKEND, -1, -1)
    }
    for match in PRINTED_DAYS.finditer(words):
        days = [nearby.get(int(day)) for day in match[1].replace("・", " ").split()]
        if all(days):
            return sorted({day for day in days if day})
    return []
