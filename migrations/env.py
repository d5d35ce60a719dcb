"""Runs the migrations on the connection that `collector.storage.database` hands over, one transaction for all."""

from alembic import context
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import collector.storage.models  # noqa: F401  (fills the metadata)

MIGRATION_LOCK = 7_306_652_131_000_001  # any constant: two upgrades at once wait for each other


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """The job engine looks after its own tables; they are on the search path, so they are seen here too."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=SQLModel.metadata, include_name=is_ours)
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = '30s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


run()
