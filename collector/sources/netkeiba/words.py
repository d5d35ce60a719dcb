"""Readers for the words that netkeiba's pages share: from one cell's text to a value.

A reader returns None for what the site leaves blank or hides, and raises ParseError for unknown words. A reader does
not know its cell: the field of its error names the value that it expected.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.console.typed import AS_HYPHEN, DASHES
from collector.errors import ParseError
from collector.sources.text_tools.text import CONTROL, clean
from collector.storage.racing import MOST_HORSES, Direction, Going, Grade, Sex, Surface, Weather

LONGEST_PAGE = 600_000  # characters, twice the longest real one
LONGEST_CELL = 200
# Nested elements cost a parser the square of their number, and only the parser knows how deep they are (many end tags
# end nothing). This number costs less than a second in any nesting; real pages have up to 8,000.
MOST_TAGS = 20_000
NO_ID = re.compile("0+")  # the id of all horses that have none
PAY_WALL = "プレミアムサービス案内"
BLANK = re.compile(r"[-*?.~ー―−‐‑‒–—─━〜～]{0,9}")  # "", "---", "---.-", "**"

SURFACES = {"芝": Surface.TURF, "ダ": Surface.DIRT, "ダート": Surface.DIRT, "障": Surface.JUMP, "障害": Surface.JUMP}
DIRECTIONS = {"右": Direction.RIGHT, "左": Direction.LEFT, "直線": Direction.STRAIGHT, "直": Direction.STRAIGHT}
WEATHERS = {
    "晴": Weather.FINE,
    "曇": Weather.CLOUDY,
    "雨": Weather.RAINY,
    "小雨": Weather.DRIZZLE,
    "雪": Weather.SNOW,
    "小雪": Weather.LIGHT_SNOW,
}
TURF_GOINGS = {"良": Going.FIRM, "稍重": Going.GOOD, "重": Going.YIELDING, "不良": Going.SOFT}
DIRT_GOINGS = {"良": Going.STANDARD, "稍重": Going.GOOD, "重": Going.MUDDY, "不良": Going.SLOPPY}
SHORT_GOINGS = {"稍": "稍重", "不": "不良"}  # on race cards
SEXES = {
    "牡": Sex.MALE,
    "牝": Sex.FEMALE,
    "セ": Sex.GELDING,
    "セン": Sex.GELDING,
    "騸": Sex.GELDING,
    "せん": Sex.GELDING,
}
GRADES = {grade.value.upper(): grade for grade in Grade}
GRADE_MARK = re.compile(r"\((J[・.]?)?(G|JPN)(III|II|I|[123])\)|\((L|OP)\)", re.I)
ROMAN = {"I": "1", "II": "2", "III": "3"}
ICON = re.compile(r"(?:^|\s)Icon_GradeType([0-9]{1,2})(?=\s|$)")
ICONS = {
    1: Grade.G1, 2: Grade.G2, 3: Grade.G3, 5: Grade.OPEN, 15: Grade.LISTED,
    10: Grade.JUMP_G1, 11: Grade.JUMP_G2, 12: Grade.JUMP_G3,
    19: Grade.LOCAL_1, 20: Grade.LOCAL_2, 21: Grade.LOCAL_3,
}  # 13 marks the races of a bet (WIN5), 16 to 18 are classes  # fmt: skip

DISTANCE = re.compile(r"(.{0,30}?)(?<![0-9])([0-9]{2,5})m")
SEX_AGE = re.compile(r"(牡|牝|セン?|せん|騸)(?:([0-9]{1,3})[歳才]?)?")
WEIGHT = re.compile(r"([0-9]{3,4})(?:kg)?(?:\(([^()]{0,8})\))?")
CHANGE = re.compile(r"(?:±|[+]/?(?=-))?([+-]?[0-9]{1,3})(?:kg)?")
# 1:12.6, 1.12.6, 1'12"6, 1分12秒6; 58.9 is seconds.
CLOCK = re.compile(r"(?:([0-9]{1,2})(?:[:'′’分]|\.(?=[0-9]{2}\.)))?([0-9]{1,3})(?:(?:[.\"”秒]|′′|''|’’)([0-9]{1,3})?)?")
# All forms of minus and plus (accountants print ▲ and △ for minus), and the commas of thousands.
SIGNS = str.maketrans({**dict.fromkeys(DASHES + "▲△", "-"), "➕": "+", ",": None, "、": None})
POSITIONS = re.compile(r"[0-9]{1,2}(?:-[0-9]{1,2}){0,9}")
NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")
DAY = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日")
HOUR = re.compile(r"([0-9]{1,2}):([0-9]{2})")


# --- text -------------------------------------------------------------------------------------------------


def words_of(node: LexborNode | None, longest: int = LONGEST_CELL) -> str:
    """The text of a node, cut to `longest` characters; empty without a node."""
    return clean(node.text_lexbor()[: 20 * longest])[:longest] if node is not None else ""


def plain(text: str) -> str:
    """Words as they are compared: half-width digits and brackets, no spaces."""
    if text.isascii() and text.isprintable():
        return text[: 2 * LONGEST_CELL].replace(" ", "")
    return "".join(unicodedata.normalize("NFKC", CONTROL.sub("", text)[: 2 * LONGEST_CELL]).split())


def tree_of(text: str) -> LexborHTMLParser:
    """A page as a tree.

    Raises:
        ParseError: it is far too long, or it is a pay wall.
    """
    if len(text) > LONGEST_PAGE:
        raise ParseError("page", f"{len(text)} characters are too many for a page of this site")
    if text.count("<") > MOST_TAGS:
        raise ParseError("page", f"more than {MOST_TAGS} tags are too many for a page of this site")
    tree = LexborHTMLParser(text)
    if PAY_WALL in words_of(tree.css_first("title")):
        raise ParseError("page", "a pay wall")
    return tree


def ends_within(text: str, *marks: str) -> bool:
    """Whether a page was cut off within the last table that has one of these marks, so that rows may be missing."""
    at = next((at for mark in marks if (at := text.rfind(mark)) >= 0), -1)
    return at >= 0 and text.find("</table", at) < 0


def _unknown(field: str, text: str) -> ParseError:
    return ParseError(field, f"{text[:60]!a} is not known")


# --- a race -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ground:
    """The surface, the track and the distance of a race, as in 芝右 外1600m."""

    surface: Surface | None
    direction: Direction | None
    course: str | None
    distance: int  # m


def ground_of(text: str) -> Ground:
    """芝左2400m, 障芝 外-内3000m, 芝直線1000m, 00200m (with sledges), ダ1200m (lists and cards)."""
    match = DISTANCE.fullmatch(clean(unicodedata.normalize("NFKC", text[:LONGEST_CELL])))
    if not match:
        raise _unknown("distance", text)
    rest, surface = match[1].strip(), None
    for word in ("障害", "障", "芝", "ダート", "ダ"):
        if rest.startswith(word):
            rest, surface = rest.removeprefix(word), SURFACES[word]
            break
    direction, course = track_of(rest)
    return Ground(surface, direction, course, int(match[2]))


def track_of(text: str) -> tuple[Direction | None, str | None]:
    """右 外, 直線, 芝 外-内 (over hurdles): the direction, and the track of the racecourse."""
    rest, direction = clean(unicodedata.normalize("NFKC", text[:LONGEST_CELL])), None
    for word in ("芝", "ダート", "芝", "右", "左", "直線", "直", "芝", "ダート"):
        if rest.startswith(word):
            rest = rest.removeprefix(word).lstrip(" ・→/")
            direction = direction or DIRECTIONS.get(word)
    return direction, rest[:20] or None


def going_of(text: str, ground: Surface | None) -> Going | None:
    """The official going; over hurdles it uses the words for turf."""
    word = plain(text)
    word = SHORT_GOINGS.get(word, word)
    if BLANK.fullmatch(word) or ground is None:
        return None
    going = (DIRT_GOINGS if ground == Surface.DIRT else TURF_GOINGS).get(word)
    if going is None:
        raise _unknown("going", text)
    return going


def weather_of(text: str) -> Weather | None:
    word = plain(text)
    if BLANK.fullmatch(word):
        return None
    if word not in WEATHERS:
        raise _unknown("weather", text)
    return WEATHERS[word]


def grade_in(name: str) -> Grade | None:
    """The grade in a race's name: 有馬記念(G1), (GI), (J.G1), (JpnI), (L)."""
    marks = list(GRADE_MARK.finditer(unicodedata.normalize("NFKC", name[:LONGEST_CELL])))
    if not marks:
        return None
    match = marks[-1]
    if match[4]:
        return GRADES[match[4].upper()]
    number = ROMAN.get(match[3].upper(), match[3])
    jump = "J." if match[1] else ""
    return GRADES.get(f"{jump}{match[2].upper()}{number}")


