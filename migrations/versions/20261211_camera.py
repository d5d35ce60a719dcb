"""A photo may be a person's own, with its moment, its camera and its racecourse, and without a printed name.

The search is by horse, so a photo that names none and is not matched stands in no group of it.
"""

import psycopg
import sqlalchemy as sa
from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"

HORSES = """
CREATE MATERIALIZED VIEW horse_search AS
SELECT value, photos, newest, born, head, shows, horse_id, string_agg(DISTINCT name_key, ' ') AS name_keys,
    string_agg(DISTINCT latin, ' ') AS latin, horse_name, found.horse_key
FROM (SELECT shows, min(horse_id) AS horse_id, min(horse_name) AS horse_name, min(horse_key) AS horse_key,
             count(*) AS photos, max(dated) AS newest, (array_agg(photo ORDER BY dated DESC, photo DESC))[1] AS head,
             min(value) AS value, min(born) AS born,
             array_agg(DISTINCT horse_key) || array_agg(DISTINCT printed_key) AS keys
      FROM photo_search{which} GROUP BY shows) AS found
CROSS JOIN LATERAL unnest(keys) AS name_key
LEFT JOIN latin_name ON latin_name.horse_key = name_key
GROUP BY shows, horse_id, horse_name, found.horse_key, photos, newest, born, head, value
"""
INDEXES = """
CREATE UNIQUE INDEX horse_search_shows ON horse_search (shows);
CREATE INDEX horse_search_newest ON horse_search (newest DESC, head DESC);
CREATE INDEX horse_search_key ON horse_search (horse_key text_pattern_ops);
CREATE INDEX horse_search_latin ON horse_search (latin text_pattern_ops);
ALTER MATERIALIZED VIEW horse_search ALTER name_keys SET STATISTICS 1000, ALTER latin SET STATISTICS 1000;
"""
TRIGRAMS = """
CREATE INDEX horse_search_name_trigrams ON horse_search USING gin (name_keys gin_trgm_ops);
CREATE INDEX horse_search_latin_trigrams ON horse_search USING gin (latin gin_trgm_ops);
"""
HAS_TRIGRAMS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')"
NAMED = "(horse_name IS NULL) = (horse_key IS NULL) AND (horse_name IS NOT NULL OR taken_at IS NOT NULL)"
TEXTS = ("camera", "racecourse")
NAMES = ("horse_name", "horse_key")


def _make_view(which: str) -> None:
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute("DROP MATERIALIZED VIEW horse_search")
    for statements in (HORSES.format(which=which), INDEXES):
        connection.execute(statements.encode())
    row = connection.execute(HAS_TRIGRAMS).fetchone()
    if row and row[0]:
        connection.execute(TRIGRAMS)


def upgrade() -> None:
    op.add_column("photo", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
    for name in TEXTS:
        op.add_column("photo", sa.Column(name, sa.String(), nullable=True))
    for name in NAMES:
        op.alter_column("photo", name, nullable=True)
    op.execute(f"ALTER TABLE photo ADD CONSTRAINT ck_photo_named CHECK ({NAMED})")
    op.add_column("photo_match", sa.Column("certainty", sa.Float(), nullable=True))
    op.add_column("photo_match", sa.Column("head_turned", sa.Boolean(), server_default="false", nullable=False))
    _make_view(" WHERE shows IS NOT NULL")


def downgrade() -> None:
    bind = op.get_bind()
    if bind.scalar(sa.text("SELECT EXISTS (SELECT FROM photo WHERE taken_at IS NOT NULL OR horse_name IS NULL)")):
        raise RuntimeError("There are photos of a person's own camera: before this revision nothing could hold them.")
    _make_view("")
    op.drop_column("photo_match", "head_turned")
    op.drop_column("photo_match", "certainty")
    op.execute("ALTER TABLE photo DROP CONSTRAINT ck_photo_named")
    for name in NAMES:
        op.alter_column("photo", name, nullable=False)
    for name in (*TEXTS, "taken_at"):
        op.drop_column("photo", name)
