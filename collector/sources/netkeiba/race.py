"""netkeiba's results: the race and its entries. Race cards have the same rows."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import NoSuchPage, ParseError
from collector.sources.netkeiba.entry import COLUMNS, Values, find_table, read_entries
from collector.sources.netkeiba.urls import RACECOURSES, is_jra, race_id_of
from collector.sources.netkeiba.words import (
    day_in,
    ends_within,
    going_of,
    grade_in,
    ground_of,
    hour_in,
    plain,
    tree_of,
    weather_of,
    words_of,
)
from collector.sources.parsed import Parsed, as_far_as_possible
from collector.sources.text_tools.text import clean
from collector.storage.items import EntryItem, RaceItem
from collector.storage.racing import Finish, Surface

UMALINK = re.compile(r"umalink_([0-9]{4}[0-9A-Za-z]{8})")  # on pages of local tracks, the mark holds a horse's id
MEETING = re.compile(r"([0-9]{1,2})回\s{0,3}(\S{1,20}?)\s{0,3}([0-9]{1,2})日目")
NOWHEN = 1970  # the year that the site prints for an unknown date
MOST_RACES = 20  # in a day on one racecourse
A_FEW, MANY = 8, 50


class RaceReader:
    """Collects the values of a race. A value that cannot be read is a flaw, and is left out."""

    def __init__(self, race_id: str) -> None:
        self.values: Values = {"race_id": race_id}
        self.flaws: list[ParseError] = []

    def read(self, field: str, read: Callable[[], Any]) -> None:
        try:
            self.values[field] = read()
        except ParseError as error:
            self.flaws.append(ParseError(field, error.reason))

    def item(self) -> RaceItem:
        """The race.

        Raises:
            ParseError: a required value is missing or impossible.
        """
        race, impossible = as_far_as_possible(RaceItem, self.values)
        self.flaws += impossible
        return race


def meeting_of(words: str, race_id: str) -> Values:
    """The meeting in words like 1回中山1日目. Abroad has no meetings: both numbers are printed as 0."""
    match = MEETING.search(unicodedata.normalize("NFKC", words))
    racecourse = match[2] if match else RACECOURSES.get(race_id[4:6])
    if racecourse is None:
        raise ParseError("racecourse", f"{words[:60]!a} does not name a meeting")
    meeting_number, meeting_day = (int(match[1]), int(match[3])) if match else (0, 0)
    return {"racecourse": racecourse, "meeting_number": meeting_number or None, "meeting_day": meeting_day or None}


def same_race(tree: LexborHTMLParser, race_id: str) -> None:
    """Raise ParseError where the page's own links name another race."""
    named = (_race_linked(link) for link in tree.css('a[id^="umalink_"], link[rel="canonical"]')[:MANY])
    if other := next((one for one in named if one and one != race_id), None):
        raise ParseError("race_id", f"the page is that of {other[:20]!a}")


def _race_linked(link: LexborNode) -> str | None:
    """The race that a link's id or address names, if any."""
    if match := UMALINK.fullmatch(link.attributes.get("id") or ""):
        return match[1]
    try:
        return race_id_of(link.attributes.get("href") or "") if link.tag == "link" else None
    except ParseError:
        return None


def parse_race_result(url: str, text: str) -> Parsed:
    """A race that has been run, and its entries in the order of the finish.

    Raises:
        NoSuchPage: no race has this id.
        ParseError: it is the page of another race, or lists no horse.
    """
    tree = tree_of(text)
    head, about = _described(tree, url)
    race_id = race_id_of(url)
    same_race(tree, race_id)
    race, flaws = _race(head, about, race_id)
    table = find_table(tree.css("table.race_table_01")[:A_FEW])
    if table is None:
        raise ParseError("entries", "no table of horses")
    if ends_within(text, 'id="umalink_', "id=umalink_"):
        raise ParseError("entries", "the page ends within the table of horses")
    read = read_entries([table], race)
    absent = [field for heads, field, _ in COLUMNS if not table.has(*heads)]
    missing = dict.fromkeys(absent + _not_stated(race, read.entries))
    return Parsed((race, *read.entries), (), tuple(missing), (*flaws, *read.flaws), read.whole)


