"""What the search counts and filters by stands in its view: the race, the horse's coat, sire and trainer, the remark.

The search itself is made in the web process, which reads the views whole; indexes that only its statements used go.
"""

import importlib.util
from pathlib import Path
from typing import Any

import psycopg
from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"

# A class by conditions is named by how often a horse has won: the words of 2019, and the money of before.
CLASS = """CASE WHEN race.grade IS NOT NULL THEN race.grade
        WHEN race.race_class ~ '新馬' THEN 'new' WHEN race.race_class ~ '未勝利|未出走' THEN 'maiden'
        WHEN race.race_class ~ '(1勝|(^|[^0-9])[45]00万)' THEN 'win1'
        WHEN race.race_class ~ '(2勝|900万|1000万)' THEN 'win2'
        WHEN race.race_class ~ '(3勝|1[3-9]00万)' THEN 'win3' WHEN race.race_class ~ 'オープン' THEN 'OP' END"""
# What a remark says of the build, and the distances at which it calls the horse best or fine, each as one text.
TAGS = "(SELECT string_agg(DISTINCT tag ->> 'tag', ',') FROM jsonb_array_elements(photo.build_tags) AS tag)"
SUITS = """(SELECT string_agg(concat(claim ->> 'low_m', '-', COALESCE(claim ->> 'high_m', claim ->> 'low_m')), ',')
     FROM jsonb_array_elements(photo.claims) AS claim
     WHERE (claim ->> 'kind' LIKE 'best%' OR claim ->> 'kind' = 'fine_at') AND claim ->> 'low_m' IS NOT NULL)"""
PHOTOS = f"""
CREATE MATERIALIZED VIEW photo_search AS
SELECT opinion.value, issue.issue_date AS dated, race.race_date,
    COALESCE(entry.age, photo.age, (extract(year FROM issue.issue_date) - extract(year FROM horse.born))::int) AS age,
    photo.id, photo.width, photo.height, extract(year FROM horse.born)::int AS born, race.distance,
    entry.finish_position, entry.finish,
    COALESCE(entry.sex, CASE photo.sex WHEN '牡' THEN 'male' WHEN '牝' THEN 'female' WHEN 'セ' THEN 'gelding' END,
             horse.sex) AS sex,
    race.racecourse, race.surface, race.going, {CLASS} AS class, COALESCE(horse.coat, photo.coat) AS coat,
    horse.sire, COALESCE(entry.trainer, photo.trainer) AS trainer, photo.source,
    COALESCE(met.horse_id, photo.horse_key) AS shows, photo.photo_id AS photo,
    COALESCE(race.name, photo.race_name) AS race_name,
    normalize(COALESCE(race.name, photo.race_name), NFKC) AS race_key, met.race_id, met.horse_id,
    COALESCE(horse.name, photo.horse_name) AS horse_name,
    COALESCE(horse.horse_key, photo.horse_key) AS horse_key, photo.horse_key AS printed_key, photo.digest,
    {TAGS} AS tags, {SUITS} AS suits
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
INDEXES = """
CREATE UNIQUE INDEX photo_search_id ON photo_search (id);
CREATE UNIQUE INDEX photo_search_photo ON photo_search (photo);
CREATE INDEX photo_search_shows ON photo_search (shows);
CREATE INDEX photo_search_race_date ON photo_search (race_date);
"""


def _revision(file: str) -> Any:
    """An earlier revision, which says how its views were made."""
    spec = importlib.util.spec_from_file_location(file, Path(__file__).with_name(f"{file}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _make_views(photos: str, indexes: str, left_out: str = "") -> None:
    horses = _revision("20261211_camera")
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute("DROP MATERIALIZED VIEW horse_search")
    connection.execute("DROP MATERIALIZED VIEW photo_search")
    for statements in (photos, indexes, horses.HORSES.format(which=" WHERE shows IS NOT NULL"), horses.INDEXES):
        connection.execute(statements.encode())
    if left_out:
        connection.execute(f"DROP INDEX {left_out}".encode())
    row = connection.execute(horses.HAS_TRIGRAMS).fetchone()
    if row and row[0]:
        connection.execute(horses.TRIGRAMS)


def upgrade() -> None:
    _make_views(PHOTOS, INDEXES, "horse_search_newest")


def downgrade() -> None:
    sources, search = _revision("20261202_sources"), _revision("20261125_photo_search")
    indexes = "".join(line for line in search.INDEXES.splitlines(keepends=True) if "ON photo_search" in line)
    _make_views(search.PHOTOS.replace(sources.BEFORE, sources.SINCE), indexes)
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    row = connection.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')").fetchone()
    if row and row[0]:
        connection.execute("CREATE INDEX photo_search_race_trigrams ON photo_search USING gin (race_key gin_trgm_ops)")
