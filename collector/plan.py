"""What would be asked for, and whether it may be: `crawl --dry-run` and `robots`. No request but robots.txt."""

import logging
import sys
from datetime import date, timedelta
from typing import Any, LiteralString

from rich.console import Console

from collector.crawl import due_pages, seeds
from collector.errors import ExitCode
from collector.fetch import Fetcher
from collector.frontier import IN_SCOPE, Scope, scope_parameters, today
from collector.jobs import Workplace
from collector.models import PageKind
from collector.politeness import Blocked, Connection, Gate, Pace, host_name
from collector.progress import DAYS_AN_ISSUE, PHOTOS_AN_ISSUE, RACES_A_DAY, size, span
from collector.robots import Robots, delay_in_force
from collector.robots_copy import RobotsCopy, find_copy, robots_in_force
from collector.settings import is_loopback
from collector.sources import keibado, netkeiba
from collector.visible import json_text
from collector.wanted import AHEAD

ISSUES_A_YEAR = 50  # guessed for a year whose index has not been read
PHOTO_BYTES = 20_000  # likewise

READ_YEARS = (
    f"SELECT count(*) FROM page WHERE host = ANY (%(hosts)s) AND kind = 'year_index' AND state <> 'due' AND {IN_SCOPE}"
)
REVISITS = f"""
SELECT count(*) FROM page WHERE host = ANY (%(hosts)s) AND state = 'fetched' AND due_at IS NOT NULL
AND kind IN ('year_index', 'issue_index') AND {IN_SCOPE}
"""
AVERAGES = """
SELECT (SELECT count(*)::float8 / NULLIF(count(DISTINCT issue_code), 0) FROM photo),
       (SELECT avg(size)::float8 FROM blob WHERE media_type LIKE 'image/%')
"""
RACE_DAYS_A_YEAR = 107  # guessed: all weekends and some holidays
YEAR = timedelta(days=365.25)
MONTH = YEAR / 12
RACES_A_DAY_SO_FAR = "SELECT count(*)::float8 / NULLIF(count(DISTINCT race_date), 0) FROM race"
RACES_DUE = """
SELECT count(*) FROM page
WHERE kind IN ('race_calendar', 'race_day', 'race_result', 'coming_day', 'race_card') AND due_at <= clock_timestamp()
"""
LOOKS_FOR = 300.0  # seconds that asking for robots.txt may take at most: three attempts, each on a slot of its own

TELL = "UPDATE host SET waiting = %s, waiting_until = clock_timestamp() + make_interval(secs => %s) WHERE name = %s"

logger = logging.getLogger(__name__)


async def current_copy(place: Workplace, site: str) -> RobotsCopy | None:
    """Our copy of robots.txt, asked for if it is a day old, unless a lane is at work: it will do that itself."""
    url = f"{site}/robots.txt"
    async with await place.connect() as connection, Fetcher(place.contact, place.sites, place.timeouts) as fetcher:
        copy = await find_copy(connection, url)
        if copy and copy.fresh and copy.robots:
            return copy
        pace = Pace(place.crawl_delay, is_loopback(site))
        gate = await Gate.claim(
            connection, host_name(site), pace, place.stopping, lease=LOOKS_FOR, who="a look at robots.txt"
        )
        if gate is None:
            return copy
        await connection.execute(TELL, ("the answer to a look at robots.txt", LOOKS_FOR, host_name(site)))
        try:
            await robots_in_force(gate, fetcher, place.source_of(site), site)
        except Blocked:
            logger.info("robots.txt not asked for: the host is closed", extra={"url": url})
        return await find_copy(connection, url)


async def robots_verdict(place: Workplace, site: str, url: str) -> dict[str, Any]:
    """What robots.txt says of an address, and how old our copy is."""
    copy = await current_copy(place, site)
    async with await place.connect() as connection:
        known = await _age(connection, f"{site}/robots.txt")
    robots = copy.robots if copy else None
    facts: dict[str, Any] = {
        "url": url,
        "allowed": False,
        "line": None,
        "training": None,
        "training_line": None,
        "delay_s": None,
        "delay_reason": None,
    }
    if robots is None:
        facts["line"] = "robots.txt could not be had and no copy is held, so everything is disallowed"
    else:
        verdict = robots.verdict(url)
        delay, reason = delay_in_force(place.crawl_delay, robots, 0.0, is_loopback(site))
        number = f"{verdict.line_number}: " if verdict.line_number else ""
        line = f"{number}{verdict.line}" if verdict.line else "no line matches"
        facts |= {"allowed": verdict.allowed, "line": line, "delay_s": delay, "delay_reason": reason}
        training = robots.training(url)  # whether photos are asked for
        facts |= {
            "training": training.allowed,
            "training_line": training.line and f"{training.line_number}: {training.line}",
        }
    return facts | known


async def _age(connection: Connection, robots_url: str) -> dict[str, Any]:
    query = """SELECT last_fetched_at, last_status, error, EXTRACT(EPOCH FROM clock_timestamp() - last_fetched_at)
               FROM page WHERE url = %s"""
    row = await (await connection.execute(query, (robots_url,))).fetchone()
    at, status, error, age = row or (None, None, None, None)
    return {
        "robots_url": robots_url,
        "status": status,
        "fetched_at": at,
        "age": span(float(age)) if age is not None else None,
        "stale": error,
    }


