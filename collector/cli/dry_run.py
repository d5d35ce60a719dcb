"""What would be asked for, and whether it may be: `crawl --dry-run` and `robots`. No request but robots.txt."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, LiteralString

from rich.console import Console

from collector.cli.progress import DAYS_AN_ISSUE, PHOTOS_AN_ISSUE, RACES_A_DAY
from collector.codes import Awaited, Delay, Failure
from collector.console.as_json import print_json
from collector.console.code_words import describe
from collector.console.common import common
from collector.console.measures import age_in_words, size_in_words, span_in_words
from collector.console.wording import counted
from collector.engine.crawl import due_pages, seeds
from collector.engine.crawl_jobs import Asked, Crawler
from collector.engine.follow_up import AHEAD
from collector.engine.robots_cache import RobotsCopy, find_copy, robots_in_force
from collector.errors import ExitCode
from collector.fetch.fetcher import Fetcher
from collector.frontier.due import today
from collector.frontier.scope import IN_SCOPE, Scope, scope_parameters
from collector.politeness.delay import delay_in_force
from collector.politeness.gate import Blocked, Connection, host_name
from collector.politeness.robots import Robots, Verdict
from collector.settings import is_loopback
from collector.sources import Role, Site

ISSUES_A_YEAR = 50  # guessed for a year whose index has not been read
PHOTO_BYTES = 20_000  # likewise

READ_YEARS = (
    f"SELECT count(*) FROM page WHERE host = ANY (%(hosts)s) AND role = 'listing' AND state <> 'due' AND {IN_SCOPE}"
)
REVISITS = f"""
SELECT count(*) FROM page WHERE host = ANY (%(hosts)s) AND state = 'fetched' AND due_at IS NOT NULL
AND role IN ('listing', 'issue') AND {IN_SCOPE}
"""
AVERAGES = """
SELECT (SELECT count(*)::float8 / NULLIF(count(DISTINCT (source, issue_code)), 0) FROM photo),
       (SELECT avg(size)::float8 FROM blob WHERE media_type LIKE 'image/%')
