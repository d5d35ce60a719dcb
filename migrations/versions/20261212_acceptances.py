"""Which terms of sources a person has accepted: without that, a real site is not asked."""

import sqlalchemy as sa
from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"


def upgrade() -> None:
    op.create_table(
        "acceptance",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("terms_digest", sa.String(), nullable=False),
        sa.Column("terms_date", sa.Date()),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("permission", sa.String()),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_acceptance"),
        sa.UniqueConstraint(
            "source", "terms_digest", "permission", name="uq_acceptance_source_terms_digest_permission",
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("acceptance")
