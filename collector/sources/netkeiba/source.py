"""netkeiba as a source. Races, horses and aptitudes are parsed in their own modules."""

from dataclasses import replace
from datetime import date
from urllib.parse import urlsplit

from collector.codes import Copying
from collector.sources.netkeiba.aptitude import parse_aptitude, parse_reviews
from collector.sources.netkeiba.card import parse_live_result, parse_race_card
from collector.sources.netkeiba.days import parse_coming_day, parse_race_calendar, parse_race_day
from collector.sources.netkeiba.horse import next_page_of, parse_horse, parse_horse_search
from collector.sources.netkeiba.race import parse_race_result
from collector.sources.netkeiba.saved import COPIES
from collector.sources.netkeiba.urls import (
    APTITUDE,
    COMING_DAY,
    HORSE,
    HORSE_SEARCH,
    RACE,
    RACE_CALENDAR,
    RACE_CARD,
    RACE_DAY,
    RACE_RESULT,
    REVIEWS,
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
from collector.sources.parsed import Link, Parsed
from collector.sources.source import MAIN, Kind, Source, Terms
from collector.sources.text_tools.text import horse_key
from collector.storage.items import AptitudeItem, HorseItem
from collector.storage.roles import UNDATED, Role

MOST_PAGES = 5  # of a search


def _race_result(url: str, text: str) -> Parsed:
    """A result: on its permanent page, or on race day on the host of the cards."""
    return parse_live_result(url, text) if is_live_result(url) else parse_race_result(url, text)


def _horse(url: str, text: str) -> Parsed:
    """A horse's page. If it does not show the aptitude, a link to the aptitude is added."""
    parsed = parse_horse(url, text)
    shown = any(isinstance(item, AptitudeItem) for item in parsed.items)
    return parsed if shown else _with_link(parsed, url, APTITUDE)


def _horse_search(url: str, text: str) -> Parsed:
    """The horses whose name is exactly the searched one; the answer also lists names that only contain it."""
    key = horse_key(word_of(url))
    found = [candidate for candidate in parse_horse_search(url, text) if horse_key(candidate.name) == key]
    items = tuple(HorseItem(horse_id=one.horse_id, name=one.name, horse_key=key) for one in found)
    more = next_page_of(url, text)
    # Later pages list only names that contain the searched one; they are not needed.
    follow = more is not None and word_of(more) == word_of(url) and page_of(more) == page_of(url) + 1 <= MOST_PAGES
    return Parsed(items, (Link(more, HORSE_SEARCH, None, word_of(url)),) if more and follow else ())


def _aptitude(url: str, text: str) -> Parsed:
    return _with_link(parse_aptitude(url, text), url, REVIEWS)


def _with_link(parsed: Parsed, url: str, kind: str) -> Parsed:
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}"
    horse_id = horse_id_of(url)
    address = (aptitude_url if kind == APTITUDE else reviews_url)(base, horse_id)
    return replace(parsed, links=(*parsed.links, Link(address, kind, UNDATED, horse_id)))


NETKEIBA = Source(
    name=SOURCE,
    title="netkeiba",
    sites={MAIN: "https://db.netkeiba.com", RACE: "https://race.netkeiba.com"},
    kinds={
        RACE_CALENDAR: Kind(Role.CALENDAR, parse_race_calendar, race_calendar_url, RACE),
        RACE_DAY: Kind(Role.RACE_DAY, parse_race_day, race_day_url),
        COMING_DAY: Kind(Role.COMING_DAY, parse_coming_day, coming_day_url, RACE),
        RACE_RESULT: Kind(Role.RESULT, _race_result),
        RACE_CARD: Kind(Role.CARD, parse_race_card, site=RACE),
        HORSE: Kind(Role.HORSE, _horse, horse_url),
        HORSE_SEARCH: Kind(Role.HORSE_SEARCH, _horse_search, horse_search_url),
        # These two are JSON, which is always UTF-8 (RFC 8259).
        APTITUDE: Kind(Role.APTITUDE, _aptitude, aptitude_url, charset="utf-8"),
        REVIEWS: Kind(Role.REVIEWS, parse_reviews, reviews_url, charset="utf-8"),
    },
    charset="euc-jp",
    terms=Terms(
        "No use or publication beyond private use without approval; no permission for automatic collection was found.",
        "https://www.netkeiba.com/",
        date(2026, 8, 30),
        Copying.PERSONAL,
        dated=date(2022, 4, 1),
    ),
    longest_page=2_000_000,  # the longest real one has about 300,000
    look_alike="localhost",
    copies=COPIES,
)
