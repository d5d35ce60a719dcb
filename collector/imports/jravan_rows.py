"""What a converter's database holds, as pages: those that are new or changed, one year, or one page, at a time.

The date on which a record was made, and the number of records, are a mark. A page whose mark is as it was is not read
again, unless its records were made at the time when it was read last: more may have come since.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from collector.codes import Aside
from collector.imports.captures import LARGEST, Capture, LeftOut
from collector.imports.jravan_open import Source
from collector.sources.jravan.race import is_card, is_deleted, race_id_of
from collector.sources.jravan.record import Row, horses_url, race_url, written
from collector.sources.jravan.shapes import ENTRY, HORSE, KEY, RACE
from collector.sources.jravan.values import Value, digits
from collector.storage.archive import digest_of

JSON = "application/json; charset=utf-8"
BY_KEY = "ORDER BY " + ", ".join(f"{{{name}}}" for name in KEY)
Rows = Iterator[tuple[Value, ...]]
SETTLED = timedelta(days=2)  # before an import, in any time zone: records made then were all there
PAGE_BYTES = 6_000  # of a page, about: how far it is is counted in bytes


class Held(NamedTuple):
    """What the archive holds of a page."""

    digest: bytes | None
    mark: str | None
    read_on: date | None
    forgotten: bool


@dataclass(slots=True)
class Records:
    """The pages of a converter's database, in the place of files."""

    source: Source
    held: Mapping[str, Held]  # by address
    began: datetime
    total: int = 0  # bytes
    done: int = 0
    unchanged: int = 0
    elsewhere: int = 0  # races at racecourses that are not the JRA's
    orphans: int = 0  # entries of races that are not there
    deleted: list[str] = field(default_factory=list)  # races that are held, and that JRA-VAN has taken back
    _text: dict[tuple[str, str], bool] = field(default_factory=dict)  # whether a table has this number as text

    def measure(self) -> int:
        """How much there is, about."""
        shape = self.source.shape
        (races,) = next(self._rows(f"SELECT count(*) FROM {self._table(shape.race)}"))
        horses = 0
        if shape.horse.lower() in self.source.known:
            (horses,) = next(self._rows(f"SELECT count(*) FROM {self._table(shape.horse)}"))
        self.total = (int(races or 0) + int(horses or 0) // 50) * PAGE_BYTES
        return self.total

    def captures(self) -> Iterator[Capture | LeftOut]:
        """The pages that are new or changed; horses before the races in which they ran."""
        self.done = 0
        if self.source.shape.horse.lower() in self.source.known:
            yield from self._horses()
        race = self.source.shape.race
        found = self._rows(f"SELECT DISTINCT {self._column(race, 'Year')} FROM {self._table(race)}")
        years = {digits(year, 4) for (year,) in found}
        for year in sorted(years):
            if year.isdecimal():
                yield from self._races(year)

    def _races(self, year: str) -> Iterator[Capture | LeftOut]:
        shape = self.source.shape
        where = f"WHERE {self._column(shape.race, 'Year')} = {self._literal(shape.race, year)} {BY_KEY}"
        heads = dict[str, Row]()
        for values in self._rows(self.source.select(shape.race, RACE, where)):
            head = dict(zip(RACE, values, strict=True))
            race_id = race_id_of(head)
            if is_deleted(head):
                self.deleted += [race_id] if race_id and self._is_held(race_id) else []
            elif race_id:
                heads[race_id] = head
            else:
                self.elsewhere += 1
                self.done += PAGE_BYTES
        marks = self._marks_of(year, heads)
        urls = {race_id: race_url(race_id, card=is_card(head)) for race_id, head in heads.items()}
        due = {race_id for race_id in heads if self._is_due(urls[race_id], marks[race_id])}
        for race_id in heads.keys() - due:
            yield from self._left(urls[race_id], race_id)
        if not due:
            return
        where = f"WHERE {self._column(shape.entry, 'Year')} = {self._literal(shape.entry, year)} {BY_KEY}"
        rows = self._rows(self.source.select(shape.entry, ENTRY, where))
        for (race_id, day), group in groupby(rows, lambda row: _race_and_day(dict(zip(ENTRY, row, strict=True)))):
            if race_id in due and day == _day(heads[race_id]):
                due.discard(race_id)
                yield from self._page(urls[race_id], race_id, marks[race_id], ENTRY, group, heads[race_id])
            elif race_id is not None and race_id not in heads:
                self.orphans += sum(1 for _ in group)
        for race_id in sorted(due):  # no horse has been entered
            yield from self._page(urls[race_id], race_id, marks[race_id], ENTRY, iter(()), heads[race_id])

    def _is_held(self, race_id: str) -> bool:
        pages = (self.held.get(race_url(race_id, card=card)) for card in (True, False))
        return any(page and page.digest for page in pages)

    def _marks_of(self, year: str, heads: Mapping[str, Row]) -> dict[str, str]:
        shape = self.source.shape
        keys = ", ".join(self._column(shape.entry, name) for name in KEY)
        made = self._column(shape.entry, "MakeDate")
        year_column, year_literal = self._column(shape.entry, "Year"), self._literal(shape.entry, year)
        query = (
            f"SELECT {keys}, max({made}), count(*) FROM {self._table(shape.entry)}"
            f" WHERE {year_column} = {year_literal} GROUP BY {keys}"
        )
        marks = {race_id: f"{_made(head)}-0-0" for race_id, head in heads.items()}
        for *key, latest, count in self._rows(query):
            race_id, day = _race_and_day(dict(zip(KEY, key, strict=True)))
            if race_id is not None and race_id in heads and day == _day(heads[race_id]):
                marks[race_id] = f"{max(_made(heads[race_id]), digits(latest, 8))}-{_made(heads[race_id])}-{count}"
        return marks

    def _horses(self) -> Iterator[Capture | LeftOut]:
        shape = self.source.shape
        number, made = self._column(shape.horse, "KettoNum"), self._column(shape.horse, "MakeDate")
        group = f"substr(CAST({number} AS varchar(20)), 1, 8)"
        query = f"SELECT {group}, max({made}), count(*) FROM {self._table(shape.horse)} GROUP BY 1 ORDER BY 1"
        for name, latest, count in list(self._rows(query)):
            text, mark = digits(name, 8), f"{digits(latest, 8)}-0-{count}"
            if not (text.isdecimal() and len(text) == 8):
                continue
            if not self._is_due(horses_url(text), mark):
                yield from self._left(horses_url(text), text)
                continue
            where = f"WHERE {number} >= {self._literal(shape.horse, text + '00', 'KettoNum')} AND " \
                    f"{number} <= {self._literal(shape.horse, text + '99', 'KettoNum')} ORDER BY 3"  # fmt: skip
            yield from self._page(horses_url(text), text, mark, HORSE,
                                  self._rows(self.source.select(shape.horse, HORSE, where)), None)  # fmt: skip

    def _page(
        self, url: str, name: str, mark: str, fields: tuple[str, ...], rows: Rows, head: Row | None
    ) -> Iterator[Capture | LeftOut]:
        self.done += PAGE_BYTES
        body = written(self.source.shape.name, fields, sorted(rows, key=repr), head)
        file = f"{self.source.database.name}/{name}"
        if len(body) > LARGEST:
            yield LeftOut(file, Aside.TOO_LARGE)
            return
        digest, held = digest_of(body), self.held.get(url)
        if held and held.digest == bytes.fromhex(digest):  # the mark is made of what it says
            self.unchanged += 1
            return
        yield Capture(file, body, digest, digest, url, self.began, JSON, {"ETag": f'"{mark}"'})

    def _is_due(self, url: str, mark: str) -> bool:
        held = self.held.get(url)
        if held is None or held.mark != mark or held.read_on is None:
            return not (held and held.forgotten)
        made = mark[:8]
        return not held.forgotten and made >= f"{held.read_on - SETTLED:%Y%m%d}"

    def _left(self, url: str, name: str) -> Iterator[LeftOut]:
        self.done += PAGE_BYTES
        if (held := self.held.get(url)) and held.forgotten:
            yield LeftOut(f"{self.source.database.name}/{name}", Aside.KEPT_OUT, "forgotten")
        else:
            self.unchanged += 1

    def _rows(self, query: str) -> Iterator[tuple[Value, ...]]:
        return self.source.database.rows(query)

    def _table(self, table: str) -> str:
        return self.source.known[table.lower()][""]

    def _column(self, table: str, name: str) -> str:
        return self.source.column(table, name)

    def _literal(self, table: str, text: str, name: str = "Year") -> str:
        """A number as the table has it: as text, or as a number. The text has nothing but digits."""
        if (table, name) not in self._text:
            sample = f"SELECT {self._column(table, name)} FROM {self._table(table)} LIMIT 1"
            self._text[table, name] = isinstance(next(self._rows(sample), ("",))[0], str)
        return f"'{text}'" if self._text[table, name] else str(int(text))


def _made(head: Row) -> str:
    return digits(head.get("MakeDate"), 8)


def _day(row: Row) -> str:
    return digits(row.get("MonthDay"), 4)


def _race_and_day(row: Row) -> tuple[str | None, str]:
    """A race that is put off has its id on two days: that of the later one counts."""
    return race_id_of(row), _day(row)
