"""What the photo search asks: views of the tables, the names' Latin spelling, and photos made small.

The views hold nothing that is not in the tables; `collector serve` renews them when the tables have changed. Trigrams
are used where this Postgres has them and lets us; without them the views are narrow enough to be read through.
"""

import psycopg
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"

TABLES = """
CREATE INDEX ix_photo_digest ON photo (digest);
CREATE TABLE latin_name (horse_key text PRIMARY KEY, latin text NOT NULL);
CREATE TABLE thumbnail (
    digest varchar NOT NULL, width integer NOT NULL, height integer NOT NULL, content bytea NOT NULL,
    CONSTRAINT pk_thumbnail PRIMARY KEY (digest, width),
    CONSTRAINT fk_thumbnail_digest_blob FOREIGN KEY (digest) REFERENCES blob (digest) ON DELETE CASCADE
);
ALTER TABLE thumbnail ALTER content SET STORAGE EXTERNAL;
ALTER TABLE latin_name RENAME CONSTRAINT latin_name_pkey TO pk_latin_name;
"""
# `shows` is whom a photo shows: the horse's id, or the name as printed where the horse is open. What is filtered by
# comes first, fixed widths before the others: Postgres reads a row up to the last column that it needs.
PHOTOS = """
CREATE MATERIALIZED VIEW photo_search AS
SELECT opinion.value, issue.issue_date AS dated,
    COALESCE(entry.age, photo.age, (extract(year FROM issue.issue_date) - extract(year FROM horse.born))::int) AS age,
    photo.id, photo.width, photo.height, extract(year FROM horse.born)::int AS born,
    COALESCE(entry.sex, CASE photo.sex WHEN '牡' THEN 'male' WHEN '牝' THEN 'female' WHEN 'セ' THEN 'gelding' END,
             horse.sex) AS sex,
    race.racecourse, race.surface, COALESCE(met.horse_id, photo.horse_key) AS shows,
    photo.issue_code || '-' || lpad(photo.number::text, 2, '0') AS photo,
    COALESCE(race.name, photo.race_name) AS race_name,
    normalize(COALESCE(race.name, photo.race_name), NFKC) AS race_key, met.race_id, met.horse_id,
    COALESCE(horse.name, photo.horse_name) AS horse_name,
    COALESCE(horse.horse_key, photo.horse_key) AS horse_key, photo.horse_key AS printed_key, photo.digest
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match AS met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN horse ON horse.horse_id = met.horse_id
LEFT JOIN race ON race.race_id = met.race_id
LEFT JOIN entry ON entry.race_id = met.race_id AND entry.horse_id = met.horse_id
LEFT JOIN (SELECT DISTINCT ON (horse_id) horse_id, value FROM aptitude WHERE axis = 'distance'
           ORDER BY horse_id, observed_at DESC) AS opinion ON opinion.horse_id = met.horse_id
WHERE photo.digest IS NOT NULL
ORDER BY dated DESC, photo DESC
"""
HORSES = """
CREATE MATERIALIZED VIEW horse_search AS
SELECT value, photos, newest, born, head, shows, horse_id, string_agg(DISTINCT name_key, ' ') AS name_keys,
    string_agg(DISTINCT latin, ' ') AS latin, horse_name, found.horse_key
FROM (SELECT shows, min(horse_id) AS horse_id, min(horse_name) AS horse_name, min(horse_key) AS horse_key,
             count(*) AS photos, max(dated) AS newest, (array_agg(photo ORDER BY dated DESC, photo DESC))[1] AS head,
             min(value) AS value, min(born) AS born,
             array_agg(DISTINCT horse_key) || array_agg(DISTINCT printed_key) AS keys
      FROM photo_search GROUP BY shows) AS found
CROSS JOIN LATERAL unnest(keys) AS name_key
LEFT JOIN latin_name ON latin_name.horse_key = name_key
GROUP BY shows, horse_id, horse_name, found.horse_key, photos, newest, born, head, value
"""
# Whether a horse has a photo that fits the filters is told by photo_search_shows alone.
INDEXES = """
CREATE UNIQUE INDEX photo_search_id ON photo_search (id);
CREATE UNIQUE INDEX photo_search_photo ON photo_search (photo);
CREATE INDEX photo_search_newest ON photo_search (dated DESC, photo DESC);
CREATE INDEX photo_search_shows ON photo_search (shows, dated DESC, photo DESC) INCLUDE (racecourse, surface, sex, age);
CREATE UNIQUE INDEX horse_search_shows ON horse_search (shows);
CREATE INDEX horse_search_newest ON horse_search (newest DESC, head DESC);
CREATE INDEX horse_search_key ON horse_search (horse_key text_pattern_ops);
CREATE INDEX horse_search_latin ON horse_search (latin text_pattern_ops);
ALTER MATERIALIZED VIEW horse_search ALTER name_keys SET STATISTICS 1000, ALTER latin SET STATISTICS 1000;
"""
TRIGRAMS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE INDEX horse_search_name_trigrams ON horse_search USING gin (name_keys gin_trgm_ops);
CREATE INDEX horse_search_latin_trigrams ON horse_search USING gin (latin gin_trgm_ops);
CREATE INDEX photo_search_race_trigrams ON photo_search USING gin (race_key gin_trgm_ops);
"""
HAS_TRIGRAMS = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    for statements in (TABLES, PHOTOS, HORSES, INDEXES):
        connection.execute(statements)
    found = connection.execute(HAS_TRIGRAMS).fetchone()
    if not (found and found[0]):
        return
    try:
        with connection.transaction():
            connection.execute(TRIGRAMS)
    except psycopg.errors.InsufficientPrivilege:
        pass  # a superuser may make the extension and these indexes later; the search is right without them


def downgrade() -> None:
    # All of it is made again from the tables.
    op.execute("DROP MATERIALIZED VIEW horse_search")
    op.execute("DROP MATERIALIZED VIEW photo_search")
    op.drop_table("thumbnail")
    op.drop_table("latin_name")
    op.drop_index("ix_photo_digest", "photo")
