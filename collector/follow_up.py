"""What the pages read so far call for on other hosts."""

from collector.frontier import Scope
from collector.jobs import Workplace
from collector.politeness import Connection, host_name
from collector.wanted import want_coming_days, want_from_results


async def follow_up(place: Workplace, connection: Connection, scope: Scope) -> None:
    """Put in the frontier what a range calls for elsewhere: races for its photos, cards for the days to come."""
    for site, want in ((place.netkeiba, want_from_results), (place.netkeiba_race, want_coming_days)):
        if site is not None:
            await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host_name(site),))
            await want(connection, site, scope)
