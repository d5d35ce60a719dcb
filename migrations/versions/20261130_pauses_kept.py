"""Each pause is judged by the delay that was in force then: one that was made longer later makes no earlier one wrong.

Of pauses before this revision nobody knows what was in force; those that are as long as what is in force now were kept.
"""

import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"

KNOWN = "UPDATE host SET least_slack = smallest_gap - delay WHERE smallest_gap >= delay"


def _before() -> str:
    """The function as the revision `open_requests` made it."""
    file = Path(__file__).with_name("20261125_open_requests.py")
    spec = importlib.util.spec_from_file_location("open_requests", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return next(function for function in module.FUNCTIONS if "FUNCTION finish_slot(" in function)


def _replace(function: str) -> None:
    op.execute(sa.text(function.replace("CREATE", "CREATE OR REPLACE", 1).replace(":=", r"\:=")))


def upgrade() -> None:
    op.add_column("host", sa.Column("least_slack", sa.Float(), nullable=True))
    op.execute(KNOWN)
    smallest = "smallest_gap = LEAST(smallest_gap, gap),"
    # Until this request, the delay in force was the one that the last request left behind.
    _replace(_before().replace(smallest, f"{smallest} least_slack = LEAST(least_slack, gap - gate.delay),", 1))


def downgrade() -> None:
    _replace(_before())
    op.drop_column("host", "least_slack")
