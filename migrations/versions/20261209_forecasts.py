"""A register of forecasts. Rows are only ever added: the database refuses to change or to remove one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0026"
down_revision: str | None = "0025"

ONLY_ADDED = """
CREATE FUNCTION forecast_is_only_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A forecast is never changed or removed.';
END $$
"""
TEXTS = ("photo", "photo_digest", "horse_id", "race_id")
MORE_TEXTS = ("run", "run_digest", "label", "label_digest")


def upgrade() -> None:
    op.create_table(
        "forecast",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.String(), nullable=name == "race_id") for name in TEXTS),
        sa.Column("dated", sa.Date(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in MORE_TEXTS),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("value", "low", "high")),
        sa.Column("baselines", JSONB(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_forecast"),
        sa.UniqueConstraint("digest", name="uq_forecast_digest"),
    )
    op.create_index("ix_forecast_horse_id", "forecast", ["horse_id"])
    op.execute(ONLY_ADDED)
    op.execute(
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON forecast"
        " FOR EACH STATEMENT EXECUTE FUNCTION forecast_is_only_added()"
    )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM forecast)")):
        raise RuntimeError("There are forecasts: they are never removed.")
    op.drop_table("forecast")
    op.execute("DROP FUNCTION forecast_is_only_added()")
