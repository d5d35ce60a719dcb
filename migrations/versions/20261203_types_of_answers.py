"""Each answer's own media type and charset: pages whose bytes are equal may come under different ones.

Of answers before this revision the type that came first with their bytes is known. Failures of pages that are read well
by now, or that are kept out, go.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"

# A page of rows may be read well and still have rows that are not.
STALE = """
DELETE FROM parse_failure USING page WHERE page.id = page_id AND (page.state = 'excluded'
    OR (page.state = 'fetched' AND page.role NOT IN ('result', 'card', 'calendar', 'horse')))
"""


def upgrade() -> None:
    op.add_column("page", sa.Column("media_type", sa.String(), nullable=True))
    op.add_column("fetch_log", sa.Column("media_type", sa.String(), nullable=True))
    op.execute(STALE)


def downgrade() -> None:
    op.drop_column("fetch_log", "media_type")
    op.drop_column("page", "media_type")
