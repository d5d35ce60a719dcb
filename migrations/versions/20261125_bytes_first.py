"""No page is fetched without bytes, and what the log names is in the archive: promises that the database keeps.

Pages that count as fetched and have no bytes (a "not modified" that answered a request without conditions) are due
again. Where the log names bytes that are gone, it names them no longer; when and what was asked stays.
"""

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"

HEAL = (
    """
    UPDATE page SET state = 'due', due_at = COALESCE(due_at, clock_timestamp()), etag = NULL, last_modified = NULL
    WHERE state = 'fetched' AND digest IS NULL
    """,
    """
    UPDATE fetch_log SET digest = NULL
    WHERE digest IS NOT NULL AND NOT EXISTS (SELECT FROM blob WHERE blob.digest = fetch_log.digest)
    """,
)


def upgrade() -> None:
    for statement in HEAL:
        op.execute(statement)
    op.create_check_constraint(op.f("ck_page_fetched_has_bytes"), "page", "state <> 'fetched' OR digest IS NOT NULL")
    op.create_index("ix_fetch_log_digest", "fetch_log", ["digest"], postgresql_where="digest IS NOT NULL")
    op.create_foreign_key(op.f("fk_fetch_log_digest_blob"), "fetch_log", "blob", ["digest"], ["digest"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_fetch_log_digest_blob"), "fetch_log")
    op.drop_index("ix_fetch_log_digest", "fetch_log")
    op.drop_constraint(op.f("ck_page_fetched_has_bytes"), "page")
