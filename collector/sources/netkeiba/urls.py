"""netkeiba's addresses: how they are built from a site's base, and what they say."""

import re
from datetime import date
from urllib.parse import parse_qs, quote, urljoin, urlsplit

from collector.errors import ParseError

SOURCE = "netkeiba"
RACE = "race"  # the site of calendars and coming races
# Its kinds of pages.
RACE_CALENDAR, RACE_DAY, COMING_DAY = "race_calendar", "race_day", "coming_day"
RACE_RESULT, RACE_CARD = "race_result", "race_card"
HORSE, HORSE_SEARCH, APTITUDE, REVIEWS = "horse", "horse_search", "aptitude", "reviews"
RACECOURSES = {
    "01": "札幌",
    "02": "函館",
    "03": "福島",
    "04": "新潟",
    "05": "東京",
    "06": "中山",
    "07": "中京",
    "08": "京都",
    "09": "阪神",
    "10": "小倉",
}
AJAX = "input=UTF-8&output=json"
ADDRESS = re.compile(r"[!-~]{1,1000}")
RACE_PATH = re.compile(r"/race/([0-9]{4}[0-9A-Za-z]{8})/?")
RACE_QUERY = re.compile(r"(?:^|&)race_id=([0-9]{4}[0-9A-Za-z]{8})(?:&|$)")
HORSE_PATH = re.compile(r"/horse/(?:ped/|result/)?([0-9A-Za-z]{10})/?")
HORSE_QUERY = re.compile(r"(?:^|&)(?:id|horse_id)=([0-9A-Za-z]{10})(?:&|$)")
LIVE_RESULT_PATH = "/race/result.html"
DAY_PATH = re.compile(r"/race/list/([0-9]{8})/?")
MONTH_QUERY = re.compile(r"(?:^|&)year=([0-9]{4})&month=([0-9]{1,2})(?:&|$)")
DAY_QUERY = re.compile(r"(?:^|&)kaisai_date=([0-9]{8})(?:&|$)")
JRA_RACE = re.compile(r"[0-9]{4}(?:0[1-9]|10)[0-9]{6}")


# --- builders ---------------------------------------------------------------------------------------------


def race_calendar_url(base: str, month: date) -> str:
    """The list of a month's race days."""
    return f"{base}/top/calendar.html?year={month.year}&month={month.month}"


def race_day_url(base: str, day: date) -> str:
    """The list of a past day's races."""
    return f"{base}/race/list/{_digits(day)}/"


def coming_day_url(base: str, day: date) -> str:
    """The list of a coming day's races."""
    return f"{base}/top/race_list_sub.html?kaisai_date={_digits(day)}"


def race_result_url(base: str, race_id: str) -> str:
    return f"{base}/race/{race_id}/"


def race_card_url(base: str, race_id: str) -> str:
    return f"{base}/race/shutuba.html?race_id={race_id}"


def horse_url(base: str, horse_id: str) -> str:
    return f"{base}/horse/{horse_id}/"


def aptitude_url(base: str, horse_id: str) -> str:
    """A horse's bars; its page requests them when it is opened."""
    return f"{base}/social/ajax_horse_aptitude.html?{AJAX}&id={horse_id}"


def reviews_url(base: str, horse_id: str) -> str:
    """The reviews behind the bars, and their number."""
    return f"{base}/social/ajax_horse_review.html?{AJAX}&id={horse_id}"


def horse_search_url(base: str, name: str) -> str:
    """A search for horses by a name, or a part of one."""
    return f"{base}/?pid=horse_list&word={quote(name, safe='')}"


def _digits(day: date) -> str:
    return day.isoformat().replace("-", "")


# --- readers ----------------------------------------------------------------------------------------------


def word_of(url: str) -> str:
    """The word that an address searches for.

    Raises:
        ParseError: it is not a search.
    """
    words = _query_of(url).get("word")
    if not words:
        raise ParseError("word", f"{url[:200]!a} has no search word")
    return words[0]


def page_of(url: str) -> int:
    """The page number in the address of a search's answer."""
    number = _query_of(url).get("page", ["1"])[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else 0


def _query_of(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(url).query[:2000], max_num_fields=20)
    except ValueError as error:
        raise ParseError("word", f"{url[:200]!a} is not a search") from error


def race_id_of(url: str) -> str:
    return _found(url, RACE_PATH, RACE_QUERY, "race_id", "race")


def is_live_result(url: str) -> bool:
    """Whether a result is on the host of the cards, where it is shown on race day."""
    return urlsplit(url).path == LIVE_RESULT_PATH


def horse_id_of(url: str) -> str:
    return _found(url, HORSE_PATH, HORSE_QUERY, "horse_id", "horse")


def day_of(url: str) -> date:
    """The day whose races an address lists."""
    digits = _found(url, DAY_PATH, DAY_QUERY, "day", "day")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError as error:
        raise ParseError("day", f"{digits} is not a date") from error


def month_of(url: str) -> date:
    """The first day of the month whose race days an address lists."""
    match = MONTH_QUERY.search(url.partition("?")[2])
    if not match:
        raise ParseError("month", f"{url[:200]!a} does not name a month")
    try:
        return date(int(match[1]), int(match[2]), 1)
    except ValueError as error:
        raise ParseError("month", f"{match[1]}-{match[2]} is not a month") from error


def _found(url: str, path: re.Pattern[str], query: re.Pattern[str], field: str, what: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ParseError(field, f"{url[:200]!a} is not an address") from error
    match = path.fullmatch(parts.path) or query.search(parts.query)
    if not match:
        raise ParseError(field, f"{url[:200]!a} does not name a {what}")
    return match[1]


def is_jra(race_id: str) -> bool:
    """Whether a race was held on one of the ten racecourses of the Japan Racing Association."""
    return JRA_RACE.fullmatch(race_id) is not None


def address(url: str, link: str) -> str | None:
    """The address of a page's link, without fragment; None if it is not an address on the page's host."""
    try:
        target, page = urlsplit(urljoin(url, link.strip())), urlsplit(url)
    except ValueError:
        return None
    if target.scheme not in ("http", "https") or target.netloc != page.netloc:
        return None
    found = target._replace(fragment="").geturl()
    return found if ADDRESS.fullmatch(found) else None
