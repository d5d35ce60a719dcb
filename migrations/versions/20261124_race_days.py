"""The days of racing, as the calendars say."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    op.create_table(
        "race_day",
        sa.Column("race_date", sa.Date(), nullable=False),
        sa.Column("racecourses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_day")),
        sa.UniqueConstraint("race_date", name=op.f("uq_race_day_race_date")),
    )
    op.create_index("ix_race_day_source_url", "race_day", ["source_url"], unique=False)


def downgrade() -> None:
    op.drop_table("race_day")
