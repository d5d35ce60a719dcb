"""Lists that go on from page to page: which rows a request asks for, and the models of what is answered. Pure."""

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from collector.errors import UsageError
from collector.exports.columns import Column, Table, Type
from collector.exports.selection import Selection
from collector.frontier.scope import read_scope
from collector.web.api.fields import limit
from collector.web.server.answers import Answer, means
from collector.web.server.problems import Code, Problem

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
ROWS_UNLESS_ASKED, MOST_ROWS = 100, 1_000
LONGEST = 600  # characters of a cursor
DAY = r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?"
PAGING: dict[str, Any] = {
    "since": Annotated[str, means("Only what is of that year or date, or later.", pattern=f"^{DAY}$")],
    "limit": limit(ROWS_UNLESS_ASKED, MOST_ROWS),
    "after": Annotated[str, means("As `next` has it.", pattern=f"^[A-Za-z0-9_-]{{1,{LONGEST}}}$")],
}


def _as_text(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.time) else value


KINDS: dict[Type, Any] = {
    Type.TEXT: str, Type.INTEGER: int, Type.NUMBER: float, Type.BOOLEAN: bool, Type.DATE: dt.date,
    Type.TIME: Annotated[str, BeforeValidator(_as_text)], Type.MOMENT: dt.datetime, Type.TEXTS: list[str],
    Type.INTEGERS: list[int], Type.NUMBERS: list[float], Type.DATES: list[dt.date],
}  # fmt: skip


def _field(column: Column, key: tuple[str, ...]) -> tuple[Any, Any]:
    words = f"{column.meaning} Unit: {column.unit}." if column.unit else column.meaning
    kind = KINDS[column.type]
    always = column.name in key or column.type.is_list
    return (kind if always else kind | None, Field(description=words))


@cache
def listed(table: Table) -> type[Answer]:
    """The model of a page of a table."""
    name = table.name.title()
    fields: dict[str, Any] = {column.name: _field(column, table.key) for column in table.columns}
    row = create_model(f"{name}Row", __base__=Answer, __doc__=table.meaning, **fields)
    page: dict[str, Any] = {
        "rows": (list[row], Field()),
        "next": (str | None, Field(description="Where the next page is; null: this is the last one.")),
    }
    return create_model(f"{name}Page", __base__=Answer, __doc__=f"A page of `{table.name}`.", **page)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is asked for."""

    selection: Selection
    limit: int
    since: str  # as it was typed

    def onward(self, row: Mapping[str, Any]) -> dict[str, str]:
        """The words of the address of the page after this row."""
        words = {"since": self.since, "limit": str(self.limit), "after": cursor_of(self.selection.table, row)}
        return {name: word for name, word in words.items() if word}


def read_page(table: Table, given: Mapping[str, str], most: int) -> Page:
    """The page of an address.

    Raises:
        Problem: a word of it cannot be understood.
    """
    since, after = given.get("since", "").strip(), given.get("after", "").strip()
    try:
        first_day = read_scope(since, None, None).since if since else None
    except UsageError as error:
        raise Problem(Code.NOT_UNDERSTOOD, "since is to be a year (2016) or a date (2016-05-23)") from error
    if not after:
        return Page(Selection(table, since=first_day), most, since)
    values = {f"after_{number}": value for number, value in enumerate(_read_cursor(table, after))}
    sql = ", ".join(column.sql for name in table.key if (column := table.column(name)))
    places = ", ".join(f"%({name})s" for name in values)
    return Page(Selection(table, (), first_day, (f"({sql}) > ({places})",), values), most, since)


def cursor_of(table: Table, row: Mapping[str, Any]) -> str:
    """A row's key, as an address holds it."""
    key = [row[name].isoformat() if isinstance(row[name], dt.date) else row[name] for name in table.key]
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")


def _read_cursor(table: Table, text: str) -> list[Any]:
    try:
        if len(text) > LONGEST or not text.isascii():
            raise ValueError
        key = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        if not isinstance(key, list) or len(key) != len(table.key):
            raise ValueError
        return [_read_value(table.column(name), value) for name, value in zip(table.key, key, strict=True)]
    except (ValueError, RecursionError) as error:
        raise Problem(Code.NOT_UNDERSTOOD, "after is to be as the last page's `next` has it") from error


def _read_value(column: Column | None, value: object) -> Any:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()  # a lone surrogate is a ValueError here
    if column is None or column.type is not Type.MOMENT:
        return value
    moment = dt.datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment
