"""keibado's photo pages: the horse, its picture, and what is printed about both."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import ParseError
from collector.models import PageKind, PhotoItem
from collector.sources import Link, Parsed
from collector.sources.keibado_url import SOURCE, code_of, date_of, number_of
from collector.sources.text import horse_key

PICTURE = re.compile(r"images/(?:pp|p_photo_?|photo_?)\d{1,3}\.(?:jpe?g|gif|png)$", re.I)
PLACES = ('table[width="309"] img', 'img[width="304"]', "table tr td img")  # newest layout first
SHOT = re.compile(r"\(\s*([^\s()0-9]{1,8})?\s*(\d{1,2})月\s*(\d{1,2})日撮影\s*\)")
PROFILE = re.compile(r"(牡|牝|セン?|騸)\s*(\d{1,2})歳[、,]\s*([^、,\s]{1,8})[、,]\s*([^、,\s]{1,24}?)厩舎")
NARROW = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {0x3000: 0x20}  # full-width digits and brackets
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\ufeff]")
BROKEN_NAME = re.compile(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])")
LONGEST_NAME = 40  # characters
LONGEST_COMMENT = 4000
KEEP_OUT = ("noimageindex", "noai", "noimageai")

# From when on every page known to us prints these; an older page may, and owes nothing.
PROMISED = (
    (date(2007, 6, 4), ("coat", "shot_day", "comment", "pedigree")),
    (date(2010, 1, 1), ("sex", "age", "trainer")),
)
# Misprints found by those who compared the pages with the races: (issue, photo) -> the horse that is shown.
CORRECTIONS = {
    ("160919", 12): "プロディガルサン",
    ("040426", 13): "クーリンガー",
}


def clean(text: str) -> str:
    """Words as printed, on one line, without characters that cannot be seen."""
    return " ".join(CONTROL.sub("", text).split())


def clean_name(text: str) -> str:
    """A name on one line: a line break within Japanese words is layout, and no space of the name's own."""
    return BROKEN_NAME.sub("", clean(text)).strip("・･ 　")


def parse_photo_page(url: str, text: str) -> Parsed:
    """One photo: the horse's name, the picture's address, and the particulars.

    Raises:
        ParseError: no name, or no picture.
    """
    code, number = code_of(url), number_of(url)
    dated = date_of(code)
    if dated is None:
        raise ParseError("code", f"{code} is no date")
    tree = LexborHTMLParser(text)
    name = CORRECTIONS.get((code, number)) or _name(tree)
    image_url = _image_url(tree, url)
    facts = _facts(tree)
    item = PhotoItem(
        source=SOURCE,
        issue_code=code,
        number=number,
        horse_name=name,
        horse_key=horse_key(name),
        page_url=url,
        image_url=image_url,
        keep_out=_keeps_out(tree, text),
        **facts,
    )
    promised = [field for since, fields in PROMISED if dated >= since for field in fields]
    missing = tuple(field for field in promised if not facts.get(field))
    return Parsed((item,), (Link(image_url, PageKind.IMAGE, dated),), missing)


def _name(tree: LexborHTMLParser) -> str:
    for candidate in _names(tree):
        if name := clean_name(candidate):
            if len(name) > LONGEST_NAME:
                raise ParseError("horse_name", f"{len(name)} characters are no name")
            return name
    raise ParseError("horse_name", "neither beside p_name.gif nor in the last dark table")


def _names(tree: LexborHTMLParser) -> Iterator[str]:
    for mark in tree.css('img[src*="p_name"]'):
        yield _text_after(mark)
    yield from (_text(node) for node in reversed(tree.css('table[bgcolor="#003300"] td font b')))


def _text_after(mark: LexborNode) -> str:
    """The words behind an image, up to the next line break."""
    words, node = "", mark.next
    while node is not None and not (node.tag == "br" and words.strip()):
        words += node.text(deep=True) if node.tag != "-comment" else ""
        node = node.next
    return words


def _text(node: LexborNode) -> str:
    return node.text(deep=True)


def _image_url(tree: LexborHTMLParser, url: str) -> str:
    for place in PLACES:
        for image in tree.css(place):
            source = (image.attributes.get("src") or "").strip()
            if PICTURE.match(source):
                return url[: url.rindex("/") + 1] + source  # beside the page, as nearly always
            if PICTURE.search(source):
                address = urljoin(url, source)
                if urlsplit(address).netloc != urlsplit(url).netloc:
                    raise ParseError("image", f"it is on another site, {urlsplit(address).netloc[:100]}")
                return address
    raise ParseError("image", "no picture like images/pp01.jpg")


def _facts(tree: LexborHTMLParser) -> dict[str, Any]:
    body = tree.body
    words = body.text(deep=True, separator="") if body else ""
    facts: dict[str, Any] = {}
    if shot := _search_before(SHOT, "撮影", words):
        facts = {"coat": shot[1], "shot_month": int(shot[2]), "shot_day": int(shot[3])}
    if profile := _search_before(PROFILE, "厩舎", words):
        facts |= {"sex": profile[1][0], "age": int(profile[2]), "coat": profile[3], "trainer": profile[4]}
    pedigree = tree.css_first('table[width="350"][border="1"]')
    if pedigree is not None:
        facts["pedigree"] = [name for cell in pedigree.css("td") if (name := clean(_text(cell)))][:64]
    facts["comment"] = _comment(tree, pedigree)
    return facts


def _search_before(pattern: re.Pattern[str], mark: str, words: str) -> re.Match[str] | None:
    """Look for a pattern that ends with a mark, in full-width characters or not, where the mark stands."""
    at = words.find(mark)
    for _ in range(10):
        if at < 0:
            return None
        near = words[max(0, at - 60) : at + len(mark) + 4].translate(NARROW)
        if match := pattern.search(near):
            return match
        at = words.find(mark, at + 1)
    return None


def _comment(tree: LexborHTMLParser, pedigree: LexborNode | None) -> str | None:
    places = tree.css('table[width="310"] font') or tree.css('font[size="2"]')
    ancestors = {node.mem_id for node in pedigree.css("font")} if pedigree is not None else set[int]()
    texts = [clean(_text(node)) for node in places if node.mem_id not in ancestors]
    longest = max(texts, key=len, default="")
    return longest[:LONGEST_COMMENT] if len(longest) >= 20 else None


def _keeps_out(tree: LexborHTMLParser, text: str) -> bool:
    if "robots" not in text.lower():
        return False
    for meta in tree.css("meta[name]"):
        if (meta.attributes.get("name") or "").strip().lower() == "robots":
            words = (meta.attributes.get("content") or "").lower().replace(",", " ").split()
            if any(word in KEEP_OUT for word in words):
                return True
    return False
