"""keibado's issue indexes: the race days, and the photos under their races.

The pages come from two decades: layouts changed, links were commented out, names were split over nodes. The parser
tries the layouts from the newest to the oldest.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import ParseError
from collector.sources.keibado.photo import LONGEST_NAME, clean_name
from collector.sources.keibado.urls import PHOTO_PAGE, SOURCE, code_of, date_of, links_to
from collector.sources.parsed import Link, Parsed, checked
from collector.sources.text_tools.text import clean
from collector.storage.items import IssueItem, ListedPhotoItem

PHOTO_PATH = re.compile(r"/keibabook/([0-9]{6})/photo([0-9]{1,2})\.html")
REGIONS = ("table.mini", 'table[bgcolor="#003300"][width="145"]', 'table[bgcolor="#003300"][width="140"]')
LIBRARY_BLOCK = re.compile(r'<!--\s{0,9}#BeginLibraryItem\s{1,9}"/Library/m_photo\.lbi"\s{0,9}-->')
BLOCK_END = re.compile(r"<!--\s{0,9}#EndLibraryItem\s{0,9}-->")
DAYS = re.compile(r"(?<![0-9])[0-9]{1,2}(?:\s?・\s?[0-9]{1,2}){0,4}\s?\Z")
DAYS_MARK, ON_SALE = "日号", "発売中"
DAYS_LENGTH = 120  # characters before the mark, line breaks and indentation among them
LONGEST_WEEKEND = 4  # days before an issue's date; its races may be on any of them
BULLETS = "・･ 　"
HEADS = "◆■"
LONGEST_HEAD = 60  # characters
DEEPEST = 16  # levels of elements above a word of the list that are looked at
NO_RACE = re.compile("写真|情報|発売中|PHOTO", re.I)  # bold, but not the name of a race


def parse_issue_index(url: str, text: str) -> Parsed:
    """An issue: its race days, and its photos under their races.

    Raises:
        ParseError: no photo is linked.
    """
    code = code_of(url)
    dated = date_of(code)
    if dated is None:
        raise ParseError("code", f"{code} is not a date")
    tree = LexborHTMLParser(text)
    lines = _lines(tree, text, url, code)
    if not lines:
        raise ParseError("photos", "an issue index without links to photos")
    race_days = _race_days(tree, dated)
    issue = IssueItem(source=SOURCE, code=code, issue_date=dated, race_days=race_days)
    listed = [
        checked(
            ListedPhotoItem,
            {
                "source": SOURCE,
                "issue_code": code,
                "number": number,
                "listed_name": line.name,
                "race_name": line.race,
                "page_url": line.page_url,
            },
        )
        for number, line in lines.items()
        if line.name
    ]
    links = tuple(Link(line.page_url, PHOTO_PAGE, dated) for line in lines.values())
    found = {
        "race_days": bool(race_days),
        "race_name": any(line.race for line in lines.values()),
        "listed_name": len(listed) == len(lines),
    }
    return Parsed((issue, *listed), links, tuple(field for field, there in found.items() if not there))


@dataclass(frozen=True, slots=True)
class _Line:
    """One photo of the list. A link around a picture alone has no name."""

    page_url: str
    name: str | None
    race: str | None


def _lines(tree: LexborHTMLParser, text: str, url: str, code: str) -> dict[int, _Line]:
    """The photos by number, in printed order. Where a photo is linked twice, the first link with a name counts."""
    for regions in _regions(tree, text):
        lines: dict[int, _Line] = {}
        for number, line in _walk(regions, url, code):
            known = lines.get(number)
            if known is None or (line.name and not known.name):
                lines[number] = line
        if lines:
            return lines
    return {}


def _regions(tree: LexborHTMLParser, text: str) -> Iterator[list[LexborNode]]:
    """Where the list of photos may be, by layout, newest first."""
    for selector in REGIONS:
        yield tree.css(selector)
    if begin := LIBRARY_BLOCK.search(text):
        end = BLOCK_END.search(text, begin.end())
        block = LexborHTMLParser(text[begin.end() : end.start() if end else len(text)])
        yield [block.body] if block.body else []


def _walk(regions: Iterable[LexborNode], url: str, code: str) -> Iterator[tuple[int, _Line]]:
    """Go through lists in reading order: a head names the race of the photos after it, in the next list as well."""
    walked = set[int]()
    heads = _Heads()
    for region in regions:
        if region.mem_id in walked:
            continue  # a list within a list has been read with it
        found = links_to(PHOTO_PATH, "photo", region.css("a[href]"), url)
        links = {node.mem_id: (page_url, match) for page_url, match, node in found}
        for node in region.traverse(include_text=True):
            tag = node.tag
            if tag == "-text":
                heads.read(node, region)
            elif tag == "table":
                walked.add(node.mem_id)
            elif tag == "a" and (link := links.get(node.mem_id)):
                page_url, match = link
                name = clean_name(node.text_lexbor()[: 4 * LONGEST_NAME])
                if match[1] == code:
                    known = name if 0 < len(name) <= LONGEST_NAME else None
                    yield int(match[2]), _Line(page_url, known, heads.race)
                heads.end()


class _Heads:
    """The race of the last head. A head is bold, or begins with ◆ or ■, and may be split over nodes."""

    def __init__(self) -> None:
        self.race: str | None = None
        self._lone_mark = False  # a node with only a ◆ has come: the next text is a head
        self._head_parent = 0  # the bold parent of the last head (0: none), if no link has come since

    def end(self) -> None:
        """A link has come: the next bold text begins a new head."""
        self._lone_mark, self._head_parent = False, 0

    def read(self, text: LexborNode, region: LexborNode) -> None:
        words = clean((text.text_content or "")[: 4 * LONGEST_HEAD])
        plain = words.strip(BULLETS)
        if not plain or len(plain) > LONGEST_HEAD or NO_RACE.search(plain):
            return
        linked, bold_parent = _bold_parent(text, region)
        if linked:
            return
        name = words.lstrip(BULLETS if plain[0] in HEADS else "").lstrip(HEADS)
        if not name.strip(BULLETS):
            self._lone_mark = plain[0] in HEADS
            return
        if bold_parent or self._lone_mark or plain[0] in HEADS:
            # A name may be split over several bold nodes of one parent ("天皇賞", "・秋").
            same = bold_parent and bold_parent == self._head_parent
            self.race = f"{self.race}{name}"[:LONGEST_HEAD] if self.race and same else name.strip(BULLETS)
            self._head_parent, self._lone_mark = bold_parent, False


def _bold_parent(text: LexborNode, region: LexborNode) -> tuple[bool, int]:
    """Whether a text is part of a link, and the parent of its bold element (0: it is not bold)."""
    bold_parent, parent = 0, text.parent
    for _ in range(DEEPEST):
        if parent is None or parent.mem_id == region.mem_id:
            break
        if parent.tag == "a" and "href" in parent.attributes:
            return True, 0
        if parent.tag in ("b", "strong") and parent.parent is not None:
            bold_parent = parent.parent.mem_id
        parent = parent.parent
    return False, bold_parent


def _race_days(tree: LexborHTMLParser, dated: date) -> list[date]:
    """The dates of the days printed on an issue ("31・1日号"); empty where they do not fit its date."""
    words = tree.body.text(deep=True, separator=" ") if tree.body else ""
    before = [dated - timedelta(days=back) for back in range(LONGEST_WEEKEND, 0, -1)]
    nearby = {day.day: day for day in before}
    for printed in _printed_days(words):
        if all(day in nearby for day in printed):
            return sorted({nearby[day] for day in printed})
    return []


def _printed_days(words: str) -> Iterator[list[int]]:
    """The days before each "日号"; those of the issue on sale come first, because articles name other issues too."""
    found: list[tuple[bool, list[int]]] = []
    at = words.find(DAYS_MARK)
    while at >= 0 and len(found) < 20:
        near = " ".join(unicodedata.normalize("NFKC", words[max(0, at - DAYS_LENGTH) : at]).split())
        if match := DAYS.search(near[-24:]):
            after = words[at + len(DAYS_MARK) : at + 20].lstrip()
            found.append((not after.startswith(ON_SALE), [int(day) for day in re.findall("[0-9]+", match[0])]))
        at = words.find(DAYS_MARK, at + 1)
    return (days for _, days in sorted(found, key=lambda pair: pair[0]))
