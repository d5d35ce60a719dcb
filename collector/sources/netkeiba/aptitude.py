"""netkeiba's aptitude graphs: two bars on each of five axes, between two marks.

The bars are pictures; their widths are the opinion. They are in a table of the horse's page (until 2023), or in a
fragment that the page requests. The reviews have a finer table of the same opinion.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import ParseError
from collector.sources.netkeiba.urls import horse_id_of
from collector.sources.netkeiba.words import tree_of, words_of
from collector.sources.parsed import Parsed, checked
from collector.storage.items import AptitudeItem, ReviewsItem
from collector.storage.racing import Axis

WHOLE, FINE = 116, 194  # px of both bars together; one more where an empty side is drawn as one pixel
TABLE, FINE_TABLE = "table.tekisei_table", "div.db_h_rank_review table"
NEUTRAL = "58/58 on all five axes"
# The marks at the two ends, by the picture's file name and its text: the axis, and whether the mark is its right end.
MARKS = {
    ("turf", "芝"): (Axis.SURFACE, False), ("dirt", "ダート"): (Axis.SURFACE, True),
    ("sprint", "短い"): (Axis.DISTANCE, False), ("styer", "長い"): (Axis.DISTANCE, True),
    ("nige", "逃げ"): (Axis.RUNNING_STYLE, False), ("oikomi", "追込"): (Axis.RUNNING_STYLE, True),
    ("soujuku", "早熟"): (Axis.MATURITY, False), ("bansei", "晩成"): (Axis.MATURITY, True),
    ("tokui", "得意"): (Axis.WET_GOING, False), ("nigate", "苦手"): (Axis.WET_GOING, True),
}  # fmt: skip
BY_FILE = {name: meaning for (name, _), meaning in MARKS.items()}
BY_WORD = {word: meaning for (_, word), meaning in MARKS.items()}
COUNT = re.compile(r"評価[：:]\s?([0-9,]{1,7})\s?件")
HEADINGS = "h2, h3, div.db_h_rank_box_head"
LONGEST_HEADING = 300  # characters
MOST_HEADINGS, MOST_ROWS, MOST_PICTURES = 50, 10, 10

Bars = tuple[int, int]  # px, at the left and the right end of the axis


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a page shows of a horse's aptitude."""

    bars: dict[Axis, Bars]
    reviews: int | None  # None: this page does not say


def parse_aptitude(url: str, text: str) -> Parsed:
    """The aptitude fragment.

    Raises:
        ParseError: it is not an answer, or has no graph. That is a changed layout, never a missing label.
    """
    tree = fragment_of(text)
    opinion = opinion_in(tree)
    if opinion is None:
        raise ParseError("aptitude", "the answer holds no aptitude table")
    return Parsed(items_of(horse_id_of(url), opinion))


def parse_reviews(url: str, text: str) -> Parsed:
    """The reviews fragment: the number of reviews.

    Raises:
        ParseError: it is not an answer, or does not state the number.
    """
    tree = fragment_of(text)
    reviews = reviews_in(tree)
    if reviews is None:
        raise ParseError("reviews", "the answer does not state how many there are")
    return Parsed((ReviewsItem(horse_id=horse_id_of(url), reviews=reviews),))


def fragment_of(text: str) -> LexborHTMLParser:
    """The HTML in a JSON answer: {"status": "OK", "data": "<html>"}."""
    try:
        answer: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError("answer", "not JSON") from error
    if not isinstance(answer, dict) or answer.get("status") != "OK" or not isinstance(answer.get("data"), str):
        raise ParseError("answer", f"not {{status: OK, data: ...}} but {text[:60]!a}")
    return tree_of(answer["data"])


def opinion_in(tree: LexborHTMLParser) -> Opinion | None:
    """The opinion that a page shows; None where it has no such table.

    Raises:
        ParseError: an axis is missing, doubled or unclear, or the finer table says something else.
    """
    table = tree.css_first(TABLE)
    if table is None:
        return None
    bars = _bars_of(table, WHOLE)
    reviews = reviews_in(tree)
    fine = tree.css_first(FINE_TABLE)
    if fine is not None:
        _compare(bars, _bars_of(fine, FINE))
    return Opinion(bars, reviews)