async def print_plan(console: Console, place: Workplace, base: str, scope: Scope, *, as_json: bool) -> ExitCode:
    """Say what a crawl of this scope would do; the exit code says whether it may."""
    copy = await current_copy(place, base)
    robots = copy.robots if copy and copy.robots else Robots.disallow_all("robots.txt is out of reach")
    host = host_name(base)
    allowed = robots.verdict(keibado.year_index_url(base, scope.since.year)).allowed
    delay, reason = delay_in_force(place.crawl_delay, robots, 0.0, is_loopback(base))
    async with await place.connect() as connection:
        facts = await _estimate(connection, host, base, scope)
        races = await _races(connection, facts["issues"], scope) if place.netkeiba else {"races": 0, "race_requests": 0}
    races_delay = 0.0
    if place.netkeiba:
        races_allowed, races_delay = await _second_site(place, place.netkeiba)
        allowed = allowed and races_allowed
    facts |= races | {
        "allowed": allowed,
        "training": robots.training(f"{base}/").allowed,
        "delay_s": delay,
        "delay_reason": reason,
        # Each site has a lane of its own, so the longer one decides.
        "seconds": max(facts["requests"] * delay, races["race_requests"] * races_delay),
    }
    if as_json:
        sys.stdout.write(json_text(facts) + "\n")
    else:
        _print(console, scope, facts)
    return ExitCode.DONE if allowed else ExitCode.BLOCKED


async def _estimate(connection: Connection, host: str, base: str, scope: Scope) -> dict[str, Any]:
    """What is known to be due, and what the listings not read yet will add at a guess."""
    parameters = scope_parameters([host], scope)
    due = await due_pages(connection, [host], scope)
    (read_years,) = await _row(connection, READ_YEARS, parameters)
    (revisits,) = await _row(connection, REVISITS, parameters)
    photos_an_issue, photo_bytes = await _row(connection, AVERAGES, {})
    years = len(seeds(base, scope)) - read_years
    issues = due.get(PageKind.ISSUE_INDEX, 0) + years * ISSUES_A_YEAR
    if scope.limit is not None:
        issues = min(issues, scope.limit)
    photos = round(issues * (photos_an_issue or PHOTOS_AN_ISSUE)) + due.get(PageKind.PHOTO_PAGE, 0)
    known = sum(due.values()) or (revisits if not years else 0)
    images = due.get(PageKind.IMAGE, 0)
    requests = years + issues + 2 * photos + images + (0 if due else revisits)
    stored = round((photos + images) * (photo_bytes or PHOTO_BYTES))
    return {
        "requests_known": known, "years_unread": years, "issues": issues, "photos": photos + images,
        "requests": requests, "bytes": stored,
    }  # fmt: skip


async def _races(connection: Connection, issues: int, scope: Scope) -> dict[str, int]:
    """What the race days come to: each day's list, and a result for each of its races.

    With all races and a limited number of issues it is a guess that is too high: where the range ends is not known.
    """
    (races_a_day,) = await _row(connection, RACES_A_DAY_SO_FAR, {})
    (due,) = await _row(connection, RACES_DUE, {})
    days, calendars = DAYS_AN_ISSUE * issues, 0
    if scope.all_races:
        covered = min(scope.until, today() + AHEAD) - scope.since
        days, calendars = round(covered / YEAR * RACE_DAYS_A_YEAR), round(covered / MONTH)
    races = round(days * float(races_a_day or RACES_A_DAY))
    return {"races": races, "race_requests": calendars + days + races + due}


async def _second_site(place: Workplace, site: str) -> tuple[bool, float]:
    """Whether the site of the races allows it, and at which delay."""
    copy = await current_copy(place, site)
    robots = copy.robots if copy and copy.robots else Robots.disallow_all("robots.txt is out of reach")
    delay, _ = delay_in_force(place.crawl_delay, robots, 0.0, is_loopback(site))
    return robots.allowed(netkeiba.race_day_url(site, today())), delay


async def _row(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> tuple[Any, ...]:
    row = await (await connection.execute(query, parameters or None)).fetchone()
    assert row is not None
    return row


def _print(console: Console, scope: Scope, facts: dict[str, Any]) -> None:
    limit = f", at most {scope.limit} issues" if scope.limit else ""
    until = "today" if scope.until == date.max else scope.until
    console.print(f"Issues from {scope.since} to {until}{limit}; nothing but robots.txt was asked for.")
    console.print(f"robots.txt      {'allows it' if facts['allowed'] else 'does not allow it'}")
    if not facts["training"]:
        console.print("                but not training on photos, which are not asked for")
    console.print(f"delay           {facts['delay_s']:g} s ({facts['delay_reason']})")
    console.print(f"known and due   {facts['requests_known']} pages")
    guess = " (a guess: their indexes have not been read)" if facts["years_unread"] else ""
    console.print(f"issues          {facts['issues']}{guess}")
    console.print(f"photos          about {facts['photos']}, {size(facts['bytes'])}")
    requests = f"{facts['requests']}"
    if facts["race_requests"]:
        where = "in the whole range" if scope.all_races else "on the issues' days"
        console.print(f"races           about {facts['races']}, {where}")
        requests += f", and {facts['race_requests']} to the site of the races beside them"
    console.print(f"requests        about {requests}")
    console.print(f"time            about {span(facts['seconds'])} at one request in {facts['delay_s']:g} s")
