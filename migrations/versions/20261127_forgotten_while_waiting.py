"""A slot that was waited for is not used for a page that was forgotten meanwhile, as before for its host."""

import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"

SIGNATURE = "renew_slot(text, bigint, timestamptz, float8, float8, float8"


def _function() -> str:
    """The function as the revision `open_requests` made it."""
    file = Path(__file__).with_name("20261125_open_requests.py")
    spec = importlib.util.spec_from_file_location("open_requests", file)
    assert spec is not None
    assert spec.loader is not None
    before = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(before)
    return next(function for function in before.FUNCTIONS if "FUNCTION renew_slot(" in function)


def _create(function: str) -> None:
    op.execute(sa.text(function.replace(":=", r"\:=")))


def upgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE})")
    looked_at = _function().replace("late float8, OUT", "late float8, page_id bigint, OUT", 1)
    forgotten = "IF gate.excluded_at IS NOT NULL"
    _create(
        looked_at.replace(
            forgotten, f"{forgotten} OR EXISTS (SELECT FROM page WHERE id = page_id AND state = 'excluded')", 1
        )
    )


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}, bigint)")
    _create(_function())
