"""netkeiba's results: the race, and how each horse ran. Its race cards share the rows."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import NoSuchPage, ParseError
from collector.racing import EntryItem, Finish, RaceItem, Surface
from collector.sources import Parsed, checked
from collector.sources.netkeiba_url import RACECOURSES, is_jra, race_id_of
from collector.sources.netkeiba_words import (
    Row,
    Table,
    column_of,
    count_of,
    day_in,
    ends_within,
    going_of,
    grade_in,
    ground_of,
    hour_in,
    links_in,
    number_of,
    plain,
    positions_of,
    seconds_of,
    sex_and_age,
    tree_of,
    weather_of,
    weight_and_change,
    words_of,
)
from collector.sources.text import clean, horse_key

Values = dict[str, Any]

UMALINK = re.compile(r"umalink_([0-9]{4}[0-9A-Za-z]{8})")  # local tracks' pages have horses' ids there
FINISHES = {
    "取": Finish.SCRATCHED,
    "除": Finish.EXCLUDED,
    "中": Finish.DID_NOT_FINISH,
    "失": Finish.DISQUALIFIED,
    "降": Finish.DEMOTED,
}
FINISH_WORDS = re.compile(r"(?:出走|競走)?(取|除|中|失|降)(?:消|外|止|格|着)?")
POSITION = re.compile(r"([0-9]{1,2})(?:\((降|再)(?:着|騎乗)?\))?")  # 再: mounted again
HORSE = re.compile(r"/horse/([0-9A-Za-z]{10})/?\Z")
PERSON = re.compile(r"/(?:jockey|trainer|owner)/(?:result/)?(?:recent/)?([0-9A-Za-z]{1,10})/?(?:\Z|\?)")
BASE = re.compile(r"\[([^\[\]]{1,8})\]")
BASES = {"美浦": "東", "栗東": "西", "地方": "地", "海外": "外"}
MARKS = "▲△☆◇★◆ "  # of apprentices, who carry less
MEETING = re.compile(r"([0-9]{1,2})回\s{0,3}(\S{1,20}?)\s{0,3}([0-9]{1,2})日目")
NOWHEN = 1970  # the year that the site prints where it knows none
A_FEW, MANY = 8, 50


# --- rows -------------------------------------------------------------------------------------------------


def _finish(cell: LexborNode) -> Values:
    word = plain(words_of(cell))
    if not word:
        return {}  # not run yet, or the race was abandoned
    if match := POSITION.fullmatch(word):
        finish = Finish.DEMOTED if match[2] == "降" else Finish.FINISHED
        return {"finish": finish, "finish_position": int(match[1])}
    if match := FINISH_WORDS.fullmatch(word):
        return {"finish": FINISHES[match[1]]}
    raise ParseError("finish", f"{word[:60]!a} is not known")


def _horse(cell: LexborNode) -> Values:
    for link, attributes in links_in(cell):
        path = (attributes["href"] or "").partition("?")[0]
        if match := HORSE.search(path[-60:]):
            name = words_of(link) or clean(attributes.get("title") or "")
            return {"horse_id": match[1], "horse_name": name, "horse_key": horse_key(name)}
    raise ParseError("horse_id", "no horse is linked")


def _sex_and_age(cell: LexborNode) -> Values:
    sex, age = sex_and_age(words_of(cell))
    return {"sex": sex, "age": age}


def _weight(cell: LexborNode) -> Values:
    weight, change = weight_and_change(words_of(cell))
    return {"horse_weight": weight, "horse_weight_change": change}


def _person(cell: LexborNode, field: str) -> Values:
    """A name as its link's title has it, for the link's text may be marked or cut; the id from its address."""
    for link, attributes in links_in(cell):
        name = clean(attributes.get("title") or "")[:60] or words_of(link).lstrip(MARKS)
        match = PERSON.search((attributes["href"] or "")[-80:])
        return {field: name or None, f"{field}_id": match[1] if match else None}
    return {field: BASE.sub("", words_of(cell)).strip(MARKS) or None}


def _trainer(cell: LexborNode) -> Values:
    match = BASE.match(words_of(cell))
    base = match[1] if match else words_of(cell.css_first("span[class^=Label]"))[:8]
    return _person(cell, "trainer") | {"trainer_base": BASES.get(base, base or None)}


def _one(field: str, read: Callable[[str], Any]) -> Callable[[LexborNode], Values]:
    return lambda cell: {field: read(words_of(cell))}


# How a column is headed (db, and race.netkeiba.com's cards and results), what it tells first, and its reader.
COLUMNS: tuple[tuple[tuple[str, ...], str, Callable[[LexborNode], Values]], ...] = (
    (("馬名",), "horse_id", _horse),
    (("着順",), "finish", _finish),
    (("枠番", "枠"), "bracket_number", _one("bracket_number", count_of)),
    (("馬番",), "horse_number", _one("horse_number", count_of)),
    (("性齢",), "sex", _sex_and_age),
    (("斤量", "負担重量"), "carried_weight", _one("carried_weight", number_of)),
    (("騎手",), "jockey", lambda cell: _person(cell, "jockey")),
    (("タイム",), "finish_time", _one("finish_time", seconds_of)),
    (("着差",), "margin", _one("margin", lambda text: text[:20] or None)),
    (("通過", "コーナー通過順"), "positions_at_bends", _one("positions_at_bends", positions_of)),
    (("上り", "後3F"), "last_3f", _one("last_3f", seconds_of)),
    (("単勝", "単勝オッズ", "オッズ"), "odds", _one("odds", number_of)),
    (("人気",), "favorite_rank", _one("favorite_rank", count_of)),
    (("馬体重",), "horse_weight", _weight),
    (("調教師", "厩舎"), "trainer", _trainer),
    (("馬主",), "owner", lambda cell: _person(cell, "owner")),
    (("賞金",), "prize", _one("prize", number_of)),
)
HEADS = (*(head for heads, _, _ in COLUMNS for head in heads), "調教タイム", "厩舎コメント", "備考", "印")
FIELD_HEADS = {field: heads[0] for heads, field, _ in COLUMNS} | {"horse_name": "馬名", "age": "性齢"}


Readers = Sequence[tuple[int, str, Callable[[LexborNode], Values]]]  # of a table: column, head, reader


def nothing_more(_: Row) -> Values:
    return {}


def _readers(table: Table) -> Readers:
    there = ((column_of(heads, table.columns), heads[0], read) for heads, _, read in COLUMNS)
    return [(column, head, read) for column, head, read in there if column is not None]


def read_entry(row: Row, readers: Readers, race_id: str, more: Callable[[Row], Values]) -> EntryItem:
    """One row, with what is told elsewhere than in columns.

    Raises:
        ParseError: a cell cannot be read; its field is the column's head.
    """
    values: Values = {"race_id": race_id}
    cells = row.cells
    for column, head, read in readers:
        if column < len(cells) and (cell := cells[column]) is not None:
            try:
                values |= read(cell)
            except ParseError as error:
                raise ParseError(head, error.reason) from error
    if "horse_id" not in values:
        raise ParseError("馬名", "the row is cut short")
    try:
        return checked(EntryItem, values | more(row))
    except ValidationError as error:
        field, reason = first_trouble(error)
        raise ParseError(FIELD_HEADS.get(field, field), reason) from error


def first_trouble(error: ValidationError) -> tuple[str, str]:
    """The field that an item refused first, and why."""
    first = error.errors(include_url=False)[0]
    return str(first["loc"][0]) if first["loc"] else "page", f"{str(first['input'])[:100]!a}: {first['msg']}"


def read_entries(
    tables: Iterable[Table], race_id: str, more: Callable[[Row], Values] = nothing_more
) -> tuple[list[EntryItem], list[ParseError]]:
    """All rows that can be read, each horse once, and what is wrong with the others.

    Raises:
        ParseError: there is no row, or none that can be read.
    """
    entries: dict[str, EntryItem] = {}
    flaws: list[ParseError] = []
    rows = ((row, readers) for table in tables for readers in [_readers(table)] for row in table.rows)
    for number, (row, readers) in enumerate(rows, 1):
        try:
            # A row above the heads is under none.
            entry = read_entry(row, readers if row.columns else (), race_id, more)
            if entry.horse_id in entries:
                raise ParseError("馬名", f"{entry.horse_id} runs twice")
            entries[entry.horse_id] = entry
        except ParseError as error:
            if len(flaws) < MANY:
                flaws.append(ParseError(f"row {number}, {error.field}", error.reason))
    if not entries:
        raise flaws[0] if flaws else ParseError("entries", "no horse is listed")
    return list(entries.values()), flaws


def find_table(tables: Iterable[LexborNode]) -> Table | None:
    """The first table that has a column of horses."""
    return next((table for node in tables if (table := Table(node, HEADS)).has("馬名")), None)


# --- the race ---------------------------------------------------------------------------------------------


class RaceReader:
    """Gathers what a page says of a race: what cannot be read is a flaw, and left out."""

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
            ParseError: something that a race cannot be without is missing or impossible.
        """
        try:
            return checked(RaceItem, self.values)
        except ValidationError as error:
            raise ParseError(*first_trouble(error)) from error


