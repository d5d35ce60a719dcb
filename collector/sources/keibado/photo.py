"""keibado's photo pages: the horse, its picture, and what is printed about both."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from pydantic import ValidationError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import KeptOut, ParseError
from collector.fetch import keepout
from collector.sources.keibado.urls import ADDRESS, SOURCE, address, code_of, date_of, number_of
from collector.sources.parsed import Link, Parsed, as_far_as_possible
from collector.sources.source import IMAGE
from collector.sources.text_tools.text import clean, horse_key
from collector.storage.items import PhotoItem

PICTURE = re.compile(r"images/(?:pp|p_photo_?|photo_?)[0-9]{1,3}\.(?:jpe?g|gif|png)\Z", re.I)
ANY_PHOTO = re.compile(r"(?:\./)?images/[0-9A-Za-z_-]{1,40}\.jpe?g\Z", re.I)
SHOT = re.compile(r"\(\s*([^\s()0-9]{1,8})?\s*([0-9]{1,2})月\s*([0-9]{1,2})日撮影\s*\)")
PROFILE = re.compile(
    r"(牡|牝|セン?|せん|騸)\s*([0-9]{1,2})歳\s*[、,]\s*([^、,\s]{1,8})\s*[、,]\s*([^、,\s]{1,24}?)\s*厩舎"
)
SHOT_MARK, PROFILE_MARK = "日撮影", "厩舎"
LOOKS_LIKE_PROFILE = re.compile(r"(?:[牡牝セ騸]|せん)ン?\s*[0-9]{1,2}歳\s*[、,]")
UP_TO_SHOT = re.compile(r"\A.{0,120}?[0-9０-９]\s?日撮影\s?[)）]\s*", re.S)
BROKEN_NAME = re.compile(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])")
NO_NAME = re.compile("PHOTO|競馬ブック|写真", re.I)  # bold in a dark table, but not a horse
PEDIGREE = 'table[width="350"][border="1"]'
COMMENT_TABLE = 'table[width="310"]'
NARROW = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {0x3000: 0x20}  # full-width digits and brackets
WIDE = re.compile("[！-～\u3000]")
LONGEST_NAME = 40  # characters
LONGEST_COMMENT = 4000
SHORTEST_COMMENT = 20
MOST_ANCESTORS = 64
A_FEW, MANY = 8, 200  # the limits of elements looked at; real pages have fewer

# Fields that every page prints from a date on. An older page must have a field only if its own markup announces it.
PROMISED = (
    (date(2007, 6, 4), ("coat", "shot_day", "comment", "pedigree")),
    (date(2010, 1, 1), ("sex", "age", "trainer")),
)
# Misprints, found by comparing the pages with the races: (issue, photo) -> the horse that is shown. The list
# keeps the printed name.
CORRECTIONS = {
    ("160919", 12): "プロディガルサン",
    ("040426", 13): "クーリンガー",  # printed ブラックタイド
}


def clean_name(text: str) -> str:
    """A name on one line. A line break within Japanese words is layout, not a space in the name."""
    return BROKEN_NAME.sub("", clean(text)).strip("・･ 　")


def parse_photo_page(url: str, text: str) -> Parsed:
    """One photo: the horse's name, the picture's address, and the particulars.

    Raises:
        ParseError: no name, or no picture.
        KeptOut: the same, and the page says that its photo must not be kept.
    """
    tree = LexborHTMLParser(text)
    try:
        return _photo(url, tree)
    except (ParseError, ValidationError) as error:
        if _keeps_out(tree):
            raise KeptOut("page", f"its meta tags keep it out, and it cannot be read ({error})") from error
        raise


def _photo(url: str, tree: LexborHTMLParser) -> Parsed:
    code, number = code_of(url), number_of(url)
    dated = date_of(code)
    if dated is None:
        raise ParseError("code", f"{code} is not a date")
    printed = _name(tree)
    name = CORRECTIONS.get((code, number), printed)
    image_url = _image_url(tree, url)
    words = tree.body.text_lexbor() if tree.body else ""
    pedigree, boxes = tree.css_first(PEDIGREE), tree.css(COMMENT_TABLE)
    facts = _facts(words) | {"pedigree": _ancestors(pedigree), "comment": _comment(tree, boxes, pedigree)}
    item, impossible = as_far_as_possible(
        PhotoItem,
        facts
        | {
            "source": SOURCE,
            "issue_code": code,
            "number": number,
            "horse_name": name,
            "horse_key": horse_key(name),
            "page_url": url,
            "image_url": image_url,
            "keep_out": _keeps_out(tree),
        },
    )
    promised = _promised(words, dated, has_pedigree=pedigree is not None, has_comment=bool(boxes))
    missing = [field for field in promised if not facts.get(field)] + [flaw.field for flaw in impossible]
    return Parsed((item,), (Link(image_url, IMAGE, dated),), tuple(dict.fromkeys(missing)))


def _name(tree: LexborHTMLParser) -> str:
    for candidate in _names(tree):
        name = clean_name(candidate[: 10 * LONGEST_NAME])
        if name and not NO_NAME.search(name):
            if len(name) > LONGEST_NAME:
                raise ParseError("horse_name", f"{len(name)} characters are not a name")
            return name
    raise ParseError("horse_name", "neither beside p_name.gif nor in the last dark table")


def _names(tree: LexborHTMLParser) -> Iterator[str]:
    for mark in tree.css('img[src*="p_name"]')[:A_FEW]:
        yield _text_after(mark)
    for table in reversed(tree.css('table[bgcolor="#003300"]')[-A_FEW:]):
        yield from (_text(bold) for bold in reversed(table.css("b")[-A_FEW:]))


def _text_after(mark: LexborNode) -> str:
    """The words after an image, up to the next line break. The image may be alone in its element."""
    start: LexborNode | None = mark
    for _ in range(3):
        words, node = "", start.next
        for _ in range(MANY):
            if node is None or (node.tag == "br" and words.strip()):
                break
            words += _text(node) if node.tag != "-comment" else ""
            node = node.next
        start = start.parent
        if words.strip() or start is None or start.tag in ("table", "body"):
            return words
    return ""


def _text(node: LexborNode) -> str:
    return node.text_lexbor()


def _image_url(tree: LexborHTMLParser, url: str) -> str:
    for image, expected in _images(tree):
        source = (image.attributes.get("src") or "").strip()
        if expected.match(source):
            found = url[: url.rindex("/") + 1] + source.removeprefix("./")  # beside the page, as nearly always
            return found if ADDRESS.fullmatch(found) else _refuse(source)
        if expected.search(source):
            return address(url, source) or _refuse(source)
    raise ParseError("image", "no picture like images/pp01.jpg")


def _refuse(source: str) -> str:
    raise ParseError("image", f"it is on another site, or is not an address: {source[:100]!a}")


def _images(tree: LexborHTMLParser) -> Iterator[tuple[LexborNode, re.Pattern[str]]]:
    """Pictures in the places where layouts have them, newest first, with the pattern of their file names."""
    framed = [image for table in tree.css('table[width="309"]')[:A_FEW] for image in table.css("img")[:MANY]]
    yield from ((image, PICTURE) for image in framed)
    sized = tree.css('img[width="304"]')[:MANY]
    yield from ((image, PICTURE) for image in sized)
    yield from ((image, PICTURE) for image in tree.css("table tr td img")[:MANY])
    # The picture in the frame is the photo, under any file name.
    yield from ((image, ANY_PHOTO) for image in framed + sized)


def _facts(words: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if shot := _search_before(SHOT, SHOT_MARK, words):
        facts["coat"] = shot[1]
        if 1 <= int(shot[2]) <= 12 and 1 <= int(shot[3]) <= 31:
            facts |= {"shot_month": int(shot[2]), "shot_day": int(shot[3])}
    if profile := _search_before(PROFILE, PROFILE_MARK, words):
        facts |= {"sex": "セ" if profile[1][0] in "セせ騸" else profile[1], "coat": profile[3], "trainer": profile[4]}
        if 1 <= int(profile[2]) <= 40:
            facts["age"] = int(profile[2])
    return facts


def _near(mark: str, words: str) -> Iterator[str]:
    """The text before each occurrence of a mark, with half-width digits and brackets."""
    at = words.find(mark)
    for _ in range(10):
        if at < 0:
            return
        near = words[max(0, at - 60) : at + len(mark) + 4]
        yield near.translate(NARROW) if WIDE.search(near) else near
        at = words.find(mark, at + 1)


def _search_before(pattern: re.Pattern[str], mark: str, words: str) -> re.Match[str] | None:
    """The first match of a pattern that ends with a mark; full-width characters are allowed."""
    for near in _near(mark, words):
        if match := pattern.search(near):
            return match
    return None


def _ancestors(pedigree: LexborNode | None) -> list[str]:
    cells = pedigree.css("td")[:MANY] if pedigree is not None else []
    names = (clean(_text(cell)[: 10 * LONGEST_NAME])[: 2 * LONGEST_NAME] for cell in cells)
    return [name for name in names if name][:MOST_ANCESTORS]


def _comment(tree: LexborHTMLParser, boxes: list[LexborNode], pedigree: LexborNode | None) -> str | None:
    """The longest text in the comment's table, or else in small print before the pedigree, without navigation."""
    own = [font for table in boxes[:A_FEW] for font in table.css("font")[:MANY]]
    longest = _longest(own)
    if longest is None:
        longest = _longest(_small_print(tree, pedigree))
    return longest


