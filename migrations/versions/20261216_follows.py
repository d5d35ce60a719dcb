"""A match that the order of a walk gave says what it follows, so that it moves when a race's horses do.

Matches from before say nothing: the next matching finds them anew, each race's once.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"


def upgrade() -> None:
    op.add_column("photo_match", sa.Column("follows", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("photo_match", "follows")
