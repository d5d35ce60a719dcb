"""The README of columns that stands beside every export; nothing in it depends on the time of writing. Pure."""

from collections.abc import Sequence
from datetime import date

from collector.exports.columns import Column, Table

TITLE = "# Paddock export"  # the first line, by which an export is known
RIGHTS = (
    "Photos belong to the people who took them. They are held for private study: do not publish them and do not pass "
    "them on."
)
LICENSED = (
    "Rows whose `licensed` is true come from JRA-VAN, and so does what stands in `licensed` of the table difference, "
    "under a licence for the subscriber's own use: do not publish them and do not pass them on."
)
HOLDS = {
    "parquet": "One Parquet file for each table. The meaning and the unit of a column are in its metadata.",
    "csv": "One CSV file for each table: UTF-8, with a header. A value that is not known is an empty field; an empty "
    'text is `""`. A list is JSON.',
    "duckdb": "One DuckDB database. Tables and columns have comments, and the table `columns` has them all.",
    "sqlite": "One SQLite database. A list is JSON, a boolean is 0 or 1. The table `columns` has all columns.",
}


def readme(file_format: str, tables: Sequence[Table], sources: Sequence[str], since: date | None = None) -> str:
    """The README of an export with these tables; `sources`: a sentence for each source of what is held."""
    parts = [TITLE, HOLDS[file_format]]
    parts.append(
        "A value that a page does not print is NULL. Moments are in UTC; days and times of day are those of Japan. "
        'The rows of a table are in the order of its key. "As printed" means the page\'s own words.'
    )
    if since is not None:
        parts.append(f"Only what is of {since} or later is in it; each table says what that means.")
    parts.append(f"{RIGHTS} Where a photo has `rights` of its own, they say what may be done with it.")
    if any(table.column("licensed") for table in tables):
        parts.append(LICENSED)
    if sources:
        parts.append(
            "What the keepers of the sources allow, in our words:\n\n" + "\n".join(f"- {one}" for one in sources)
        )
    parts += [_section(table, since) for table in tables]
    return "\n\n".join(parts) + "\n"


def _section(table: Table, since: date | None) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    of_a_day = f" Only {table.of_a_day}." if since is not None else ""
    head = f"## {table.name}\n\n{table.meaning}{of_a_day} Key: {key}.\n\n| column | type | unit | meaning |\n"
    return head + "|---|---|---|---|\n" + "\n".join(map(_row, table.columns))


def _row(column: Column) -> str:
    return f"| `{column.name}` | {column.type} | {column.unit or ''} | {column.meaning} |"


def comment_of(column: Column) -> str:
    """What a database says of a column: its meaning, and its unit in brackets."""
    return f"{column.meaning} [{column.unit}]" if column.unit else column.meaning


# The table `columns` of a database: its own columns, and a row for each column of the others.
LISTED = ("table_name", "position", "column_name", "type", "unit", "key_position", "meaning")


def listed(tables: Sequence[Table]) -> list[tuple[str, int, str, str, str | None, int | None, str]]:
    """The rows of that table."""
    return [
        (
            table.name, position, column.name, str(column.type), column.unit,
            table.key.index(column.name) + 1 if column.name in table.key else None, column.meaning,
        )
        for table in tables
        for position, column in enumerate(table.columns, 1)
    ]  # fmt: skip
