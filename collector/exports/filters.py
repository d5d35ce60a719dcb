"""Filters that users write become conditions in SQL; what a filter gives is a parameter, never a part of it. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from collector.errors import UsageError
from collector.exports.columns import Column, Table
from collector.exports.selection import Selection

Filter = tuple[str, str, Any]  # a column, an operator, a value
OPERATORS = {"==": "=", "=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
MEMBERS = {"in": "= ANY", "not in": "<> ALL"}


def selected(table: Table, columns: Sequence[str] | None, filters: Sequence[Filter], since: date | None) -> Selection:
    """The columns and rows that are asked for.

    Raises:
        UsageError: there is no such column or operator, or a value does not fit it.
    """
    if isinstance(columns, str):
        raise UsageError(f"columns is a list of names: [{columns!r}].")
    shown = tuple(_column(table, name) for name in columns) if columns is not None else ()
    if columns is not None and not shown:
        raise UsageError("columns is empty; leave it out for all columns.")
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for number, one in enumerate(filters):
        if not (isinstance(one, tuple | list) and len(one) == 3):
            raise UsageError(f"A filter is (column, operator, value), and {one!r} is not one.")
        name, operator, value = one
        conditions.append(_condition(_column(table, name), operator, value, f"filter_{number}"))
        values[f"filter_{number}"] = list(value) if operator in MEMBERS else value
    return Selection(table, shown, since, tuple(conditions), values)


def _column(table: Table, name: str) -> Column:
    found = table.column(name)
    if found is None:
        raise UsageError(f"The table {table.name} has no column {name!r}; it has {', '.join(table.names)}.")
    return found


def _condition(column: Column, operator: str, value: Any, name: str) -> str:
    if column.type.is_list:
        raise UsageError(f"{column.name} is a {column.type}, which cannot be filtered here; filter what is read.")
    if operator in MEMBERS:
        if not isinstance(value, list | tuple | set | frozenset):
            raise UsageError(f"The operator {operator!r} needs a list of values, and {value!r} is not one.")
        return f"{column.sql} {MEMBERS[operator]} (%({name})s)"
    if operator not in OPERATORS:
        raise UsageError(f"{operator!r} is not an operator; there are {', '.join((*OPERATORS, *MEMBERS))}.")
    if value is None:
        if operator not in ("=", "==", "!="):
            raise UsageError("None is neither more nor less than anything; use (column, '==', None) or '!='.")
        return f"{column.sql} IS {'NOT ' if operator == '!=' else ''}NULL"
    return f"{column.sql} {OPERATORS[operator]} %({name})s"
