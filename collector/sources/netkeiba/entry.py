"""The horses of a race, as the rows of netkeiba's results and race cards tell them.

Only a name is required of a row: a cell that cannot be read, or says what cannot be, costs that cell.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborNode

from collector.errors import ParseError
from collector.sources.netkeiba.tables import Row, Table, column_of, links_in
from collector.sources.netkeiba.words import (
    NOBODY,
    count_of,
    number_of,
    plain,
    positions_of,
    seconds_of,
    sex_and_age,
    weight_and_change,
    words_of,
)
from collector.sources.parsed import as_far_as_possible
from collector.sources.text_tools.text import clean, horse_key
from collector.storage.items import EntryItem, RaceItem
from collector.storage.racing import Finish, Surface

Values = dict[str, Any]

FINISHES = {
    "取": Finish.SCRATCHED,
    "除": Finish.EXCLUDED,
    "中": Finish.DID_NOT_FINISH,
    "失": Finish.DISQUALIFIED,
    "降": Finish.DEMOTED,
}
FINISH_WORDS = re.compile(r"(?:出走|競走|発走)?(取|除|中|失|降)(?:消|外|止|格|着)?")
POSITION = re.compile(r"([0-9]{1,2})(?:\((降|再)(?:着|騎乗)?\))?")  # 再: mounted again
HORSE = re.compile(r"/horse/([0-9A-Za-z]{10})/?\Z")
PERSON = re.compile(r"/(?:jockey|trainer|owner)/(?:result/)?(?:recent/)?([0-9A-Za-z]{1,10})/?(?:\Z|\?)")
BASE = re.compile(r"\[([^\[\]]{1,8})\]")
BASES = {"美浦": "東", "栗東": "西", "地方": "地", "海外": "外"}
MARKS = "▲△☆◇★◆ "  # of apprentices, who carry less
UNLINKED = "no horse is linked"
LAST_3F = 600  # m
HEAVIEST = {"carried_weight": 100, "horse_weight": 800}  # kg, where no sledge is drawn
FASTEST = 21  # m/s; the record, over 400 m, is 19.7
LONGEST_NAME = 60  # characters
MANY = 50


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
    """A horse's name, and its id where that is a horse's own: zeros, or nothing, stand for those that have none."""
    linked = False
    for link, attributes in links_in(cell):
        path = (attributes["href"] or "").partition("?")[0]
        if match := HORSE.search(path[-60:]):
            name = words_of(link) or clean(attributes.get("title") or "")
            horse_id = None if NOBODY.fullmatch(match[1]) else match[1]
            return {"horse_id": horse_id, "horse_name": name, "horse_key": horse_key(name), "linked": True}
        linked = linked or "/horse/" in path
    if name := words_of(cell)[:LONGEST_NAME]:
        return {"horse_id": None, "horse_name": name, "horse_key": horse_key(name), "linked": linked}
    raise ParseError("horse_id", UNLINKED)


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
FIELD_HEADS = {field: heads[0] for heads, field, _ in COLUMNS} | {
    "horse_name": "馬名", "horse_key": "馬名", "age": "性齢", "finish_position": "着順",
    "horse_weight_change": "馬体重",
}  # fmt: skip


Readers = Sequence[tuple[int, str, Callable[[LexborNode], Values]]]  # of a table: column, head, reader


def nothing_more(_: Row) -> Values:
    return {}


def _readers(table: Table, race: RaceItem) -> Readers:
    """What reads a table's rows. Over hurdles, 上り is a mean time of 200 m; before a sledge nobody runs 600 m."""
    other = {"last_3f"} if race.surface == Surface.JUMP or race.distance < LAST_3F else set[str]()
    there = ((column_of(heads, table.columns), heads[0], read) for heads, field, read in COLUMNS if field not in other)
    return [(column, head, read) for column, head, read in there if column is not None]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """An entry, whether anything is linked for its horse, and the cells that were left out."""

    entry: EntryItem
    linked: bool
    flaws: list[ParseError]


def read_entry(row: Row, readers: Readers, race: RaceItem, more: Callable[[Row], Values]) -> ReadRow:
    """One row, with what is told elsewhere than in columns.

    Raises:
        ParseError: it names no horse.
    """
    values: Values = {"race_id": race.race_id}
    cells, flaws = row.cells, list[ParseError]()
    for column, head, read in readers:
        if column < len(cells) and (cell := cells[column]) is not None:
            try:
                values |= read(cell)
            except ParseError as error:
                flaws.append(ParseError(head, error.reason))
    if "horse_name" not in values:
        raise flaws[0] if flaws else ParseError("馬名", "the row is cut short")
    linked = values.pop("linked")
    if not linked:
        flaws.append(ParseError("馬名", UNLINKED))
    for field, reason in _impossible_in(race, values):
        flaws.append(ParseError(field, reason))
        del values[field]
    entry, impossible = as_far_as_possible(EntryItem, values | more(row))
    return ReadRow(entry, linked, [*flaws, *impossible])


