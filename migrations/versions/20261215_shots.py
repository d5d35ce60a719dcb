"""What a camera's clock showed says which shot a photo is, however the clock is corrected; forgotten shots stay out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIT

revision: str = "0032"
down_revision: str | None = "0031"


def upgrade() -> None:
    op.add_column("photo", sa.Column("clock", sa.DateTime(timezone=False), nullable=True))
    op.create_table(
        "forgotten_shot",
        sa.Column("second", sa.String(), nullable=False),
        sa.Column("microsecond", sa.Integer(), nullable=False),
        sa.Column("phash", BIT(256), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("second", "microsecond", "phash", name="pk_forgotten_shot"),
    )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM forgotten_shot)")):
        raise RuntimeError("Photos were forgotten: before this revision nothing could keep copies of them out.")
    op.drop_table("forgotten_shot")
    op.drop_column("photo", "clock")