def items_of(horse_id: str, opinion: Opinion) -> tuple[AptitudeItem, ...]:
    """One item for each axis. Bars in the middle on all five axes are not an opinion, unless there are reviews.

    Raises:
        ParseError: the bars are not in the middle, and the number of reviews is 0.
    """
    neutral = all(left == right for left, right in opinion.bars.values())
    if opinion.reviews == 0 and not neutral:
        raise ParseError("reviews", "the bars are not in the middle, but nobody has reviewed the horse")
    evidence = None
    if neutral and not opinion.reviews:
        evidence = NEUTRAL if opinion.reviews is None else f"0 reviews, {NEUTRAL}"
    return tuple(
        checked(
            AptitudeItem,
            {
                "horse_id": horse_id,
                "axis": axis,
                "left_px": left,
                "right_px": right,
                "value": None if evidence else right / (left + right),
                "reviews": opinion.reviews,
                "evidence": evidence,
            },
        )
        for axis, (left, right) in ((axis, opinion.bars[axis]) for axis in Axis)
    )


def reviews_in(tree: LexborHTMLParser) -> int | None:
    """The number of reviews that a page states: みんなの…評価 (評価：12件)."""
    for node in tree.css(HEADINGS)[:MOST_HEADINGS]:
        words = words_of(node, LONGEST_HEADING)
        if match := COUNT.search(unicodedata.normalize("NFKC", words)):
            return int(match[1].replace(",", ""))
    return None


def _bars_of(table: LexborNode, whole: int) -> dict[Axis, Bars]:
    found: dict[Axis, Bars] = {}
    for row in table.css("tr")[:MOST_ROWS]:
        pictures = [(name, node) for node in row.css("img")[:MOST_PICTURES] if (name := _picture(node))]
        if not pictures:
            continue
        axis, bars = _axis_of(pictures, whole)
        if axis in found:
            raise ParseError(axis, "shown twice")
        found[axis] = bars
    for axis in Axis:
        if axis not in found:
            raise ParseError(axis, "not shown")
    return found


def _picture(node: LexborNode) -> str | None:
    """The file name of a picture of the graph, without its colour; None for other pictures."""
    name = (node.attributes.get("src") or "").partition("?")[0].rpartition("/")[2]
    if not (name.startswith("review_") and name.endswith(".png")):
        return None
    return name[7:-4][:40].removesuffix("_blue").removesuffix("_gray")


def _axis_of(pictures: Sequence[tuple[str, LexborNode]], whole: int) -> tuple[Axis, Bars]:
    """One row: a mark, its bar, the middle, the other bar, the other mark."""
    names = [name for name, _ in pictures if name != "centerline"]
    if len(names) != 4 or names[1] != "bar" or names[2] != "bar":
        raise ParseError("axis", f"not two bars between two marks: {names[:8]}")
    nodes = [node for name, node in pictures if name != "centerline"]
    (first, first_right), (last, last_right) = _meaning(nodes[0], names[0]), _meaning(nodes[3], names[3])
    if first != last or first_right == last_right:
        raise ParseError(first, f"between the marks {names[0]} and {names[3]}")
    one, other = _width(first, nodes[1]), _width(first, nodes[2])
    clamped = one + other == whole + 1 and 1 in (one, other)
    if one + other != whole and not clamped:
        raise ParseError(first, f"bars of {one} and {other} px do not make {whole}")
    return first, ((other, one) if first_right else (one, other))


def _meaning(node: LexborNode, name: str) -> tuple[Axis, bool]:
    """The meaning of a mark, by its file name and its text. Where both are known, they must agree."""
    words = (node.attributes.get("alt") or "").strip()
    by_file, by_word = BY_FILE.get(name), BY_WORD.get(words)
    if by_file is None and by_word is None:
        raise ParseError("axis", f"an unknown mark: {name} {words[:20]!r}")
    if by_file and by_word and by_file != by_word:
        raise ParseError(by_file[0], f"the mark {name} says {words[:20]!r}")
    meaning = by_file or by_word
    assert meaning is not None
    return meaning


def _width(axis: Axis, node: LexborNode) -> int:
    text = (node.attributes.get("width") or "").strip().removesuffix("px")
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 5 and int(text) > 0):
        raise ParseError(axis, f"a bar of {text[:20]!r} px")
    return int(text)


def _compare(bars: dict[Axis, Bars], fine: dict[Axis, Bars]) -> None:
    """Raise ParseError where the finer table differs by more than rounding."""
    for axis in Axis:
        (left, right), (fine_left, fine_right) = bars[axis], fine[axis]
        difference = abs(right / (left + right) - fine_right / (fine_left + fine_right))
        if difference > 1 / WHOLE + 1 / FINE:
            raise ParseError(axis, f"{left}/{right} px here, {fine_left}/{fine_right} px among the reviews")
