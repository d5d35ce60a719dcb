"""What a person keeps of photos: two marks by which they are brought to one scale, stars and notes, and collections."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
TABLES = ("collected", "collection", "photo_note", "photo_mark")
POINTS = ("withers_x", "withers_y", "buttock_x", "buttock_y")


def _now(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "photo_mark",
        sa.Column("digest", sa.String(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in POINTS),
        _now("marked_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_photo_mark"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name="fk_photo_mark_digest_blob", ondelete="CASCADE"),
        *(sa.CheckConstraint(f"{name} BETWEEN 0 AND 1", name=f"ck_photo_mark_{name}") for name in POINTS),
    )
    op.create_table(
        "photo_note",
        sa.Column("photo_id", sa.String(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        _now("noted_at"),
        sa.PrimaryKeyConstraint("photo_id", name="pk_photo_note"),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name="ck_photo_note_stars"),
        sa.CheckConstraint("stars IS NOT NULL OR note IS NOT NULL", name="ck_photo_note_said"),
    )
    op.create_table(
        "collection",
        sa.Column("name", sa.String(), nullable=False),
        _now("made_at"),
        sa.PrimaryKeyConstraint("name", name="pk_collection"),
    )
    op.create_table(
        "collected",
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("photo_id", sa.String(), nullable=False),
        _now("added_at"),
        sa.PrimaryKeyConstraint("collection", "photo_id", name="pk_collected"),
        sa.ForeignKeyConstraint(
            ["collection"],
            ["collection.name"],
            name="fk_collected_collection_collection",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    for table in TABLES:
        if op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT FROM {table})")):
            raise RuntimeError(f"The table {table} holds what a person keeps: before this revision nothing could.")
    for table in TABLES:
        op.drop_table(table)