def _impossible_in(race: RaceItem, values: Values) -> list[tuple[str, str]]:
    """What may be in some race, and not in this one: faster than horses run, heavier than where a sledge is drawn."""
    found: list[tuple[str, str]] = []
    if (seconds := values.get("finish_time")) and race.distance / seconds > FASTEST:
        found.append(("finish_time", f"{race.distance} m in {seconds} s"))
    if race.distance >= LAST_3F:
        heavy = ((field, values.get(field) or 0, most) for field, most in HEAVIEST.items())
        found += [(field, f"{weight} kg") for field, weight, most in heavy if weight > most]
    return found


class EntryReader:
    """Gathers a race's entries: a flaw is told by its row and its column's head."""

    def __init__(self, race: RaceItem, more: Callable[[Row], Values]) -> None:
        self.race = race
        self.more = more
        self.entries: list[EntryItem] = []
        self.flaws: list[ParseError] = []
        self.numbers: dict[tuple[str | None, str], set[int | None]] = {}  # of an id and a name
        self.linked = False  # any of them
        self.whole = True

    def read(self, number: int, row: Row, readers: Readers) -> None:
        """Read one row, as far as that can be done."""
        try:
            read = read_entry(row, readers, self.race, self.more)
        except ParseError as error:
            self.whole = False
            self._note(number, error)
            return
        if self._is_repeated(read.entry):
            self._note(number, ParseError("馬名", f"{read.entry.horse_id or read.entry.horse_key} runs twice"))
            return
        self.entries.append(read.entry)
        self.linked |= read.linked
        for flaw in read.flaws:
            self._note(number, flaw)

    def _is_repeated(self, entry: EntryItem) -> bool:
        """Whether an earlier row is this one; not so where the same id and name were drawn under another number."""
        numbers, number = self.numbers.setdefault((entry.horse_id, entry.horse_key), set()), entry.horse_number
        repeated = bool(numbers) and (number is None or None in numbers or number in numbers)
        numbers.add(number)
        return repeated

    def tell_apart(self) -> None:
        """An id that several horses of a race share is none's, nor is a number that several without an id share."""
        times = Counter(entry.horse_id for entry in self.entries)
        nameless = [entry for entry in self.entries if entry.horse_id is None or times[entry.horse_id] > 1]
        drawn = Counter(entry.horse_number for entry in nameless)
        for entry in nameless:
            entry.horse_id = None
            if drawn[entry.horse_number] > 1:
                entry.horse_number = None
        apart = {_runner(entry): entry for entry in reversed(self.entries)}
        self.whole &= len(apart) == len(self.entries)
        self.entries = list(reversed(apart.values()))

    def _note(self, number: int, flaw: ParseError) -> None:
        if len(self.flaws) < MANY:
            self.flaws.append(ParseError(f"row {number}, {FIELD_HEADS.get(flaw.field, flaw.field)}", flaw.reason))


def _runner(entry: EntryItem) -> str:
    """What tells it from the others of its race, as `entry.runner` does in the database."""
    return entry.horse_id or str(entry.horse_number or entry.horse_key)


def read_entries(tables: Iterable[Table], race: RaceItem, more: Callable[[Row], Values] = nothing_more) -> EntryReader:
    """All rows that name a horse, each once, and what is wrong with the others and with cells.

    Raises:
        ParseError: there is no row, none that can be read, or none that is linked.
    """
    reader = EntryReader(race, more)
    rows = ((row, readers) for table in tables for readers in [_readers(table, race)] for row in table.rows)
    for number, (row, readers) in enumerate(rows, 1):
        reader.read(number, row, readers if row.columns else ())  # a row above the heads is under none
    if not reader.linked:
        raise reader.flaws[0] if reader.flaws else ParseError("entries", "no horse is listed")
    reader.tell_apart()
    return reader


def find_table(tables: Iterable[LexborNode]) -> Table | None:
    """The first table that has a column of horses."""
    return next((table for node in tables if (table := Table(node, HEADS)).has("馬名")), None)