def _described(tree: LexborHTMLParser, url: str) -> tuple[LexborNode, str]:
    """The description of a race: its head, and the small print below."""
    head, small = tree.css_first("dl.racedata"), tree.css_first("p.smalltxt")
    if head is None or small is None:
        raise ParseError("race", "no race is described")
    about = small.text(deep=True)[:1000]
    day = day_in(about)
    if day is None or day.year == NOWHEN:
        if not words_of(head.css_first("h1")):
            raise NoSuchPage("race", f"no race at {url[:200]}")
        raise ParseError("race_date", f"{clean(about)[:60]!a} holds no date")
    return head, about


def _race(head: LexborNode, about: str, race_id: str) -> tuple[RaceItem, list[ParseError]]:
    name = words_of(head.css_first("h1"), 100)
    reader = RaceReader(race_id)
    reader.values |= {"race_date": day_in(about), "name": name, "grade": grade_in(name)}
    reader.values |= {"race_number": number_in(head.css_first("dt"), race_id)}
    reader.values |= meeting_of(clean(about), race_id) | _class(about)
    _read_line(reader, words_of(head.css_first("p span")))
    return reader.item(), reader.flaws


def number_in(node: LexborNode | None, race_id: str) -> int:
    """The printed number of the race (11 R), or else the number in its id."""
    match = re.match(r"[0-9]{1,2}(?![0-9])", plain(words_of(node)))
    if match and 0 < int(match[0]) <= MOST_RACES:
        return int(match[0])
    if not race_id[-2:].isdecimal():
        raise ParseError("race_number", f"neither printed nor in {race_id}")
    return int(race_id[-2:])


def _class(about: str) -> Values:
    """The race's class and the conditions after it; hard spaces separate them."""
    before, _, after = about.partition("\xa0")
    before = unicodedata.normalize("NFKC", before)
    match = MEETING.search(before)
    race_class = clean(before[match.end() :] if match else "")[:60]
    return {"race_class": plain(race_class) or None, "conditions": clean(after)[:100] or None}


def _read_line(reader: RaceReader, line: str) -> None:
    """ダ右1200m / 天候 : 晴 / ダート : 良 / 発走 : 09:55; with sledges and abroad, some parts are missing."""
    where, *parts = (part.strip() for part in line.split("/"))
    ground = ground_of(where)
    reader.values |= asdict(ground)
    for part in parts:
        key, _, value = (word.strip() for word in part.partition(":"))
        if key == "天候":
            reader.read("weather", lambda value=value: weather_of(value))
        elif key == "発走":
            reader.read("start_time", lambda value=value: hour_in(value))
        elif key in ("芝", "ダート", "障害"):
            surface = Surface.DIRT if key == "ダート" else ground.surface
            reader.read("going", lambda value=value, on=surface: going_of(value.split()[0] if value else "", on))


def _not_stated(race: RaceItem, entries: Sequence[EntryItem]) -> list[str]:
    """Fields that every JRA race has and this page does not: of the race, or of every horse that finished."""
    if not is_jra(race.race_id):
        return []
    stated = ("meeting_number", "surface", "weather", "going", "start_time")
    missing = [field for field in stated if getattr(race, field) is None]
    finished = [entry for entry in entries if entry.finish == Finish.FINISHED]
    fields = ("bracket_number", "horse_number", "sex", "carried_weight", "jockey_id", "finish_time", "trainer_id",
              "odds", "favorite_rank", "horse_weight") if finished else ()  # fmt: skip
    return missing + [field for field in fields if all(getattr(entry, field) is None for entry in finished)]
