"""A photo may state its horse and its race by their ids, and have an origin and rights of its own.

Afterwards nothing would say whose a person's own photos are, so going back refuses while there are any.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"

COLUMNS = ("stated_horse_id", "stated_race_id", "origin", "rights")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("photo", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM photo WHERE rights IS NOT NULL)")):
        raise RuntimeError("Photos have rights of their own: before this revision nothing would say so.")
    for name in COLUMNS:
        op.drop_column("photo", name)
