"""How a table that is taken out is described: its columns with type, unit and meaning, its key, its SQL. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString


class Type(StrEnum):
    """What a column holds, by the names that the README and the table `columns` use."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    MOMENT = "timestamp with time zone"
    TEXTS = "list of text"
    INTEGERS = "list of integer"
    NUMBERS = "list of number"
    DATES = "list of date"

    @property
    def is_list(self) -> bool:
        """Whether it holds several values, in their order."""
        return self in (Type.TEXTS, Type.INTEGERS, Type.NUMBERS, Type.DATES)


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: Type
    meaning: str
    sql: LiteralString  # its value, in terms of the table's `source`
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    `source` is all that follows FROM, and has one row for each row of the table. `since` is the condition of rows of a
    day (`%(since)s`) or later.
    """

    name: str
    meaning: str
    key: tuple[str, ...]  # names of columns; the rows are in their order
    columns: tuple[Column, ...]
    source: LiteralString
    since: LiteralString
    of_a_day: str  # what `since` means, in words

    def column(self, name: str) -> Column | None:
        """A column by its name; None: there is none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [column.name for column in self.columns]


def of(
    alias: LiteralString,
    *rows: tuple[LiteralString, Type, str] | tuple[LiteralString, Type, str, str],
) -> Iterable[Column]:
    """Columns that have the same names in a table of the database: name, type, meaning, unit."""
    for name, kind, meaning, *unit in rows:
        yield Column(name, kind, meaning, alias + "." + name, unit[0] if unit else None)


# Every row that a page has said carries these.
def provenance(alias: LiteralString) -> Iterable[Column]:
    """Where a row was read, and when."""
    return of(
        alias,
        ("source_url", Type.TEXT, "Address of the page that says so."),
        ("observed_at", Type.MOMENT, "When that page was fetched.", "UTC"),
    )
