"""netkeiba's look-alike: from a path and its query to a file, in the real encodings. Pure."""

import codecs
import re
from calendar import monthrange
from datetime import UTC, date, datetime
from functools import lru_cache
from urllib.parse import parse_qs

from collector.demo.answer import HTML, Answer, evening_of
from collector.demo.netkeiba.card_pages import calendar_page, card_page, coming_list
from collector.demo.netkeiba.day_pages import day_page
from collector.demo.netkeiba.horse_pages import HorseView, aptitude_json, career_json, horse_page, reviews_json
from collector.demo.netkeiba.result_pages import no_such_race_page, result_page
from collector.demo.netkeiba.search_pages import search_page
from collector.demo.world.races import Races, Start
from collector.demo.world.world import World

DAY = re.compile(r"/race/list/(\d{8})/")
RACE = re.compile(r"/race/([0-9A-Za-z]{4,20})/")
HORSE = re.compile(r"/horse/([0-9A-Za-z]{10})/?")
SCRIPTS = {"/social/ajax_horse_aptitude.html": aptitude_json, "/social/ajax_horse_review.html": reviews_json}
CAREER = "/horse/ajax_horse_results.html"
UTF8_HTML = "text/html; charset=UTF-8"
JSON = "application/json; charset=UTF-8"
BEGINNING = datetime(2005, 1, 1, tzinfo=UTC)
VENDOR = "paddock-demo-vendor"


def _vendor_characters() -> dict[str, bytes]:
    """Rows 13 and 89 to 92 of EUC-JP, which Python leaves empty and sites use: ①, ㈱, 髙."""
    found: dict[str, bytes] = {}
    for row in (12, 88, 89, 90, 91):
        lead = (row >> 1) + (0x81 if row < 62 else 0xC1)
        for column in range(94):
            trail = column + (0x9F if row & 1 else 0x40 if column < 63 else 0x41)
            try:
                found[bytes((lead, trail)).decode("cp932")] = bytes((0xA1 + row, 0xA1 + column))
            except UnicodeDecodeError:
                continue
    return found


VENDOR_CHARACTERS = _vendor_characters()


def _encode_vendor(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    character = error.object[error.start]
    if character not in VENDOR_CHARACTERS:
        raise error
    return VENDOR_CHARACTERS[character], error.start + 1


codecs.register_error(VENDOR, _encode_vendor)


@lru_cache(maxsize=8)
def races_of(world: World) -> Races:
    """The world's races; they are always the same, so they are cached."""
    return Races(world)


def answer_path(world: World, path: str, query: str = "", month: date | None = None) -> Answer | None:
    """The file at a path with its raw query, in a month (default: the world's)."""
    month = month or world.opinion_month
    races = races_of(world)
    if match := DAY.fullmatch(path):
        return _day(races, match[1])
    if match := HORSE.fullmatch(path):
        shown = _shown(races, match[1], month)
        return _as_html(horse_page(shown, _career(races, shown)), month) if shown else None
    if match := RACE.fullmatch(path):
        race = races.find(match[1])
        if race is None or race in races.coming:
            return Answer(no_such_race_page().encode("euc_jp"), HTML, BEGINNING)
        return _as_html(result_page(race), race.day)
    asked = _asked(query)
    if path in SCRIPTS:
        text = SCRIPTS[path](_shown(races, asked.get("id", ""), month))
        return Answer(text.encode(), JSON, evening_of(month))
    if path == CAREER:
        shown = _shown(races, asked.get("id", ""), month)
        text = career_json(shown, _career(races, shown) if shown else ())
        return Answer(text.encode(), JSON, evening_of(month))
    if path == "/" and asked.get("pid") == "horse_list":
        return _search(races, asked.get("word", ""), asked.get("page", "1"), month)
    return _coming(races, path, asked)


def _asked(query: str) -> dict[str, str]:
    """The query's first values; older programs encode them in EUC-JP."""
    for charset in ("utf-8", "euc_jp"):
        try:
            asked = parse_qs(query[:1000], encoding=charset, errors="strict")
        except UnicodeDecodeError:
            continue
        return {name: values[0] for name, values in asked.items()}
    return {}


def _day(races: Races, digits: str) -> Answer | None:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return _as_html(day_page(day, races.on(day), races.local(day)), day)


def _shown(races: Races, horse_id: str, month: date) -> HorseView | None:
    registered = races.registry.find(horse_id)
    return HorseView(registered, month) if registered else None


def _career(races: Races, shown: HorseView) -> tuple[Start, ...]:
    """What a horse has run by the end of the month."""
    return races.career(shown.registered, shown.month.replace(day=monthrange(shown.month.year, shown.month.month)[1]))


def _search(races: Races, word: str, page: str, month: date) -> Answer:
    """The horses whose names contain the word; if there is only one, its page."""
    ids = [horse_id for horse_id, name in races.registry.names.items() if word and word in name]
    found = [shown for horse_id in ids if (shown := _shown(races, horse_id, month))]
    if len(found) == 1:
        return _as_html(horse_page(found[0], _career(races, found[0])), month)
    return _as_html(search_page(word, found, max(1, int(page)) if page.isdecimal() else 1), month)


def _coming(races: Races, path: str, asked: dict[str, str]) -> Answer | None:
    """Calendars and coming races, in UTF-8, from the other host."""
    modified = BEGINNING
    if path == "/top/race_list_sub.html":
        coming = races.coming if asked.get("kaisai_date") == f"{races.coming_day:%Y%m%d}" else ()
        return Answer(coming_list(races.coming_day, coming).encode(), UTF8_HTML, modified)
    if path == "/top/calendar.html":
        return _calendar(races, asked)
    if path == "/race/shutuba.html":
        race = next((race for race in races.coming if race.race_id == asked.get("race_id")), None)
        return Answer(card_page(race).encode(), UTF8_HTML, modified) if race else None
    return None


def _calendar(races: Races, asked: dict[str, str]) -> Answer | None:
    try:
        month = date(int(asked["year"]), int(asked["month"]), 1)
    except (KeyError, ValueError):
        return None
    return Answer(calendar_page(month, races.days(month)).encode(), UTF8_HTML, BEGINNING)


def _as_html(text: str, day: date) -> Answer:
    return Answer(text.encode("euc_jp", VENDOR), HTML, evening_of(max(day, BEGINNING.date())))
