"""Licensed entries: whose word stands, what other sources say of the same, and horses whose ids are not believed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0030"
down_revision: str | None = "0029"

TABLES = ("race", "entry", "horse")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("licensed", sa.Boolean(), nullable=False, server_default=sa.false()))
    for table in ("race", "horse"):
        op.create_index(f"ix_{table}_licensed", table, ["licensed"], postgresql_where=sa.text("licensed"))
    op.add_column("entry", sa.Column("stated_horse_id", sa.String()))
    op.create_index("ix_entry_stated_horse_id", "entry", ["stated_horse_id"],
                    postgresql_where=sa.text("stated_horse_id IS NOT NULL"))  # fmt: skip
    op.create_table(
        "other_side",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("sort", "thing", "runner")),
        sa.Column("horse_id", sa.String()),
        sa.Column("said", JSONB(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_other_side"),
        sa.UniqueConstraint("sort", "thing", "runner", name="uq_other_side_sort_thing_runner"),
    )
    op.create_index("ix_other_side_horse_id", "other_side", ["horse_id"])
    op.create_table(
        "difference",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("sort", "thing", "runner", "field")),
        *(sa.Column(name, sa.String()) for name in ("licensed", "other")),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_difference"),
        sa.UniqueConstraint("sort", "thing", "runner", "field", name="uq_difference_sort_thing_runner_field"),
    )
    op.create_index("ix_difference_field", "difference", ["field"])
    op.create_table(
        "kept_apart",
        sa.Column("horse_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("field", "licensed", "other")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("licensed_url", "other_url")),
        sa.PrimaryKeyConstraint("horse_id", name="pk_kept_apart"),
    )


def downgrade() -> None:
    for table in ("kept_apart", "difference", "other_side"):
        op.drop_table(table)
    op.drop_column("entry", "stated_horse_id")
    for table in TABLES:
        op.drop_column(table, "licensed")
