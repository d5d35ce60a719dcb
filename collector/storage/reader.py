"""Connections on which nothing can be written: what the pages read the collection through.

Every transaction is read-only, and where the role is there, the session is that of a role that may read our tables and
nothing else. Values always travel beside the statement, and that is what keeps a request's words from being one: a
session may leave its role again, so the role stops mistakes, and not a statement of somebody else's.
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
# Plans are made for the values at hand: a part of a name that is rare and one that is common want different ones.
OPTIONS = (
    "-c default_transaction_read_only=on -c statement_timeout=3000 -c plan_cache_mode=force_custom_plan -c jit=off "
    "-c max_parallel_workers_per_gather=0"  # starting workers takes longer than a search
)
PATIENCE = 3.0  # seconds until the database is taken for gone
CONNECTIONS = 4
# An advisory lock: granting twice at once, or while the search's views are renewed, is an error in Postgres.
UPKEEP_LOCK = 7_220_001
READ = (
    "photo_search", "horse_search", "photo", "photo_match", "issue", "blob", "thumbnail", "horse", "race", "entry",
    "aptitude", "page", "parse_failure", "fetch_log", "host", "drift",
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
    """See to it that the role is there and may read; None where this database does not let us."""
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
            logger.warning("no role of its own for reading; transactions are read-only all the same", extra=facts)
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
        # That a connection failed is told to whoever asked for it.
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
            TryLater: the database cannot be reached, did not answer in time, or does not let us.
        """
        try:
            try:
                return await self._rows(query, values)
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                await self._pool.check()  # after a restart all connections are old ones, not only this
            except psycopg.errors.InsufficientPrivilege:
                if self._role is None:
                    raise
                await make_role(self._conninfo)  # a backup was restored: its tables are new, and nobody may read them
            return await self._rows(query, values)
        except psycopg.errors.QueryCanceled as error:
            raise TryLater("the collection's database took too long") from error
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise TryLater("the collection's database cannot be reached") from error
        except psycopg.Error as error:
            if self._is_ours(error) or (trouble := trouble_of(error)) is None:
                raise
            raise TryLater(str(trouble)) from error

    def _is_ours(self, error: psycopg.Error) -> bool:
        """Nothing of ours is meant to write here, nor to read what our own role may not."""
        refused = isinstance(error, psycopg.errors.InsufficientPrivilege) and self._role is not None
        return refused or isinstance(error, psycopg.errors.ReadOnlySqlTransaction)

    async def _rows(self, query: LiteralString, values: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchall()  # pyright: ignore[reportReturnType]