def _small_print(tree: LexborHTMLParser, pedigree: LexborNode | None) -> Iterator[LexborNode]:
    end = pedigree.mem_id if pedigree is not None else 0
    for node in tree.css(f'font[size="2"], {PEDIGREE}')[:MANY]:
        if node.mem_id == end:
            return
        yield node


def _longest(fonts: list[LexborNode] | Iterator[LexborNode]) -> str | None:
    longest, least = None, SHORTEST_COMMENT
    for font in fonts:
        words = _text(font)
        if len(words) >= least and font.css_first("a, table") is None:
            words = clean(UP_TO_SHOT.sub("", words[: 2 * LONGEST_COMMENT]))[:LONGEST_COMMENT]
            if len(words) >= least:
                longest, least = words, len(words) + 1
    return longest


def _promised(words: str, dated: date, *, has_pedigree: bool, has_comment: bool) -> list[str]:
    """The fields that a page must have: its markup announces them, or every page of its date has them."""
    promised = [field for since, fields in PROMISED if dated >= since for field in fields]
    if SHOT_MARK in words:
        promised += ["shot_day"]
    if any(LOOKS_LIKE_PROFILE.search(near) for near in _near(PROFILE_MARK, words)):
        promised += ["coat", "sex", "age", "trainer"]
    if has_pedigree:
        promised += ["pedigree"]
    if has_comment:
        promised += ["comment"]
    return list(dict.fromkeys(promised))


def _keeps_out(tree: LexborHTMLParser) -> bool:
    return keepout.of_metas(_named(meta.attributes) for meta in tree.css("meta")) is not None


def _named(meta: dict[str, str | None]) -> tuple[str, str]:
    """The name and content of a meta tag; an X-Robots-Tag in it counts as `robots`."""
    as_header = (meta.get("http-equiv") or "").strip().lower() == "x-robots-tag"
    return "robots" if as_header else meta.get("name") or "", meta.get("content") or ""
