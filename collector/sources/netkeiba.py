"""netkeiba: what a page of it says, by its kind; races, horses and aptitudes have modules of their own."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from pydantic import ValidationError

from collector.errors import ParseError
from collector.models import UNDATED, PageKind
from collector.racing import AptitudeItem, HorseItem
from collector.sources import Link, Parsed
from collector.sources.netkeiba_aptitude import parse_aptitude, parse_reviews
from collector.sources.netkeiba_card import parse_live_result, parse_race_card
from collector.sources.netkeiba_days import parse_coming_day, parse_race_calendar, parse_race_day
from collector.sources.netkeiba_horse import next_page_of, parse_horse, parse_horse_search
from collector.sources.netkeiba_race import parse_race_result
from collector.sources.netkeiba_url import (
    SOURCE,
    aptitude_url,
    coming_day_url,
    horse_id_of,
    horse_search_url,
    horse_url,
    is_live_result,
    page_of,
    race_calendar_url,
    race_day_url,
    reviews_url,
    word_of,
)
from collector.sources.text import horse_key

__all__ = [
    "CHARSET",
    "SOURCE",
    "aptitude_url",
    "coming_day_url",
    "horse_search_url",
    "horse_url",
    "parse",
    "race_calendar_url",
    "race_day_url",
    "reviews_url",
]

CHARSET = "euc-jp"
MOST_PAGES = 5  # of a search
LONGEST_PAGE = 2_000_000  # characters; the longest real one has some 300,000


def parse(kind: PageKind, url: str, text: str) -> Parsed:
    """What a page says.

    Raises:
        NoSuchPage: it says, with status 200, that there is nothing.
        ParseError: it does not say what its kind must say; names the field.
    """
    if kind not in PARSERS:
        raise ParseError("page", f"a page of kind {kind} is not parsed")
    if len(text) > LONGEST_PAGE:
        raise ParseError("page", f"{len(text)} characters are no page of this site")
    try:
        return PARSERS[kind](url, text)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "page"
        raise ParseError(field, f"{str(first['input'])[:100]!a}: {first['msg']}") from error


def _race_result(url: str, text: str) -> Parsed:
    """A result: on its page for good, or as it is shown on the day itself, on the host of the cards."""
    return parse_live_result(url, text) if is_live_result(url) else parse_race_result(url, text)


def _horse(url: str, text: str) -> Parsed:
    """A horse's page; where it does not show the aptitude itself, the aptitude is asked for."""
    parsed = parse_horse(url, text)
    shown = any(isinstance(item, AptitudeItem) for item in parsed.items)
    return parsed if shown else _with_link(parsed, url, PageKind.APTITUDE)


def _horse_search(url: str, text: str) -> Parsed:
    """The horses of exactly the name that was searched for; the answer holds all that contain it."""
    key = horse_key(word_of(url))
    found = [candidate for candidate in parse_horse_search(url, text) if horse_key(candidate.name) == key]
    items = tuple(HorseItem(horse_id=one.horse_id, name=one.name, horse_key=key) for one in found)
    more = next_page_of(url, text)
    # Nobody needs the names that come after so many that only contain it.
    follow = more is not None and word_of(more) == word_of(url) and page_of(more) == page_of(url) + 1 <= MOST_PAGES
    return Parsed(items, (Link(more, PageKind.HORSE_SEARCH, None),) if more and follow else ())


def _aptitude(url: str, text: str) -> Parsed:
    return _with_link(parse_aptitude(url, text), url, PageKind.REVIEWS)


def _with_link(parsed: Parsed, url: str, kind: PageKind) -> Parsed:
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}"
    address = (aptitude_url if kind is PageKind.APTITUDE else reviews_url)(base, horse_id_of(url))
    return replace(parsed, links=(*parsed.links, Link(address, kind, UNDATED)))


PARSERS: dict[PageKind, Callable[[str, str], Parsed]] = {
    PageKind.RACE_CALENDAR: parse_race_calendar,
    PageKind.RACE_DAY: parse_race_day,
    PageKind.COMING_DAY: parse_coming_day,
    PageKind.RACE_RESULT: _race_result,
    PageKind.RACE_CARD: parse_race_card,
    PageKind.HORSE: _horse,
    PageKind.HORSE_SEARCH: _horse_search,
    PageKind.APTITUDE: _aptitude,
    PageKind.REVIEWS: parse_reviews,
}
