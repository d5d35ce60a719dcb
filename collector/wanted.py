"""What one site's pages call for on another: the race days that photos need."""

from typing import Any

from collector.frontier import BEFORE_AN_ISSUE, PRIORITY, RANGE_END, Scope, scope_parameters, today
from collector.models import PageKind
from collector.politeness import Connection, host_name
from collector.sources import netkeiba

# An issue that prints no days had its races on one of the three days before its date.
WANTED_DAYS = f"""
SELECT day, min(issue.source_url) FROM issue, LATERAL unnest(
    CASE WHEN race_days = '{{}}' THEN ARRAY[issue_date - 3, issue_date - 2, issue_date - 1] ELSE race_days END) AS day
WHERE issue_date >= %(since)s AND issue_date <= {RANGE_END}
  AND day BETWEEN issue_date - {BEFORE_AN_ISSUE} AND %(today)s
  AND NOT EXISTS (SELECT FROM page WHERE host = ANY (%(hosts)s) AND kind = 'race_day' AND dated = day)
GROUP BY day
"""
WANT = """
INSERT INTO page (url, host, source, kind, dated, priority, due_at, found_on)
VALUES (%(url)s, %(host)s, %(source)s, %(kind)s, %(dated)s, %(priority)s, clock_timestamp(), %(found_on)s)
ON CONFLICT (url) DO NOTHING
"""


async def want_race_days(connection: Connection, site: str, scope: Scope) -> None:
    """Put the race days of the issues held in the frontier of the site that has the races."""
    host = host_name(site)
    parameters: dict[str, Any] = scope_parameters([host], scope) | {"today": today()}
    days = await (await connection.execute(WANTED_DAYS, parameters)).fetchall()
    wanted = [
        {
            "url": netkeiba.race_day_url(site, day),
            "host": host,
            "source": netkeiba.SOURCE,
            "kind": PageKind.RACE_DAY,
            "dated": day,
            "priority": PRIORITY[PageKind.RACE_DAY],
            "found_on": issue_url,
        }
        for day, issue_url in days
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(WANT, wanted)
