"""One field of a JV-Data record, as a converter has stored it, becomes a value. Pure.

Converters store a field as the text of the record (`0038`), or as a number in its unit (3.8): `tenths` reads both. A
reader returns None for a field that is not set, and raises ParseError for what it cannot be.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time
from typing import TypeVar

from collector.errors import ParseError
from collector.sources.jravan.codes import MARGINS
from collector.sources.text_tools.text import clean

Value = str | int | float | None
Meaning = TypeVar("Meaning")

WHOLE = re.compile(r"[0-9]{1,12}")
DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
DAY, HOUR = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})"), re.compile(r"([0-9]{1,2}):?([0-9]{2})(?::00)?")
LENGTHS = re.compile(r"([0-9]?)([1-9])([1-9])")
NO_TIME, NO_WEIGHT = 999, 999
LONGEST = 60


def unknown(field: str, value: object) -> ParseError:
    return ParseError(field, f"{str(value)[:60]!a} is not known")


def words(value: Value, longest: int = LONGEST) -> str | None:
    """Words on one line; None where there are none."""
    return clean(str(value)[: 4 * longest])[:longest] or None if value is not None else None


def code(field: str, value: Value, meanings: Mapping[str, Meaning], width: int = 1) -> Meaning | None:
    """What a code stands for; None for zeros and blanks."""
    text = _code(value, width)
    if not text.strip("0"):
        return None
    if text not in meanings:
        raise unknown(field, value)
    return meanings[text]


def _code(value: Value, width: int) -> str:
    text = "" if value is None else str(value).strip()
    return text.zfill(width) if text else ""


def digits(value: Value, width: int) -> str:
    """A code or a number of this many characters; empty where it is not set."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _code(value, width)


def whole(field: str, value: Value) -> int | None:
    """A number without a fraction; None for zero."""
    text = digits(value, 1)
    if not text:
        return None
    if not WHOLE.fullmatch(text):
        raise unknown(field, value)
    return int(text) or None


def tenths(field: str, value: Value, *, scaled: bool) -> float | None:
    """A number of tenths, `scaled` where it is in its unit already; None for zero."""
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not (DECIMAL if scaled else WHOLE).fullmatch(text):
        raise unknown(field, value)
    return (round(float(text), 1) if scaled else int(text) / 10) or None


def seconds(field: str, value: Value, *, scaled: bool) -> float | None:
    """Minutes, seconds and tenths as one number: 2315, or 231.5, is 2:31.5."""
    number = tenths(field, value, scaled=scaled)
    if number is None:
        return None
    minutes, rest = divmod(round(number * 10), 1000)
    if rest >= 600 or minutes > 9:
        raise unknown(field, value)
    return round(60 * minutes + rest / 10, 1)


def last_3f(value: Value, *, scaled: bool) -> float | None:
    """Seconds over the last 600 m; 99.9 says that there are none."""
    number = tenths("last_3f", value, scaled=scaled)
    return None if number == NO_TIME / 10 else number


def horse_weight(value: Value) -> int | None:
    """kg; 999 could not be weighed."""
    kilograms = whole("horse_weight", value)
    return None if kilograms == NO_WEIGHT else kilograms


def weight_change(value: Value, sign: Value) -> int | None:
    """kg since the last race; None for a first start, and where one of the two was not weighed."""
    text, sign_text = digits(value, 1), "" if sign is None else str(sign).strip()
    if not text:
        return None
    if sign_text not in ("", "+", "-") or not WHOLE.fullmatch(text.lstrip("-")):
        raise unknown("horse_weight_change", f"{sign_text}{text}")
    number = int(text)
    if abs(number) == NO_WEIGHT:
        return None
    return -abs(number) if sign_text == "-" else number


def prize(*values: Value) -> float | None:
    """The sum of amounts in 100 yen, in 10,000 yen; None for nothing."""
    amounts = (tenths("prize", value, scaled=True) or 0 for value in values)
    return round(sum(amounts) / 100, 4) or None


def day(field: str, value: Value) -> date | None:
    """20160105 or 2016-01-05; zeros name none."""
    text = "" if value is None else str(value).strip()
    if not text.strip("0-"):
        return None
    match = DAY.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else _refuse(field, value)
    except ValueError as error:
        raise unknown(field, value) from error


def hour(field: str, value: Value) -> time | None:
    """1540 or 15:40:00; zeros name none."""
    text = digits(value, 4)
    if not text.strip("0:"):
        return None
    match = HOUR.fullmatch(text)
    try:
        return time(int(match[1]), int(match[2])) if match else _refuse(field, value)
    except ValueError as error:
        raise unknown(field, value) from error


def _refuse(field: str, value: Value) -> None:
    raise unknown(field, value)


def margin(*values: Value) -> str | None:
    """着差 as the sites print it: クビ, 1.3/4, and クビ+ハナ where the horse before was taken out or moved down."""
    parts = [
        _margin(text) for value in values if (text := "" if value is None else str(value).replace("_", " ").strip())
    ]
    return "+".join(parts) or None


def _margin(text: str) -> str:
    if text in MARGINS:
        return MARGINS[text]
    if len(text) == 1 and text.isdecimal() and text.isascii():
        return text
    if match := LENGTHS.fullmatch(text):
        return f"{match[1]}.{match[2]}/{match[3]}" if match[1].strip("0") else f"{match[2]}/{match[3]}"
    raise unknown("margin", text)


def half_width(text: str | None) -> str | None:
    """Letters and digits as the sites print them: Ｃ．デム is C.デム."""
    return unicodedata.normalize("NFKC", text) if text else None
