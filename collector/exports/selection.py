"""Which rows and columns of a table are wanted, as SQL. Pure."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString, cast

from collector.exports.columns import Column, Table, Type


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows and columns of a table are wanted: conditions are SQL over the names of its columns."""

    table: Table
    columns: tuple[Column, ...] = ()  # none: all
    since: date | None = None
    conditions: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns that are wanted."""
        return self.columns or self.table.columns

    @property
    def parameters(self) -> dict[str, Any]:
        """What stands for the names in its SQL."""
        return self.values | {"since": self.since}

    def query(self, *, lists_as_json: bool = False) -> LiteralString:
        """The statement, in the order of the key, which is the same in every database."""
        order = ", ".join(map(self._ordered, self.table.key))
        return cast(LiteralString, f"{self._select(lists_as_json=lists_as_json)} ORDER BY {order}")

    def page(self, limit: int, *, lists_as_json: bool = False) -> LiteralString:
        """The statement for its first rows, in the order that this database's indexes have."""
        order = ", ".join(self.table.key)
        return cast(LiteralString, f"{self._select(lists_as_json=lists_as_json)} ORDER BY {order} LIMIT {limit}")

    def _select(self, *, lists_as_json: bool) -> LiteralString:
        conditions = self.conditions
        if self.since:
            conditions = (*conditions, self.table.since)
        names = ", ".join(
            f"to_json({column.sql})::text AS {column.name}"
            if lists_as_json and column.type.is_list
            else f"{column.sql} AS {column.name}"
            for column in self.shown
        )
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        # Names and conditions are constants of this code; what a user gives is a parameter.
        return cast(LiteralString, f"SELECT {names} FROM {self.table.source}{where}")

    def counting(self) -> LiteralString:
        """A statement that counts its rows."""
        return cast(LiteralString, f"SELECT count(*) FROM ({self.query()}) AS wanted")

    def _ordered(self, name: str) -> str:
        column = self.table.column(name)
        assert column is not None
        return f'{column.sql} COLLATE "C"' if column.type is Type.TEXT else column.sql
