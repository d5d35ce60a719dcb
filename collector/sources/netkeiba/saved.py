"""Which of netkeiba's pages a saved copy is: by its address, by an id in a name, or by the marks of its links."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from urllib.parse import urlsplit

from collector.errors import ParseError
from collector.sources.netkeiba import urls
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
)
from collector.sources.saved import MAIN, Named
from collector.sources.source import Copies
from collector.sources.text_tools.text import horse_key
from collector.storage.roles import UNDATED

HORSE_PATH = re.compile(r"/horse/([0-9A-Za-z]{10})/?")  # and not its pedigree or its results
UMALINK = re.compile(r"""\bid=["']?umalink_([0-9]{4}[0-9A-Za-z]{8})\b""")
WORD = re.compile(r"[0-9A-Za-z]+")  # of a file's name: `201601010101.bin`, `race_201601010101_1.html`
RACE_ID = re.compile(r"[0-9]{4}[0-9A-Za-z]{8}")
HORSE_ID = re.compile(r"[0-9]{3}[0-9A-Za-z]{7}")
DAY, MONTH = re.compile(r"[12][0-9]{7}"), re.compile(r"[12][0-9]{5}")
OF_RACES = {RACE_RESULT: (urls.race_result_url, MAIN), RACE_CARD: (urls.race_card_url, RACE)}
OF_HORSES = {HORSE: urls.horse_url, APTITUDE: urls.aptitude_url, REVIEWS: urls.reviews_url}
OF_DAYS = {RACE_DAY: (urls.race_day_url, MAIN), COMING_DAY: (urls.coming_day_url, RACE)}


def at(address: str) -> Named | None:
    """The page at an address, given without the site's."""
    try:
        return _at(address)
    except (ParseError, ValueError):
        return None


def _at(address: str) -> Named | None:
    path = urlsplit(address).path
    if reader := READERS.get(path):
        return reader(address)
    if urls.RACE_PATH.fullmatch(path):
        return _race(RACE_RESULT, urls.race_id_of(address))
    if match := HORSE_PATH.fullmatch(path):
        return _horse(HORSE, match[1])
    if urls.DAY_PATH.fullmatch(path):
        return _day(RACE_DAY, urls.day_of(address))
    return _search(address) if path == "/" else None


def _live(address: str) -> Named:
    """A result on race day, on the host of the cards: a page of its own."""
    race_id = urls.race_id_of(address)
    return Named(RACE_RESULT, f"{urls.LIVE_RESULT_PATH}?race_id={race_id}", ("race", race_id), RACE)


def _search(address: str) -> Named | None:
    if "pid=horse_list" not in address:
        return None
    word, number = urls.word_of(address), urls.page_of(address)
    path = urls.horse_search_url("", word) if number == 1 else address
    return Named(HORSE_SEARCH, path, ("search", f"{word} {number}"), about=horse_key(word), dated=UNDATED)


READERS: dict[str, Callable[[str], Named | None]] = {
    "/race/shutuba.html": lambda address: _race(RACE_CARD, urls.race_id_of(address)),
    urls.LIVE_RESULT_PATH: _live,
    "/top/calendar.html": lambda address: _month(urls.month_of(address)),
    "/top/race_list_sub.html": lambda address: _day(COMING_DAY, urls.day_of(address)),
    "/social/ajax_horse_aptitude.html": lambda address: _horse(APTITUDE, urls.horse_id_of(address)),
    "/social/ajax_horse_review.html": lambda address: _horse(REVIEWS, urls.horse_id_of(address)),
}


def called(name: str, kind: str | None) -> Named | None:
    """The page whose id is in a file's name, or else in that of its folder; without a kind a result or a horse."""
    *folders, own = name.split("/")
    for words in (WORD.findall(own.partition(".")[0]), WORD.findall(folders[-1]) if folders else []):
        for word in words:
            if found := _by_id(word, kind):
                return found
    return None


def _by_id(word: str, kind: str | None) -> Named | None:
    if kind in (None, *OF_RACES) and RACE_ID.fullmatch(word):
        return _race(kind or RACE_RESULT, word)
    if kind in (None, *OF_HORSES) and HORSE_ID.fullmatch(word):
        return _horse(kind or HORSE, word)
    try:
        if kind in OF_DAYS and DAY.fullmatch(word):
            return _day(kind, date(int(word[:4]), int(word[4:6]), int(word[6:])))
        if kind == RACE_CALENDAR and MONTH.fullmatch(word):
            return _month(date(int(word[:4]), int(word[4:]), 1))
    except ValueError:
        return None
    return None


def saying(text: str) -> Iterator[Named]:
    """The race that the links of a result's or a card's horses name; also a page that states no address has them."""
    if match := UMALINK.search(text):
        yield _race(RACE_RESULT, match[1])


def _race(kind: str, race_id: str) -> Named:
    build, site = OF_RACES[kind]
    return Named(kind, build("", race_id), ("race", race_id), site)


def _horse(kind: str, horse_id: str) -> Named:
    return Named(kind, OF_HORSES[kind]("", horse_id), ("horse", horse_id), about=horse_id, dated=UNDATED)


def _day(kind: str, day: date) -> Named:
    build, site = OF_DAYS[kind]
    return Named(kind, build("", day), ("day", day.isoformat()), site, dated=day)


def _month(month: date) -> Named:
    return Named(RACE_CALENDAR, urls.race_calendar_url("", month), ("month", f"{month:%Y-%m}"), RACE, dated=month)


COPIES = Copies(at, called, saying)
