"""A changed layout is noticed by the fields that go missing, and stops the writing before it does harm.

Every parsed page keeps the names of the fields that its layout promises and that it did not yield. One such
page is a quirk. When most of the last pages lack a field that practically all earlier ones had, the site has
changed: pages of that kind are still archived, but no longer stored as data, until `reparse` finds the field again.
"""

import logging
from collections.abc import Iterable
from typing import Any

import psycopg

logger = logging.getLogger(__name__)

WINDOW = 10  # last pages of the kind that are looked at
TOO_MANY = 5  # of them without the field
BASELINE = 10  # earlier pages that must be there to say "always"
ALWAYS = 0.98  # share of them with the field

# Which pages came before and after, the time of their bytes says.
COVERAGE = """
WITH read AS (
    SELECT url, missing, row_number() OVER (ORDER BY changed_at DESC, id DESC) AS age FROM page
    WHERE source = %(source)s AND kind = %(kind)s AND digest IS NOT NULL AND state IN ('fetched', 'quarantined'))
SELECT count(*) FILTER (WHERE age > %(window)s),
       avg((NOT %(field)s = ANY (missing))::int) FILTER (WHERE age > %(window)s),
       count(*) FILTER (WHERE age <= %(window)s AND %(field)s = ANY (missing)),
       avg((NOT %(field)s = ANY (missing))::int) FILTER (WHERE age <= %(window)s),
       (array_agg(url ORDER BY age) FILTER (WHERE age <= %(window)s AND %(field)s = ANY (missing)))[1:3]
FROM read
"""
STOP = """
INSERT INTO drift (source, kind, field, old_coverage, new_coverage, samples, observed_at)
VALUES (%(source)s, %(kind)s, %(field)s, %(old)s, %(new)s, %(samples)s, clock_timestamp())
ON CONFLICT (source, kind, field) DO NOTHING
"""


async def stopped_kinds(connection: psycopg.AsyncConnection[Any]) -> set[tuple[str, str]]:
    """The (source, kind) pairs whose parser has stopped writing."""
    return set(await (await connection.execute("SELECT source, kind FROM drift")).fetchall())


def is_too_many(without: int, pages: int) -> bool:
    """Whether enough of the last pages lack what all used to have, so that their layout is not understood."""
    return pages > 0 and without * WINDOW >= TOO_MANY * pages


async def judge(connection: psycopg.AsyncConnection[Any], source: str, kind: str, missing: Iterable[str]) -> bool:
    """Whether a page that lacks these fields is one too many; if so, the kind is stopped."""
    found = False
    for field in missing:
        named = {"source": source, "kind": str(kind), "field": field, "window": WINDOW}
        row = await (await connection.execute(COVERAGE, named)).fetchone()
        assert row is not None
        baseline, old, without, new, samples = row
        if baseline >= BASELINE and old >= ALWAYS and without >= TOO_MANY:
            facts = named | {"old": float(old), "new": float(new), "samples": samples}
            await connection.execute(STOP, facts)
            logger.error("layout changed", extra=facts)
            found = True
    return found
