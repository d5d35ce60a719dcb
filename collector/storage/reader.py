"""Read-only connections, for the web pages.

Every transaction is read-only. If the role exists, the session uses it; it may only read our tables. The role prevents
mistakes, not attacks, because a session may leave its role. Against SQL injection, values are always sent separately
from the statement.
"""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from collector.console.trouble import reason_of, trouble_of
from collector.errors import TryLater

ROLE = "paddock_reader"
# Plans are made for each value: a rare part of a name needs another plan than a common one.
OPTIONS = (
    "-c default_transaction_read_only=on -c statement_timeout=3000 -c plan_cache_mode=force_custom_plan -c jit=off "
    "-c max_parallel_workers_per_gather=0"  # starting workers takes longer than a search
)
PATIENCE = 3.0  # seconds until the database counts as gone
CONNECTIONS = 4
# An advisory lock: in Postgres, two grants at once, or a grant while the search's views are renewed, are an error.
UPKEEP_LOCK = 7_220_001
READ = (
    "photo_search", "horse_search", "photo", "photo_match", "issue", "blob", "thumbnail", "horse", "race", "entry",
    "aptitude", "horse_label", "forecast", "followed", "photo_mark", "photo_note", "photo_vector", "collection",
    "collected", "page", "parse_failure", "fetch_log", "host", "drift", "dictionary", "difference", "kept_apart",
    "acceptance",
)  # fmt: skip
MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN CREATE ROLE {ROLE} NOLOGIN; END IF;
    IF NOT pg_has_role(CURRENT_USER, '{ROLE}', 'SET') THEN GRANT {ROLE} TO CURRENT_USER; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another server was quicker
END $$
"""
MAY_READ = """
SELECT bool_and(has_table_privilege(%(role)s, name, 'SELECT')) AND has_schema_privilege(%(role)s, 'public', 'USAGE')
FROM unnest(%(tables)s::text[]) AS name
"""
GRANTS = f"GRANT USAGE ON SCHEMA public TO {ROLE}; GRANT SELECT ON {', '.join(READ)} TO {ROLE}"

logger = logging.getLogger(__name__)


async def make_role(conninfo: str) -> str | None:
    """Make sure that the role exists and may read; None where the database does not allow it."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (UPKEEP_LOCK,))
                await connection.execute(MAKE_ROLE)
                granted = await connection.execute(MAY_READ, {"role": ROLE, "tables": list(READ)})
                if await granted.fetchone() != (True,):
                    await connection.execute(GRANTS)
        except psycopg.errors.InsufficientPrivilege as error:
            facts = {"role": ROLE, "reason": reason_of(error)}
            logger.warning("the role for reading cannot be made; transactions are read-only anyway", extra=facts)
            return None
    return ROLE


class Reader:
    """A pool of connections that only read."""

    def __init__(self, conninfo: str, role: str | None = None, connections: int = CONNECTIONS) -> None:
        self._conninfo, self._role = conninfo, role
        given = conninfo_to_dict(conninfo)
        options = f"{given.get('options') or ''} {OPTIONS} {f'-c role={role}' if role else ''}".strip()
        self._pool = AsyncConnectionPool(
            make_conninfo(conninfo, options=options, connect_timeout=str(round(PATIENCE))),
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=0,
            max_size=connections,
            timeout=PATIENCE,
            open=False,
        )

    async def __aenter__(self) -> Self:
        # The caller gets the error of a failed connection, so the pool need not log it.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    async def rows(self, query: LiteralString, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a query.

        Raises:
            TryLater: the database cannot be reached, did not answer in time, or refuses.
        """
        try:
            try:
                return await self._rows(query, values)
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                await self._pool.check()  # after a restart, all connections of the pool are broken
            except psycopg.errors.InsufficientPrivilege:
                if self._role is None:
                    raise
                await make_role(self._conninfo)  # a restored backup has new tables, without grants
            return await self._rows(query, values)
        except psycopg.errors.QueryCanceled as error:
            raise TryLater("the collection's database took too long") from error
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise TryLater("the collection's database cannot be reached") from error
        except psycopg.Error as error:
            if self._is_bug(error) or (trouble := trouble_of(error)) is None:
                raise
            raise TryLater(str(trouble)) from error

    def _is_bug(self, error: psycopg.Error) -> bool:
        """Whether the error is a bug: a statement that writes, or reads what our role may not."""
        refused = isinstance(error, psycopg.errors.InsufficientPrivilege) and self._role is not None
        return refused or isinstance(error, psycopg.errors.ReadOnlySqlTransaction)

    async def _rows(self, query: LiteralString, values: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchall()  # pyright: ignore[reportReturnType]
