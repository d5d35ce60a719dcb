"""Races, entries, horses, aptitudes, which photo shows which horse, and the schedule."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "aptitude",
        sa.Column("horse_id", sa.String(), nullable=False),
        sa.Column("axis", sa.String(), nullable=False),
        sa.Column("left_px", sa.Integer(), nullable=False),
        sa.Column("right_px", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("reviews", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aptitude")),
        sa.UniqueConstraint("horse_id", "axis", "observed_at", name=op.f("uq_aptitude_horse_id_axis_observed_at")),
    )
    op.create_table(
        "horse",
        sa.Column("horse_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("horse_key", sa.String(), nullable=False),
        sa.Column("born", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(), nullable=True),
        sa.Column("coat", sa.String(), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=True),
        sa.Column("sire", sa.String(), nullable=True),
        sa.Column("dam", sa.String(), nullable=True),
        sa.Column("damsire", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_horse")),
        sa.UniqueConstraint("horse_id", name=op.f("uq_horse_horse_id")),
    )
    op.create_index("ix_horse_horse_key", "horse", ["horse_key"], unique=False)
    op.create_table(
        "photo_match",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("issue_code", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("horse_id", sa.String(), nullable=True),
        sa.Column("race_id", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("candidates", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo_match")),
        sa.UniqueConstraint("source", "issue_code", "number", name=op.f("uq_photo_match_source_issue_code_number")),
    )
    op.create_index("ix_photo_match_horse_id", "photo_match", ["horse_id"], unique=False)
    op.create_table(
        "race",
        sa.Column("race_id", sa.String(), nullable=False),
        sa.Column("race_date", sa.Date(), nullable=False),
        sa.Column("racecourse", sa.String(), nullable=False),
        sa.Column("meeting_number", sa.Integer(), nullable=True),
        sa.Column("meeting_day", sa.Integer(), nullable=True),
        sa.Column("race_number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=True),
        sa.Column("race_class", sa.String(), nullable=True),
        sa.Column("conditions", sa.String(), nullable=True),
        sa.Column("surface", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("course", sa.String(), nullable=True),
        sa.Column("distance", sa.Integer(), nullable=False),
        sa.Column("weather", sa.String(), nullable=True),
        sa.Column("going", sa.String(), nullable=True),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("prizes", sa.ARRAY(sa.Float()), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race")),
        sa.UniqueConstraint("race_id", name=op.f("uq_race_race_id")),
    )
    op.create_index("ix_race_race_date", "race", ["race_date"], unique=False)
    op.create_table(
        "entry",
        sa.Column("horse_id", sa.String(), nullable=False),
        sa.Column("horse_name", sa.String(), nullable=False),
        sa.Column("horse_key", sa.String(), nullable=False),
        sa.Column("bracket_number", sa.Integer(), nullable=True),
        sa.Column("horse_number", sa.Integer(), nullable=True),
        sa.Column("sex", sa.String(), nullable=True),
        sa.Column("age", sa.Integer(), nullable=True),
        sa.Column("carried_weight", sa.Float(), nullable=True),
        sa.Column("jockey", sa.String(), nullable=True),
        sa.Column("jockey_id", sa.String(), nullable=True),
        sa.Column("trainer", sa.String(), nullable=True),
        sa.Column("trainer_id", sa.String(), nullable=True),
        sa.Column("trainer_base", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("finish", sa.String(), nullable=True),
        sa.Column("finish_position", sa.Integer(), nullable=True),
        sa.Column("finish_time", sa.Float(), nullable=True),
        sa.Column("margin", sa.String(), nullable=True),
        sa.Column("positions_at_bends", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("last_3f", sa.Float(), nullable=True),
        sa.Column("odds", sa.Float(), nullable=True),
        sa.Column("favorite_rank", sa.Integer(), nullable=True),
        sa.Column("horse_weight", sa.Integer(), nullable=True),
        sa.Column("horse_weight_change", sa.Integer(), nullable=True),
        sa.Column("prize", sa.Float(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("race_id", sa.Text(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.race_id"], name=op.f("fk_entry_race_id_race"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry")),
        sa.UniqueConstraint("race_id", "horse_id", name=op.f("uq_entry_race_id_horse_id")),
    )
    op.create_index("ix_entry_horse_id", "entry", ["horse_id"], unique=False)
    op.create_index("ix_entry_horse_key", "entry", ["horse_key"], unique=False)
    op.create_table(
        "tick",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cron", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tick")),
    )
    op.add_column("fetch_log", sa.Column("digest", sa.String(), nullable=True))


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM photo_match WHERE by_hand)")).scalar():
        raise RuntimeError("photo_match holds decisions made by hand, which nothing could bring back: copy them first")
    # All else is read again from the archive.
    op.drop_column("fetch_log", "digest")
    for table in ("tick", "photo_match", "aptitude", "entry", "race", "horse"):
        op.drop_table(table)
