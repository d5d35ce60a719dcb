"""What the pages read so far call for elsewhere: the race days of photos, or all of a range, and those to come."""

from datetime import date, timedelta
from typing import Any, LiteralString

from collector.codes import MatchRule
from collector.engine.crawl_jobs import Asked, Crawler
from collector.frontier.due import today
from collector.frontier.scope import BEFORE_AN_ISSUE, RANGE_END, Scope, scope_parameters
from collector.politeness.gate import Connection, host_name
from collector.sources.text_tools.text import horse_key
from collector.storage.roles import Role

AHEAD = timedelta(days=7)  # races are entered in the week before
# An issue that prints no days had its races on one of the three days before its date.
DAYS = f"""
SELECT day, min(found_on) FROM (
    SELECT day, issue.source_url AS found_on FROM issue, LATERAL unnest(CASE WHEN race_days = '{{}}'
        THEN ARRAY[issue_date - 3, issue_date - 2, issue_date - 1] ELSE race_days END) AS day
    WHERE issue_date >= %(since)s AND issue_date <= {RANGE_END}
      AND day >= issue_date - {BEFORE_AN_ISSUE}
    UNION ALL
    SELECT race_date, source_url FROM race_day
    WHERE %(all_races)s AND race_date >= %(since)s AND race_date <= {RANGE_END}) AS named
WHERE day BETWEEN %(first)s AND %(last)s
  AND NOT EXISTS (SELECT FROM page WHERE host = ANY (%(hosts)s) AND role = %(role)s AND dated = day)
GROUP BY day
"""
# Where the number of issues is limited, the range's end is known when that many have been found.
MONTHS = f"""
SELECT month::date, NULL FROM generate_series(
    date_trunc('month', %(since)s::date), LEAST({RANGE_END}, %(last)s), interval '1 month') AS month
WHERE NOT EXISTS (SELECT FROM page WHERE host = ANY (%(hosts)s) AND role = %(role)s AND dated = month::date)
  AND (%(limit)s::int IS NULL OR {RANGE_END} < %(until)s
       OR NOT EXISTS (SELECT FROM page WHERE role = 'listing' AND state = 'due'))
"""
# Photos of horses that ran in none of their issue's races.
NAMES = f"""
SELECT photo.horse_key, photo.listed_name, issue.issue_date, photo.page_url
FROM photo_match AS met JOIN photo USING (source, issue_code, number)
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
WHERE met.rule = %(rule)s AND NOT met.by_hand AND issue_date >= %(since)s AND issue_date <= {RANGE_END}
"""
FOLLOW = """
INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at, found_on)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(role)s, %(about)s, %(dated)s, %(priority)s, clock_timestamp(),
        %(found_on)s)
ON CONFLICT (url) DO NOTHING
"""


KNOW_HOST = "INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING"


async def follow_up(crawler: Crawler, connection: Connection, scope: Scope) -> None:
    """Put in the frontier what a range calls for: races for its photos, searches for names, cards for days to come."""
    over = {"first": date.min, "last": today()}
    coming = {"first": today() + timedelta(days=1), "last": today() + AHEAD}
    for asked in crawler.asked_for(Role.RACE_DAY):
        await _follow_days(connection, asked, scope, DAYS, over)
    for asked in crawler.asked_for(Role.HORSE_SEARCH):
        await _follow_names(connection, asked, scope)
    for asked in crawler.asked_for(Role.CALENDAR) if scope.all_races else ():
        await _follow_days(connection, asked, scope, MONTHS, coming)
    for asked in crawler.asked_for(Role.COMING_DAY):
        await _follow_days(connection, asked, scope, DAYS, coming)


async def _follow_days(
    connection: Connection, asked: Asked, scope: Scope, query: LiteralString, span: dict[str, date]
) -> None:
    facts: dict[str, Any] = scope_parameters([host_name(asked.site.url)], scope) | span
    facts |= {"role": asked.kind.role, "all_races": scope.all_races}
    days = await (await connection.execute(query, facts)).fetchall()
    await _insert(connection, asked, [asked.page(day, day) | {"found_on": found_on} for day, found_on in days])


async def _follow_names(connection: Connection, asked: Asked, scope: Scope) -> None:
    """Searches by name, for photos whose horse has to be looked up."""
    facts = scope_parameters([], scope) | {"rule": MatchRule.NOT_LOOKED_UP}
    pages: dict[str, dict[str, Any]] = {}
    for own_key, listed_name, dated, found_on in await (await connection.execute(NAMES, facts)).fetchall():
        for key in (own_key, horse_key(listed_name or "")):
            if key:
                pages.setdefault(key, asked.page(key, dated) | {"found_on": found_on})
    await _insert(connection, asked, list(pages.values()))


async def _insert(connection: Connection, asked: Asked, pages: list[dict[str, Any]]) -> None:
    await connection.execute(KNOW_HOST, (host_name(asked.site.url),))
    async with connection.cursor() as cursor:
        await cursor.executemany(FOLLOW, pages)
