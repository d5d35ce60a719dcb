"""Where a person sees a horse's withers and the point of its buttock: by these marks photos are brought to one scale."""

import sqlalchemy as sa
from alembic import op

revision: str = "0033"
down_revision: str | None = "0031"
POINTS = ("withers_x", "withers_y", "buttock_x", "buttock_y")


def upgrade() -> None:
    op.create_table(
        "photo_mark",
        sa.Column("digest", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in POINTS),
        sa.Column("marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_photo_mark"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name="fk_photo_mark_digest_blob", ondelete="CASCADE"),
        *(sa.CheckConstraint(f"{name} BETWEEN 0 AND 1", name=f"ck_photo_mark_{name}") for name in POINTS),
    )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM photo_mark)")):
        raise RuntimeError("Photos are marked: before this revision nothing could hold that.")
    op.drop_table("photo_mark")
