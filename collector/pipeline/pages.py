"""How statements read what a set of pages says: one JSON array, a row for each page. SQL."""

from typing import LiteralString

# WITH ORDINALITY: of two pages that name the same new horse, the first counts.
PAGES: LiteralString = """
ROWS FROM (jsonb_to_recordset($1::jsonb) AS (role text, url text, at timestamptz, whole boolean, items jsonb))
WITH ORDINALITY AS page (role, url, at, whole, items, number)"""