"""
RACE_DAYS_A_YEAR = 107  # guessed: all weekends and some holidays
YEAR = timedelta(days=365.25)
MONTH = YEAR / 12
RACES_A_DAY_SO_FAR = "SELECT count(*)::float8 / NULLIF(count(DISTINCT race_date), 0) FROM race"
RACES_DUE = """
SELECT count(*) FROM page
WHERE role IN ('calendar', 'race_day', 'result', 'coming_day', 'card') AND due_at <= clock_timestamp()
"""
LOOKS_FOR = 300.0  # seconds that asking for robots.txt may take at most: three attempts, each on a slot of its own

WAITING = """
UPDATE host SET waiting = %s, waiting_detail = '{}', waiting_until = clock_timestamp() + make_interval(secs => %s)
WHERE name = %s
"""

logger = logging.getLogger(__name__)


async def current_copy(crawler: Crawler, site: Site) -> RobotsCopy | None:
    """Our copy of robots.txt, asked for if it is a day old, unless a lane is at work: it will do that itself."""
    url = f"{site.url}/robots.txt"
    async with (
        await crawler.connect() as connection,
        Fetcher(crawler.contact, crawler.addresses, crawler.timeouts) as fetcher,
    ):
        copy = await find_copy(connection, url)
        if copy and copy.fresh and copy.robots:
            return copy
        gate = await crawler.claim(connection, host_name(site.url), lease=LOOKS_FOR, who="a look at robots.txt")
        if gate is None:
            return copy
        await connection.execute(WAITING, (Awaited.ROBOTS, LOOKS_FOR, host_name(site.url)))
        try:
            await robots_in_force(gate, fetcher, site.source.name, site.url)
        except Blocked:
            logger.info("robots.txt not asked for: the host is closed", extra={"url": url})
        return await find_copy(connection, url)


async def robots_verdict(crawler: Crawler, site: Site, url: str) -> dict[str, Any]:
    """What robots.txt says of an address, and how old our copy is."""
    copy = await current_copy(crawler, site)
    async with await crawler.connect() as connection:
        known = await robots_age(connection, f"{site.url}/robots.txt")
    robots = copy.robots if copy else None
    facts: dict[str, Any] = {
        "url": url,
        "allowed": False,
        "line": None,
        "training": None,
        "training_line": None,
        "delay_s": None,
        "delay_code": None,
        "delay_reason": None,
    }
    if robots is None:
        facts["line"] = "robots.txt could not be had and no copy is held, so everything is disallowed"
    else:
        verdict = robots.verdict(url)
        delay, code = delay_in_force(crawler.crawl_delay, robots, 0.0, is_loopback(site.url))
        facts |= {"allowed": verdict.allowed, "line": line_of(verdict), "delay_s": delay}
        facts |= {"delay_code": code, "delay_reason": describe(Delay, code)}
        training = robots.training(url)  # whether photos are asked for
        facts |= {
            "training": training.allowed,
            "training_line": training.line and f"{training.line_number}: {training.line}",
        }
    return facts | known


def line_of(verdict: Verdict) -> str:
    """The line of robots.txt that decides, with its number."""
    number = f"{verdict.line_number}: " if verdict.line_number else ""
    return f"{number}{verdict.line}" if verdict.line else "no line matches"


async def robots_age(connection: Connection, robots_url: str) -> dict[str, Any]:
    """When robots.txt was asked for last, and what came of it."""
    query = """SELECT last_fetched_at, last_status, error_code, error,
                      EXTRACT(EPOCH FROM clock_timestamp() - last_fetched_at)
               FROM page WHERE url = %s"""
    row = await (await connection.execute(query, (robots_url,))).fetchone()
    at, status, code, error, age = row or (None, None, None, None, None)
    return {
        "robots_url": robots_url,
        "status": status,
        "fetched_at": at,
        "age": age_in_words(float(age)) if age is not None else None,
        "stale": describe(Failure, code, error) or None,
    }


async def print_plan(console: Console, crawler: Crawler, scope: Scope) -> ExitCode:
    """Say what a crawl of this scope would do; the exit code says whether it may."""
    facts = await foresee_crawl(crawler, scope)
    if common().json:
        print_json(facts)
    else:
        print_foreseen_crawl(console, scope, facts)
    return ExitCode.DONE if facts["allowed"] else ExitCode.BLOCKED


async def foresee_crawl(crawler: Crawler, scope: Scope) -> dict[str, Any]:
    """What a crawl of this scope would do; nothing but robots.txt is asked for."""
    photos = await _look(crawler, crawler.asked_for(Role.LISTING), scope.since.year)
    races = await _look(crawler, crawler.asked_for(Role.RACE_DAY), today())
    async with await crawler.connect() as connection:
        facts = await _photos(connection, crawler, scope)
        facts |= await _races(connection, facts["issues"], scope) if races.asked else {"races": 0, "race_requests": 0}
    return facts | {
        "allowed": photos.allowed and races.allowed,
        "training": photos.training,
        "delay_s": photos.delay,
        "delay_code": photos.reason,
        "delay_reason": describe(Delay, photos.reason),
        # Each site has a lane of its own, so the longest one decides.
        "seconds": max(facts.pop("longest") * photos.delay, facts["race_requests"] * races.delay),
    }


@dataclass(frozen=True, slots=True)
class _Look:
    """What the robots.txt of some sites say, the strictest of them."""

    asked: bool = False  # whether there are such sites
    allowed: bool = True
    training: bool = True
    delay: float = 0.0  # seconds
    reason: str = ""  # Delay


async def _look(crawler: Crawler, asked_for: Sequence[Asked], about: int | date) -> _Look:
    """Whether the sites allow a first page of each kind, and at which delay."""
    found = _Look()
    for asked in asked_for:
        copy = await current_copy(crawler, asked.site)
        robots = copy.robots if copy and copy.robots else Robots.disallow_all("robots.txt is out of reach")
        delay, reason = delay_in_force(crawler.crawl_delay, robots, 0.0, is_loopback(asked.site.url))
        if not found.asked or delay > found.delay:
            found = replace(found, delay=delay, reason=reason)
        found = _Look(
            True,
            found.allowed and robots.allowed(asked.page(about, today())["url"]),
            found.training and robots.training(f"{asked.site.url}/").allowed,
            found.delay,
            found.reason,
        )
    return found


async def _photos(connection: Connection, crawler: Crawler, scope: Scope) -> dict[str, int]:
    """What all sites with photos come to together, and the requests to the one that is asked most."""
    listings = Counter(str(page["host"]) for page in seeds(crawler, scope))
    total, longest = Counter[str](), 0
    for host, years in listings.items():
        limit = None if scope.limit is None else max(0, scope.limit - total["issues"])
        found = await _estimate(connection, host, years, scope, limit)
        total.update(found)
        longest = max(longest, found["requests"])
    names = ("requests_known", "years_unread", "issues", "photos", "requests", "bytes")
    return {name: total[name] for name in names} | {"longest": longest}


async def _estimate(
    connection: Connection, host: str, listings: int, scope: Scope, limit: int | None
) -> dict[str, int]:
    """What is known to be due on a host, and what the listings not read yet will add at a guess."""
    parameters = scope_parameters([host], scope)
    due = await due_pages(connection, [host], scope)
    (read_years,) = await _row(connection, READ_YEARS, parameters)
    (revisits,) = await _row(connection, REVISITS, parameters)
    photos_an_issue, photo_bytes = await _row(connection, AVERAGES, {})
    years = listings - read_years
    issues = due.get(Role.ISSUE, 0) + years * ISSUES_A_YEAR
    if limit is not None:
        issues = min(issues, limit)
    photos = round(issues * (photos_an_issue or PHOTOS_AN_ISSUE)) + due.get(Role.PHOTO_PAGE, 0)
    known = sum(due.values()) or (revisits if not years else 0)
    images = due.get(Role.PICTURE, 0)
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


async def _row(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> tuple[Any, ...]:
    row = await (await connection.execute(query, parameters or None)).fetchone()
    assert row is not None
    return row


def print_foreseen_crawl(console: Console, scope: Scope, facts: dict[str, Any]) -> None:
    """What a crawl of this scope would do, for people."""
    limit = f", at most {counted(scope.limit, 'issue')}" if scope.limit else ""
    until = "today" if scope.until == date.max else scope.until
    console.print(f"Issues from {scope.since} to {until}{limit}; nothing but robots.txt was asked for.")
    console.print(f"robots.txt      {'allows it' if facts['allowed'] else 'does not allow it'}")
    if not facts["training"]:
        console.print("                but not training on photos, which are not asked for")
    console.print(f"delay           {facts['delay_s']:g} s ({facts['delay_reason']})")
    console.print(f"known and due   {counted(facts['requests_known'], 'page')}")
    guess = " (a guess: their indexes have not been read)" if facts["years_unread"] else ""
    console.print(f"issues          {facts['issues']}{guess}")
    console.print(f"photos          about {facts['photos']}, {size_in_words(facts['bytes'])}")
    requests = f"{facts['requests']}"
    if facts["race_requests"]:
        where = "in the whole range" if scope.all_races else "on the issues' days"
        console.print(f"races           about {facts['races']}, {where}")
        requests += f", and {facts['race_requests']} to the site of the races beside them"
    console.print(f"requests        about {requests}")
    console.print(f"time            about {span_in_words(facts['seconds'])} at one request in {facts['delay_s']:g} s")
