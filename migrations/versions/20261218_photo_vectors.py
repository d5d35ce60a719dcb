"""Where a model's features place each photo, so that the photo search can show which look alike."""

import sqlalchemy as sa
from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"


def upgrade() -> None:
    op.create_table(
        "photo_vector",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_photo_vector"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name="fk_photo_vector_digest_blob", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("photo_vector")
