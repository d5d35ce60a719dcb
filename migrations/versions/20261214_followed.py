"""The horses that a person follows: what is new of them stands in the feed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"


def upgrade() -> None:
    op.create_table(
        "followed",
        sa.Column("horse_id", sa.String(), nullable=False),
        sa.Column("followed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("horse_id", name="pk_followed"),
    )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM followed)")):
        raise RuntimeError("Horses are followed: before this revision nothing could hold that.")
    op.drop_table("followed")
