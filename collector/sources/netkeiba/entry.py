"""The entries of a race, from the rows of netkeiba's results and race cards.

A row needs only a name. A cell that cannot be read, or has an impossible value, is left out alone.
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
    NO_ID,
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
MARKS = "▲△☆◇★◆ "  # of apprentices, whose horses carry less weight
UNLINKED = "no horse is linked"
LAST_3F = 600  # m
HEAVIEST = {"carried_weight": 100, "horse_weight": 800}  # kg, in a race without sledges
FASTEST = 21  # m/s; the record, over 400 m, is 19.7
LONGEST_NAME = 60  # characters
MANY = 50


def _finish(cell: LexborNode) -> Values:
    word = plain(words_of(cell))
    if not word:
        return {}  # the race has not been run yet, or was abandoned
    if match := POSITION.fullmatch(word):
        finish = Finish.DEMOTED if match[2] == "降" else Finish.FINISHED
        return {"finish": finish, "finish_position": int(match[1])}
    if match := FINISH_WORDS.fullmatch(word):
        return {"finish": FINISHES[match[1]]}
    raise ParseError("finish", f"{word[:60]!a} is not known")


def _horse(cell: LexborNode) -> Values:
    """A horse's name and id. The id is None where it is zeros or missing."""
    linked = False
    for link, attributes in links_in(cell):
        path = (attributes["href"] or "").partition("?")[0]
        if match := HORSE.search(path[-60:]):
            name = words_of(link) or clean(attributes.get("title") or "")
            horse_id = None if NO_ID.fullmatch(match[1]) else match[1]
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
    """The name from the link's title, because its text may have marks or be cut; the id from its address."""
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


# The heads of a column (on db and race.netkeiba.com), the first field that it gives, and its reader.
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


Readers = Sequence[tuple[int, str, Callable[[LexborNode], Values]]]  # column, head, reader; for each column of a table


def nothing_more(_: Row) -> Values:
    return {}


def _readers(table: Table, race: RaceItem) -> Readers:
    """The readers of a table. `last_3f` has none over hurdles, where 上り is a mean time of 200 m, and under 600 m."""
    other = {"last_3f"} if race.surface == Surface.JUMP or race.distance < LAST_3F else set[str]()
    there = ((column_of(heads, table.columns), heads[0], read) for heads, field, read in COLUMNS if field not in other)
    return [(column, head, read) for column, head, read in there if column is not None]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """An entry, whether its horse has a link, and the cells that were left out."""

    entry: EntryItem
    linked: bool
    flaws: list[ParseError]


def read_entry(row: Row, readers: Readers, race: RaceItem, more: Callable[[Row], Values]) -> ReadRow:
    """One row; `more` gives the values that are not in columns.

    Raises:
        ParseError: the row does not name a horse.
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
    """Values that are impossible in this race: too fast for a horse, or too heavy for a race without sledges."""
    found: list[tuple[str, str]] = []
    if (seconds := values.get("finish_time")) and race.distance / seconds > FASTEST:
        found.append(("finish_time", f"{race.distance} m in {seconds} s"))
    if race.distance >= LAST_3F:
        heavy = ((field, values.get(field) or 0, most) for field, most in HEAVIEST.items())
        found += [(field, f"{weight} kg") for field, weight, most in heavy if weight > most]
    return found


class EntryReader:
    """Collects a race's entries. A flaw names its row and its column's head."""

    def __init__(self, race: RaceItem, more: Callable[[Row], Values]) -> None:
        self.race = race
        self.more = more
        self.entries: list[EntryItem] = []
        self.flaws: list[ParseError] = []
        self.numbers: dict[tuple[str | None, str], set[int | None]] = {}  # horse numbers, by id and name
        self.linked = False  # whether any horse has a link
        self.whole = True

    def read(self, number: int, row: Row, readers: Readers) -> None:
        """Read one row; note what cannot be read."""
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
        """Whether an earlier row has this id and name, and not another horse number."""
        numbers, number = self.numbers.setdefault((entry.horse_id, entry.horse_key), set()), entry.horse_number
        repeated = bool(numbers) and (number is None or None in numbers or number in numbers)
        numbers.add(number)
        return repeated

    def separate(self) -> None:
        """Remove an id that several horses share, and a horse number that several horses without an id share."""
        times = Counter(entry.horse_id for entry in self.entries)
        nameless = [entry for entry in self.entries if entry.horse_id is None or times[entry.horse_id] > 1]
        drawn = Counter(entry.horse_number for entry in nameless)
        for entry in nameless:
            entry.horse_id = None
            if drawn[entry.horse_number] > 1:
                entry.horse_number = None
        unique = {_runner(entry): entry for entry in reversed(self.entries)}
        self.whole &= len(unique) == len(self.entries)
        self.entries = list(reversed(unique.values()))

    def _note(self, number: int, flaw: ParseError) -> None:
        if len(self.flaws) < MANY:
            self.flaws.append(ParseError(f"row {number}, {FIELD_HEADS.get(flaw.field, flaw.field)}", flaw.reason))


def _runner(entry: EntryItem) -> str:
    """The key that is unique within the race, like `entry.runner` in the database."""
    return entry.horse_id or str(entry.horse_number or entry.horse_key)


def read_entries(tables: Iterable[Table], race: RaceItem, more: Callable[[Row], Values] = nothing_more) -> EntryReader:
    """All rows that name a horse, each once, and the flaws of the other rows and of cells.

    Raises:
        ParseError: the tables have no rows, no readable row, or no horse with a link.
    """
    reader = EntryReader(race, more)
    rows = ((row, readers) for table in tables for readers in [_readers(table, race)] for row in table.rows)
    for number, (row, readers) in enumerate(rows, 1):
        reader.read(number, row, readers if row.columns else ())  # a row above the heads has no columns
    if not reader.linked:
        raise reader.flaws[0] if reader.flaws else ParseError("entries", "no horse is listed")
    reader.separate()
    return reader


def find_table(tables: Iterable[LexborNode]) -> Table | None:
    """The first table that has a column of horses."""
    return next((table for node in tables if (table := Table(node, HEADS)).has("馬名")), None)
