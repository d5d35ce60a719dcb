"""An imported page is a row of the log like a request, with the file it came from and the time that it states itself.

Afterwards such a row could not be told from a request, so going back refuses while there are any.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"


def upgrade() -> None:
    op.add_column("fetch_log", sa.Column("file", sa.String(), nullable=True))
    op.add_column("fetch_log", sa.Column("file_digest", sa.String(), nullable=True))
    op.add_column("fetch_log", sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_fetch_log_page_id", "fetch_log", ["page_id"], postgresql_where=sa.text("digest IS NOT NULL"))
    op.create_index("ix_page_about", "page", ["about"], postgresql_where=sa.text("about IS NOT NULL"))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM fetch_log WHERE outcome = 'imported')")):
        raise RuntimeError("Pages were imported: before this revision they would count as requests.")
    op.drop_index("ix_page_about", "page")
    op.drop_index("ix_fetch_log_page_id", "fetch_log")
    for name in ("captured_at", "file_digest", "file"):
        op.drop_column("fetch_log", name)
