"""Whose pages a collection holds: each source with its keepers' terms, and by whose permission it was asked."""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row

from collector.errors import ParseError
from collector.politeness.accepted import PERMISSIONS
from collector.sources.registry import source_of
from collector.sources.source import Terms

HELD: LiteralString = "SELECT source FROM photo UNION SELECT source FROM page WHERE digest IS NOT NULL ORDER BY source"


@dataclass(frozen=True, slots=True)
class Origin:
    """A source of what is held."""

    name: str
    title: str
    terms: Terms | None  # None: it is not installed
    permission: str | None  # who gave it, and when, as the person who accepted the terms stated it

    def __str__(self) -> str:
        permission = f" With a permission: {self.permission}." if self.permission else ""
        return f"{self.title}: {self.terms or 'it is not installed here, so its terms are not known'}.{permission}"

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        terms = self.terms and self.terms.as_json()
        return {"name": self.name, "title": self.title, "terms": terms, "permission": self.permission}


def origins(connection: psycopg.Connection[Any]) -> list[Origin]:
    """The sources of what is held, by name."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        names = [name for (name,) in cursor.execute(HELD).fetchall()]
    return [origin(connection, name) for name in names]


def origin(connection: psycopg.Connection[Any], name: str) -> Origin:
    """One of them."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        permission = dict(cursor.execute(PERMISSIONS).fetchall()).get(name)
    try:
        source = source_of(name)
    except ParseError:
        return Origin(name, name, None, permission)
    return Origin(name, source.title, source.terms, permission)
