"""Machines that are called the same are told apart by a mark that each keeps at home, whoever comes second getting
another name; and jobs by an id that no job of any other database has, so that none goes on from a namesake's folder."""

from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    op.execute("ALTER TABLE training.machine ADD mark text")
    op.execute("ALTER TABLE training.training_job ADD uid uuid NOT NULL DEFAULT gen_random_uuid()")


def downgrade() -> None:
    op.execute("ALTER TABLE training.machine DROP mark")
    op.execute("ALTER TABLE training.training_job DROP uid")