def grade_of_icons(icons: Iterable[str]) -> Grade | None:
    """The grade that icons beside a name show, by their CSS classes."""
    for icon in icons:
        if (match := ICON.search(icon[:LONGEST_CELL])) and (grade := ICONS.get(int(match[1]))):
            return grade
    return None


def day_in(text: str) -> date | None:
    """The first date in a text; None without a date, or where it is not a real date."""
    match = DAY.search(text if text.isascii() else unicodedata.normalize("NFKC", text))
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def hour_in(text: str) -> time | None:
    """When a race starts: 発走 : 15:40, 15:40発走."""
    match = HOUR.search(text if text.isascii() else unicodedata.normalize("NFKC", text))
    try:
        return time(int(match[1]), int(match[2])) if match else None
    except ValueError as error:
        raise _unknown("start_time", text) from error


# --- an entry ---------------------------------------------------------------------------------------------


def sex_and_age(text: str) -> tuple[Sex | None, int | None]:
    """牡3, セ5; 牝 alone is a sex without an age."""
    word = plain(text)
    match = SEX_AGE.fullmatch(word)
    if not match:
        if BLANK.fullmatch(word):
            return None, None
        raise _unknown("sex", text)
    return SEXES[match[1]], int(match[2]) if match[2] else None


def weight_and_change(text: str) -> tuple[int | None, int | None]:
    """486(-4); 計不 was not weighed; 486(前計不) was not weighed the last time, so the change is None."""
    word = plain(text).translate(SIGNS)
    match = WEIGHT.fullmatch(word)
    if not match:
        if BLANK.fullmatch(word) or word.startswith(("計不", "計測不")):
            return None, None
        raise _unknown("horse_weight", text)
    change = CHANGE.fullmatch(match[2] or "")
    return int(match[1]), int(change[1]) if change else None


