"""What one site's pages call for on another: the race days that photos need, or all of a range, and those to come."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, LiteralString

from collector.frontier import BEFORE_AN_ISSUE, PRIORITY, RANGE_END, Scope, scope_parameters, today
from collector.match import NOT_LOOKED_UP
from collector.models import PageKind
from collector.politeness import Connection, host_name
from collector.sources import netkeiba
from collector.sources.text import horse_key

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
  AND NOT EXISTS (SELECT FROM page WHERE host = ANY (%(hosts)s) AND kind = %(kind)s AND dated = day)
GROUP BY day
"""
# Where the number of issues is limited, the range's end is known when so many have been found.
MONTHS = f"""
SELECT month::date, NULL FROM generate_series(
    date_trunc('month', %(since)s::date), LEAST({RANGE_END}, %(last)s), interval '1 month') AS month
WHERE NOT EXISTS (SELECT FROM page WHERE host = ANY (%(hosts)s) AND kind = %(kind)s AND dated = month::date)
  AND (%(limit)s::int IS NULL OR {RANGE_END} < %(until)s
       OR NOT EXISTS (SELECT FROM page WHERE kind = 'year_index' AND state = 'due'))
"""
# Photos of horses that ran in none of their issue's races.
NAMES = f"""
SELECT photo.horse_key, photo.listed_name, issue.issue_date, photo.page_url
FROM photo_match AS met JOIN photo USING (source, issue_code, number)
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
WHERE met.rule = %(rule)s AND NOT met.by_hand AND issue_date >= %(since)s AND issue_date <= {RANGE_END}
"""
WANT = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at, found_on)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(dated)s, %(priority)s, clock_timestamp(), %(found_on)s)
ON CONFLICT (url) DO NOTHING
"""


async def want_from_results(connection: Connection, site: str, scope: Scope) -> None:
    """Put the days that are over in the frontier of the site that has the results, and what photos leave open."""
    over = {"first": date.min, "last": today()}
    await _want(connection, site, scope, PageKind.RACE_DAY, netkeiba.race_day_url, DAYS, over)
    await _want_searches(connection, site, scope)


async def _want_searches(connection: Connection, site: str, scope: Scope) -> None:
    """Put searches by name in the frontier, for photos whose horse has to be looked up."""
    facts = scope_parameters([], scope) | {"rule": NOT_LOOKED_UP}
    names: dict[str, tuple[date, str]] = {}
    for own_key, listed_name, dated, found_on in await (await connection.execute(NAMES, facts)).fetchall():
        for key in (own_key, horse_key(listed_name or "")):
            if key:
                names.setdefault(netkeiba.horse_search_url(site, key), (dated, found_on))
    kind = PageKind.HORSE_SEARCH
    page = {"host": host_name(site), "source": netkeiba.SOURCE, "kind": kind, "priority": PRIORITY[kind]}
    wanted = [page | {"url": url, "dated": dated, "found_on": found_on} for url, (dated, found_on) in names.items()]
    await _insert(connection, wanted)


async def want_coming_days(connection: Connection, site: str, scope: Scope) -> None:
    """Put the days to come, and where all races are wanted the calendars, in the frontier of the cards' site."""
    coming = {"first": today() + timedelta(days=1), "last": today() + AHEAD}
    if scope.all_races:
        await _want(connection, site, scope, PageKind.RACE_CALENDAR, netkeiba.race_calendar_url, MONTHS, coming)
    await _want(connection, site, scope, PageKind.COMING_DAY, netkeiba.coming_day_url, DAYS, coming)


async def _want(
    connection: Connection,
    site: str,
    scope: Scope,
    kind: PageKind,
    url_of: Callable[[str, date], str],
    query: LiteralString,
    span: dict[str, date],
) -> None:
    host = host_name(site)
    facts: dict[str, Any] = scope_parameters([host], scope) | span | {"kind": kind, "all_races": scope.all_races}
    days = await (await connection.execute(query, facts)).fetchall()
    page = {"host": host, "source": netkeiba.SOURCE, "kind": kind, "priority": PRIORITY[kind]}
    wanted = [page | {"url": url_of(site, day), "dated": day, "found_on": found_on} for day, found_on in days]
    await _insert(connection, wanted)


async def _insert(connection: Connection, wanted: list[dict[str, Any]]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(WANT, wanted)
