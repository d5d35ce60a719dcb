"""Sources side by side: a page knows its role and what it is about, and a photo's id names its source.

`role` is what the program needs to know of a page, `kind` what its own source calls it. `about` was read out of
addresses by rules of one site.
"""

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"

ROLES = """
UPDATE page SET role = CASE kind WHEN 'year_index' THEN 'listing' WHEN 'issue_index' THEN 'issue'
    WHEN 'image' THEN 'picture' WHEN 'race_calendar' THEN 'calendar' WHEN 'race_result' THEN 'result'
    WHEN 'race_card' THEN 'card' ELSE kind END
"""
HORSES = """
UPDATE page SET about = substring(url FROM '(?:/horse/|[?&]id=)([0-9A-Za-z]{10})')
WHERE kind IN ('horse', 'aptitude', 'reviews')
"""
SEARCHES = "SELECT id, url FROM page WHERE kind = 'horse_search'"
PHOTO_ID = """
ALTER TABLE photo ADD photo_id text NOT NULL GENERATED ALWAYS AS (
    source || ':' || issue_code || '/' || lpad(number::text, GREATEST(2, length(number::text)), '0')) STORED
"""
BEFORE = "photo.issue_code || '-' || lpad(photo.number::text, 2, '0') AS photo"
SINCE = "photo.photo_id AS photo, photo.source"


def _search() -> Any:
    """The revision `photo_search`, which made the views."""
    file = Path(__file__).with_name("20261125_photo_search.py")
    spec = importlib.util.spec_from_file_location("photo_search", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _make_views(photos: str, search: Any) -> None:
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    for statements in (photos, search.HORSES, search.INDEXES):
        connection.execute(statements.encode())
    row = connection.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')").fetchone()
    if row and row[0]:
        connection.execute(search.TRIGRAMS.encode())


def _drop_views() -> None:
    op.execute("DROP MATERIALIZED VIEW horse_search")
    op.execute("DROP MATERIALIZED VIEW photo_search")


def _word_of(url: str) -> str | None:
    query = parse_qs(urlsplit(url).query, encoding="utf-8", errors="replace")
    return (query.get("word") or [None])[0]


def upgrade() -> None:
    op.add_column("page", sa.Column("role", sa.String(), nullable=True))
    op.add_column("page", sa.Column("about", sa.String(), nullable=True))
    op.execute(ROLES)
    op.execute(HORSES.replace(":/", r"\:/").replace("?:", r"?\:"))
    connection = op.get_bind()
    words = [{"id": page_id, "word": _word_of(url)} for page_id, url in connection.execute(sa.text(SEARCHES))]
    if words:
        connection.execute(sa.text("UPDATE page SET about = :word WHERE id = :id"), words)
    op.alter_column("page", "role", nullable=False)
    op.drop_index("ix_page_kind_dated", "page")
    op.create_index("ix_page_role_dated", "page", ["role", "dated"])
    _drop_views()
    op.execute(PHOTO_ID)
    op.create_unique_constraint("uq_photo_photo_id", "photo", ["photo_id"])
    search = _search()
    assert BEFORE in search.PHOTOS
    _make_views(search.PHOTOS.replace(BEFORE, SINCE), search)


def downgrade() -> None:
    _drop_views()
    op.drop_constraint("uq_photo_photo_id", "photo")
    op.drop_column("photo", "photo_id")
    search = _search()
    _make_views(search.PHOTOS, search)
    op.drop_index("ix_page_role_dated", "page")
    op.create_index("ix_page_kind_dated", "page", ["kind", "dated"])
    op.drop_column("page", "about")
    op.drop_column("page", "role")
