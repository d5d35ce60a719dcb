"""Two machines that are called the same are told apart by a mark that each keeps at home: whoever comes second gets
another name."""

from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE training.machine ADD mark text")


def downgrade() -> None:
    op.execute("ALTER TABLE training.machine DROP mark")
