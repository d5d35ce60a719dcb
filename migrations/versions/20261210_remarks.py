"""What a photo's remark says: claims on distance and tags of the build.

Remarks that are held already are read by `collector reparse`; until then nothing is said of them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0027"
down_revision: str | None = "0026"


def upgrade() -> None:
    op.add_column("photo", sa.Column("distance_said", sa.String(), nullable=True))
    for name in ("claims", "build_tags"):
        op.add_column("photo", sa.Column(name, JSONB(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    # All of it is read again from the remarks.
    for name in ("build_tags", "claims", "distance_said"):
        op.drop_column("photo", name)
