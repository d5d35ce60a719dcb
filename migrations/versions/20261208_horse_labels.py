"""Labels of horses by definitions other than the poll, for the pages of the search. They can be computed again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0025"
down_revision: str | None = "0024"


def upgrade() -> None:
    op.create_table(
        "horse_label",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("horse_id", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("axis", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("variance", sa.Float()),
        sa.Column("reliability", sa.Float()),
        sa.Column("n", sa.Integer()),
        sa.Column("metres", sa.Float()),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_horse_label"),
        sa.UniqueConstraint("horse_id", "definition", "axis", name="uq_horse_label_horse_id_definition_axis"),
    )


def downgrade() -> None:
    op.drop_table("horse_label")
