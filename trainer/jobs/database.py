"""The engine's connection to the database of the jobs, which reconnects when it was lost."""

import asyncio
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row


class Database:
    """One connection that all attempts of an engine share; each statement is a transaction."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._connection: psycopg.AsyncConnection[dict[str, Any]] | None = None
        self._turn = asyncio.Lock()

    async def execute(self, statement: LiteralString, facts: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a statement.

        Raises:
            psycopg.OperationalError: the database cannot be reached; the next statement reconnects. This statement may
                have been executed.
        """
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await psycopg.AsyncConnection[dict[str, Any]].connect(
                    self.conninfo, autocommit=True, row_factory=dict_row
                )
            cursor = await self._connection.execute(statement, facts)
            return await cursor.fetchall() if cursor.description else []

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
