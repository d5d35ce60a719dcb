"""netkeiba's days: the race days of the JRA in a month, and the races of a day, past or coming."""

import re
from datetime import date
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import ParseError
from collector.sources.netkeiba.urls import (
    RACE_CARD,
    RACE_PATH,
    RACE_QUERY,
    RACE_RESULT,
    address,
    day_of,
    is_jra,
    month_of,
    race_card_url,
    race_result_url,
)
from collector.sources.netkeiba.words import day_in, tree_of, words_of
from collector.sources.parsed import Link, Parsed
from collector.storage.items import RaceDayItem

CALENDAR, CELL, DAY_LINK = "table.Calendar_Table", "td.RaceCellBox", 'a[href*="kaisai_date="]'
RACECOURSE, RACING = "span.JyoName", ".HaveData"
HELD = "dl.race_top_data_info dd > a[href]"
HEADING, HEADED = "div.cate_bar h2, title", "のレース情報"
COMING = ".RaceList_DataItem a[href]"
COMING_LIST = ".RaceList_Body, .RaceList_Box, .RaceList_DataList, #RaceTopRace"
BLOCK = "<!-- block=race_list_sub"
CARD_PATH = "/race/shutuba.html"
SATURDAY = 5
MOST_CELLS = 42  # six weeks
MOST_RACECOURSES = 10
PLAIN_PATH = re.compile(r"(?:/[0-9A-Za-z_]{1,40}){1,9}/?")  # on the page's own host, and already normal
MOST_LINKS = 500  # a day has at most about 130 races on all tracks


def parse_race_calendar(url: str, text: str) -> Parsed:
    """The race days of the JRA in a month, with their racecourses.

    Raises:
        ParseError: it is not a calendar, or it is the calendar of another month.
    """
    tree, month = tree_of(text), month_of(url)
    table = tree.css_first(CALENDAR)
    if table is None:
        raise ParseError("race_days", "no calendar")
    items: dict[date, RaceDayItem] = {}
    for cell in table.css(CELL)[:MOST_CELLS]:
        if (day := _linked_day(url, cell)) is None:
            continue
        if (day.year, day.month) != (month.year, month.month):
            raise ParseError("month", f"it lists {day}")
        racecourses = [words_of(node, 20) for node in cell.css(RACECOURSE)[:MOST_RACECOURSES]]
        items[day] = RaceDayItem(race_date=day, racecourses=[name for name in racecourses if name])
    unlinked = not items and table.css_first(RACING) is not None
    return Parsed(tuple(items.values()), missing=("race_days",) if unlinked else ())


def _linked_day(url: str, cell: LexborNode) -> date | None:
    link = cell.css_first(DAY_LINK)
    found = address(url, link.attributes.get("href") or "") if link else None
    return day_of(found) if found else None


def parse_race_day(url: str, text: str) -> Parsed:
    """The JRA races of a past day: links to their results.

    A day without races is not an error. But nearly every Saturday and Sunday has races; if many of them have none, the
    layout has changed.

    Raises:
        ParseError: it is not a list of a day's races, or it is the list of another day.
    """
    tree, day = tree_of(text), day_of(url)
    headed = _headed(tree)
    if headed is None:
        raise ParseError("races", "no list of a day's races")
    ids = _ids(tree, url, HELD, day)
    # For a day without races, the site shows an empty list under the next race day's heading.
    if ids and headed != day:
        raise ParseError("day", f"it lists the races of {headed}")
    base = _base(url)
    links = tuple(Link(race_result_url(base, one), RACE_RESULT, day) for one in ids)
    unlisted = not links and day.weekday() >= SATURDAY
    return Parsed((), links, missing=("races",) if unlisted else ())


def parse_coming_day(url: str, text: str) -> Parsed:
    """The JRA races of a coming day: links to their cards.

    Raises:
        ParseError: it is not a list of a day's races.
    """
    tree, day = tree_of(text), day_of(url)
    if tree.css_first(COMING_LIST) is None and BLOCK not in text[:2000]:
        raise ParseError("races", "no list of a day's races")
    base = _base(url)
    ids = _ids(tree, url, COMING, day)
    return Parsed((), tuple(Link(race_card_url(base, one), RACE_CARD, day) for one in ids))


def _base(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def _headed(tree: LexborHTMLParser) -> date | None:
    """The day in the heading of a list."""
    for node in tree.css(HEADING)[:4]:
        words = words_of(node)
        if HEADED in words and (day := day_in(words)):
            return day
    return None


def _ids(tree: LexborHTMLParser, url: str, selector: str, day: date) -> list[str]:
    """The JRA races that a list links on its own host, in its order, each once."""
    ids: dict[str, None] = {}
    paths: dict[str, str] = {}  # most links of a list differ only in their query
    for node in tree.css(selector)[:MOST_LINKS]:
        link, _, query = (node.attributes.get("href") or "").strip().partition("#")[0].partition("?")
        path = link if PLAIN_PATH.fullmatch(link) else paths.get(link)
        if path is None:
            path = paths[link] = urlsplit(address(url, link) or "").path
        if selector == COMING:
            match = RACE_QUERY.search(query) if path == CARD_PATH else None
        else:
            match = RACE_PATH.fullmatch(path)
        if match and is_jra(match[1]) and match[1].startswith(f"{day.year}"):
            ids[match[1]] = None
    return list(ids)