def meeting_of(words: str, race_id: str) -> Values:
    """1回中山1日目; abroad, where there are no meetings, both numbers are 0."""
    match = MEETING.search(words)
    place = match[2] if match else RACECOURSES.get(race_id[4:6])
    if place is None:
        raise ParseError("racecourse", f"{words[:60]!a} names no meeting")
    meeting_number, meeting_day = (int(match[1]), int(match[3])) if match else (0, 0)
    return {"racecourse": place, "meeting_number": meeting_number or None, "meeting_day": meeting_day or None}


def same_race(tree: LexborHTMLParser, race_id: str) -> None:
    """Raises ParseError where a page's own links say that it is another race's."""
    said = (_race_linked(link) for link in tree.css('a[id^="umalink_"], link[rel="canonical"]')[:MANY])
    if other := next((one for one in said if one and one != race_id), None):
        raise ParseError("race_id", f"the page is that of {other[:20]!a}")


def _race_linked(link: LexborNode) -> str | None:
    """The race that a link's mark or address names, if any."""
    if match := UMALINK.fullmatch(link.attributes.get("id") or ""):
        return match[1]
    try:
        return race_id_of(link.attributes.get("href") or "") if link.tag == "link" else None
    except ParseError:
        return None


def parse_race_result(url: str, text: str) -> Parsed:
    """A race that has been run, and its entries as they came in.

    Raises:
        NoSuchPage: the id is no race's.
        ParseError: it is another race's page, or lists no horse.
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
    entries, bad_rows = read_entries([table], race_id)
    absent = [field for heads, field, _ in COLUMNS if not table.has(*heads)]
    missing = dict.fromkeys(absent + _unsaid(race, entries))
    return Parsed((race, *entries), (), tuple(missing), (*flaws, *bad_rows))


def _described(tree: LexborHTMLParser, url: str) -> tuple[LexborNode, str]:
    """Where a race is described: its head, and the small print below."""
    head, small = tree.css_first("dl.racedata"), tree.css_first("p.smalltxt")
    if head is None or small is None:
        raise ParseError("race", "no race is described")
    about = small.text(deep=True)[:1000]
    day = day_in(about)
    if day is None or day.year == NOWHEN:
        if not words_of(head.css_first("h1")):
            raise NoSuchPage("race", f"there is none at {url[:200]}")
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
    """The race's number that is printed (11 R), or else the id's."""
    match = re.match(r"[0-9]{1,2}", words_of(node))
    return int(match[0] if match else race_id[-2:])


def _class(about: str) -> Values:
    """Who may run, and the marks after it, which hard spaces keep apart."""
    before, _, after = about.partition("\xa0")
    match = MEETING.search(before)
    race_class = clean(before[match.end() :] if match else "")[:60]
    return {"race_class": plain(race_class) or None, "conditions": clean(after)[:100] or None}


def _read_line(reader: RaceReader, line: str) -> None:
    """ダ右1200m / 天候 : 晴 / ダート : 良 / 発走 : 09:55; in front of a sledge and abroad, some of it is not there."""
    where, *said = (part.strip() for part in line.split("/"))
    ground = ground_of(where)
    reader.values |= asdict(ground)
    for part in said:
        key, _, value = (word.strip() for word in part.partition(":"))
        if key == "天候":
            reader.read("weather", lambda value=value: weather_of(value))
        elif key == "発走":
            reader.read("start_time", lambda value=value: hour_in(value))
        elif key in ("芝", "ダート", "障害"):
            lies = Surface.DIRT if key == "ダート" else ground.surface
            reader.read("going", lambda value=value, lies=lies: going_of(value.split()[0] if value else "", lies))


def _unsaid(race: RaceItem, entries: Sequence[EntryItem]) -> list[str]:
    """What every race of the JRA has and this page does not say: of the race, or of any horse that came in."""
    if not is_jra(race.race_id):
        return []
    said = ("meeting_number", "surface", "weather", "going", "start_time")
    unsaid = [field for field in said if getattr(race, field) is None]
    finished = [entry for entry in entries if entry.finish == Finish.FINISHED]
    fields = ("bracket_number", "horse_number", "sex", "carried_weight", "jockey_id", "finish_time", "trainer_id",
              "odds", "favorite_rank", "horse_weight") if finished else ()  # fmt: skip
    return unsaid + [field for field in fields if all(getattr(entry, field) is None for entry in finished)]
