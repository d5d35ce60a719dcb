"""Dictionaries of zstd: what pages of one kind have in common."""

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"

PACKED = "SELECT count(*) FROM blob WHERE encoding LIKE 'zstd%'"


def upgrade() -> None:
    op.create_table(
        "dictionary",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionary")),
        sa.UniqueConstraint("source", "kind", name=op.f("uq_dictionary_source_kind")),
    )


def downgrade() -> None:
    packed = op.get_bind().scalar(sa.text(PACKED))
    if packed:
        raise RuntimeError(f"{packed} pages are compressed with zstd, which an earlier version cannot read.")
    op.drop_table("dictionary")
