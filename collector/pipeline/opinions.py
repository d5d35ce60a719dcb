"""The history of opinion derived anew, in a table of this session that stands before the one that crawls go on with.

Only what differs is changed at the end, so no crawl waits while everything is read. What a crawl has changed meanwhile,
such as a number of reviews, is left as it is.
"""

from collections.abc import Sequence
from typing import LiteralString

from collector.politeness.gate import Connection

KEY: LiteralString = "horse_id, axis, observed_at"
FACTS: tuple[LiteralString, ...] = ("left_px", "right_px", "value", "reviews", "evidence", "source_url")
# Plans that name the one table would go on with it.
REPLAN: LiteralString = "DISCARD PLANS"


def _of(row: LiteralString) -> LiteralString:
    return ", ".join(f"{row}.{fact}" for fact in FACTS)


BEGIN: tuple[LiteralString, ...] = (
    "CREATE INDEX ON before_aptitude (source_url, observed_at)",
    f"CREATE INDEX ON before_aptitude ({KEY})",
    "CREATE TEMP TABLE aptitude (LIKE public.aptitude INCLUDING IDENTITY INCLUDING INDEXES) ON COMMIT DROP",
    "SELECT setval(pg_get_serial_sequence('pg_temp.aptitude', 'id'), (SELECT max(id) FROM before_aptitude))",
    REPLAN,
)
# What is derived from answers whose bytes are held is derived again; the rest stands.
STANDS: LiteralString = """
WITH answer AS MATERIALIZED (
    SELECT page.url, log.at FROM page JOIN fetch_log AS log ON log.page_id = page.id
    WHERE log.digest IS NOT NULL AND log.error_code IS DISTINCT FROM 'undated'
    AND page.role = ANY (%s) AND page.state <> 'excluded')
INSERT INTO pg_temp.aptitude SELECT held.* FROM before_aptitude AS held
WHERE NOT EXISTS (SELECT FROM answer WHERE held.source_url = answer.url AND held.observed_at = answer.at)
"""
AS_IT_WAS: LiteralString = """
INSERT INTO aptitude SELECT * FROM before_aptitude WHERE source_url = $1 AND observed_at = $2 ON CONFLICT DO NOTHING
"""
UNTOUCHED: LiteralString = f"held.id = old.id AND ({_of('held')}) IS NOT DISTINCT FROM ({_of('old')})"
FINISH: tuple[LiteralString, ...] = (
    "ANALYZE pg_temp.aptitude",
    f"""DELETE FROM public.aptitude AS held USING before_aptitude AS old WHERE {UNTOUCHED}
        AND NOT EXISTS (SELECT FROM pg_temp.aptitude AS new
                        WHERE (new.horse_id, new.axis, new.observed_at) = (old.horse_id, old.axis, old.observed_at))""",
    f"""UPDATE public.aptitude AS held SET ({", ".join(FACTS)}) = ({_of("new")})
        FROM before_aptitude AS old JOIN pg_temp.aptitude AS new USING ({KEY})
        WHERE {UNTOUCHED} AND ({_of("old")}) IS DISTINCT FROM ({_of("new")})""",
    f"""INSERT INTO public.aptitude ({KEY}, {", ".join(FACTS)}) SELECT {KEY}, {_of("new")} FROM pg_temp.aptitude AS new
        WHERE NOT EXISTS (SELECT FROM before_aptitude AS old
                          WHERE (old.horse_id, old.axis, old.observed_at) = (new.horse_id, new.axis, new.observed_at))
        ON CONFLICT DO NOTHING""",
    "DROP TABLE pg_temp.aptitude",
    REPLAN,
)


async def begin(connection: Connection, roles: Sequence[str]) -> None:
    """Let what is written of opinions on this connection go to a table of its own, without what pages of these roles
    have said.
    """
    for statement in BEGIN:
        await connection.execute(statement)
    await connection.execute(STANDS, (list(roles),))


async def finish(connection: Connection) -> None:
    """Put the history that was derived in the place of the one that there was."""
    for statement in FINISH:
        await connection.execute(statement)