def seconds_of(text: str) -> float | None:
    """1:12.6 is 72.6; 58.9 is 58.9. 0.0 means that no time was taken: None."""
    word = plain(text)
    match = CLOCK.fullmatch(word)
    if not match and BLANK.fullmatch(word):
        return None
    if not match or (match[1] and int(match[2]) > 59):
        raise _unknown("time", text)
    return float(f"{60 * int(match[1] or 0) + int(match[2])}.{match[3] or 0}") or None


def positions_of(text: str) -> list[int]:
    """5-5-4; empty where the site leaves it blank or hides it from readers who do not pay."""
    word = plain(text).translate(AS_HYPHEN).replace(",", "-").strip("-")
    if not POSITIONS.fullmatch(word):
        if BLANK.fullmatch(word):
            return []
        raise _unknown("positions_at_bends", text)
    positions = [int(position) for position in word.split("-")]
    if max(positions) > MOST_HORSES:
        raise _unknown("positions_at_bends", text)
    return positions


def number_of(text: str) -> float | None:
    """1.8, 22,527.7, 540."""
    word = plain(text).translate(SIGNS).removesuffix("倍")
    if not NUMBER.fullmatch(word):
        if BLANK.fullmatch(word):
            return None
        raise _unknown("number", text)
    return float(word)


def count_of(text: str) -> int | None:
    """A number without a fraction."""
    if len(text) < 10 and text.isascii() and text.isdigit():
        return int(text)
    number = number_of(text)
    if number is None:
        return None
    if not number.is_integer():
        raise _unknown("number", text)
    return int(number)
