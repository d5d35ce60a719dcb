"""The job engine's own tables (Procrastinate 3.10), in a schema of their own.

The SQL is the installed package's: pyproject pins its minor version, a later one brings its own revision.
"""

import psycopg
from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    # Straight to the driver: the script holds many statements, and colons that are no parameters.
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute("CREATE SCHEMA procrastinate")
    connection.execute("SET LOCAL search_path TO procrastinate, public")
    connection.execute(SchemaManager.get_schema())
    connection.execute("SET LOCAL search_path TO public, procrastinate")


def downgrade() -> None:
    op.execute("DROP SCHEMA procrastinate CASCADE")  # waiting jobs only: the frontier itself is in `page`
