"""Which page next: what is due, in which order, and when a page is asked for again."""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from collector.errors import UsageError
from collector.models import UNDATED, PageKind
from collector.politeness import OPEN_FOR, Slot
from collector.typed import half_width

# An issue is finished before the next one is begun, so that what is held is always whole issues.
PRIORITY = {
    PageKind.IMAGE: 40,
    PageKind.PHOTO_PAGE: 30,
    PageKind.ISSUE_INDEX: 20,
    PageKind.YEAR_INDEX: 10,
    PageKind.RACE_RESULT: 40,
    PageKind.RACE_CARD: 40,
    PageKind.RACE_DAY: 20,
    PageKind.COMING_DAY: 20,
    PageKind.RACE_CALENDAR: 10,
    PageKind.HORSE: 15,
    PageKind.HORSE_SEARCH: 15,
    PageKind.APTITUDE: 10,
    PageKind.REVIEWS: 10,
    PageKind.ROBOTS: 0,
}
LISTINGS = (PageKind.YEAR_INDEX, PageKind.ISSUE_INDEX, PageKind.RACE_CALENDAR)
LABELS = (PageKind.HORSE, PageKind.APTITUDE, PageKind.REVIEWS)
RACING = (PageKind.RACE_DAY, PageKind.COMING_DAY, PageKind.RACE_RESULT, PageKind.RACE_CARD)
FIRST_YEAR = 2001  # of the archive
STILL_CHANGING = timedelta(days=28)  # after its date, a listing is not expected to change any more
SETTLED = timedelta(days=7)  # after a race, its result stands: disqualifications and corrections come within days
FIRST_INTERVAL = timedelta(days=30)  # between two looks at a horse's aptitude
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(days=7), timedelta(days=180)
SPAN = re.compile(r"([0-9]{1,4})\s?([hdw])")
BEFORE_AN_ISSUE = "4"  # days before an issue's date on which its races may have been; part of queries


@dataclass(frozen=True, slots=True)
class Scope:
    """What a crawl covers: the dates, both included, and at most so many issues from the first on."""

    since: date
    until: date
    limit: int | None = None  # issues; of labels: pages
    all_races: bool = False  # every race day of the range; or those only that the photos need

    @property
    def pages(self) -> int | None:
        """How many pages may be asked for at most, where that is limited."""
        return self.limit if self.since == UNDATED else None

    @property
    def token(self) -> str:
        """A short name of this scope, the same for every process that crawls it."""
        limit, races = f"#{self.limit}" if self.limit else "", "+races" if self.all_races else ""
        return f"{self.since}..{self.until}{limit}{races}"

    @property
    def title(self) -> str:
        """What it covers, for people."""
        if self.since == UNDATED:
            return "labels" if self.limit is None else f"labels, at most {self.limit} pages"
        until = "today" if self.until == date.max else f"{self.until}"
        limit = f", at most {self.limit} issues" if self.limit else ""
        return f"{self.since} to {until}{limit}{', all races' if self.all_races else ''}"


def read_scope(since: str | None, until: str | None, limit: int | None, *, all_races: bool = False) -> Scope:
    """What a user's words cover: a year or a date each.

    Raises:
        UsageError: with an example.
    """
    first = _read_day(since, "--since", date(FIRST_YEAR, 1, 1), date(1, 1, 1))
    last = _read_day(until, "--until", date.max, date(1, 12, 31))
    if first > last:
        raise UsageError(f"--since {first} is after --until {last}.")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit} is no number of issues; it must be 1 or more.")
    return Scope(first, last, limit, all_races)


def _read_day(text: str | None, option: str, default: date, whole_year: date) -> date:
    if text is None:
        return default
    typed = half_width(text).replace("/", "-")
    try:
        if len(typed) == 4 and typed.isdecimal():
            return whole_year.replace(year=int(typed))
        return date.fromisoformat(typed)
    except ValueError as error:
        raise UsageError(f"{option} {text} is neither a year (2016) nor a date (2016-05-23).") from error


def read_span(text: str | None, option: str) -> timedelta | None:
    """A span of time as a user writes it: 12h, 30d, 8w.

    Raises:
        UsageError: with an example.
    """
    if text is None:
        return None
    match = SPAN.fullmatch(half_width(text))
    if not match:
        raise UsageError(f"{option} {text} is no span of time; write it as 12h, 30d or 8w.")
    unit = {"h": "hours", "d": "days", "w": "weeks"}[match[2]]
    return timedelta(**{unit: int(match[1])})


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page to be asked for, with what is known of it from the last time."""

    id: int
    url: str
    source: str
    kind: PageKind
    dated: date
    state: str
    etag: str | None
    last_modified: str | None
    digest: str | None
    failures: int
    checked_at: datetime | None = None  # when the site last answered in full, 304 included

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "DuePage":
        """From the columns of this class, in its order."""
        page_id, url, source, kind, *rest = row
        return cls(page_id, url, source, PageKind(kind), *rest)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the frontier says to a lane: this page on this slot, or blocked, or nothing is due."""

    page: DuePage | None = None
    slot: Slot | None = None
    blocked_until: datetime | None = None  # None with a reason: for good
    reason: str | None = None


# The end of a crawl's range: its last day, or the day of its last issue where their number is limited.
RANGE_END = """LEAST(%(until)s::date, CASE WHEN %(limit)s::int IS NULL THEN NULL ELSE
    (SELECT dated FROM page WHERE kind = 'issue_index' AND dated >= %(since)s::date
     ORDER BY dated OFFSET %(limit)s::int - 1 LIMIT 1) END)"""

# A year's index and a month's calendar stand under their first day, and are needed for any part of it; races are
# before their issue.
IN_SCOPE = f"""dated <= {RANGE_END} AND dated >=
    CASE WHEN kind = 'year_index' THEN date_trunc('year', %(since)s::date)::date
         WHEN kind = 'race_calendar' THEN date_trunc('month', %(since)s::date)::date
         WHEN kind IN ('race_day', 'coming_day', 'race_result', 'race_card') THEN %(since)s::date - {BEFORE_AN_ISSUE}
         ELSE %(since)s::date END"""

TAKE = f"""
WITH next AS (
    SELECT id, url, source, kind, dated, state, etag, last_modified, digest, failures, last_fetched_at FROM page
    WHERE host = %(host)s AND due_at <= clock_timestamp() AND kind <> 'robots'
      AND {IN_SCOPE}
    ORDER BY priority DESC, dated, id LIMIT 1)
SELECT next.*, gate.slot, gate.wait, NULLIF(gate.closed_until, 'infinity'), gate.reason
FROM next, LATERAL reserve_slot(%(host)s, %(epoch)s, %(delay)s, %(open_for)s) AS gate
"""


def scope_parameters(hosts: Sequence[str], scope: Scope) -> dict[str, Any]:
    """What the scope's conditions in SQL need."""
    return {"hosts": list(hosts), "since": scope.since, "until": scope.until, "limit": scope.limit}


def take_parameters(host: str, epoch: int, delay: float, scope: Scope) -> dict[str, Any]:
    """What TAKE needs."""
    return {
        "host": host,
        "epoch": epoch,
        "delay": delay,
        "open_for": OPEN_FOR,
        "since": scope.since,
        "until": scope.until,
        "limit": scope.limit,
    }


def read_turn(row: tuple[Any, ...] | None, asked: float) -> Turn:
    """The answer to TAKE, which was put at `asked` on the loop's clock."""
    if row is None:
        return Turn()
    (*known, slot, wait, blocked_until, reason) = row
    if slot is None:
        return Turn(blocked_until=blocked_until, reason=reason)
    return Turn(DuePage.from_row(known), Slot.from_row(slot, wait, asked))


def revisit_at(kind: PageKind, dated: date, at: datetime) -> datetime | None:
    """When to ask again for a page that was read well at `at`; None for never.

    Only listings change, and only while they are young: a year's index and a month's calendar until four weeks after
    their end, an issue's until four weeks after its date. A race is asked for daily until its day, and once more a
    week after it, when the result stands. When a horse's aptitude is asked for again, `collector.refresh` decides.
    """
    if kind in RACING:
        return _after_the_race(kind, dated, at)
    if kind not in LISTINGS:
        return None
    return at + timedelta(days=1) if at.date() <= _last_day(kind, dated) + STILL_CHANGING else None


def _last_day(kind: PageKind, dated: date) -> date:
    """The last day that a page is about."""
    if kind is PageKind.YEAR_INDEX:
        return date(dated.year, 12, 31)
    if kind is PageKind.RACE_CALENDAR:
        return dated.replace(day=monthrange(dated.year, dated.month)[1])
    return dated


def ask_opinion_at(at: datetime, checked_at: datetime | None, *, changed: bool) -> datetime:
    """When to ask for a horse's aptitude again: opinion that stands is asked for less and less often.

    The next interval follows the last one: half as long again where nothing had changed, half as long where
    something had; never under a week, never over half a year.
    """
    if checked_at is None:
        return at + FIRST_INTERVAL
    interval = (at - checked_at) * (0.5 if changed else 1.5)
    return at + min(max(interval, SHORTEST_INTERVAL), LONGEST_INTERVAL)


def _after_the_race(kind: PageKind, dated: date, at: datetime) -> datetime | None:
    if today(at) <= dated:
        return at + timedelta(days=1)
    if kind in (PageKind.RACE_CARD, PageKind.COMING_DAY) or today(at) > dated + SETTLED:
        return None
    return at + (SETTLED + timedelta(days=1) if kind is PageKind.RACE_RESULT else timedelta(days=1))


def recheck_at(kind: PageKind, dated: date, at: datetime) -> datetime | None:
    """When to ask again for a page that is gone: a young one may only be late; others never."""
    return at + timedelta(days=7) if at.date() <= _last_day(kind, dated) + STILL_CHANGING else None


def retry_at(failures: int, at: datetime) -> datetime:
    """When to try a failed page again: an hour, doubling to thirty days."""
    return at + timedelta(hours=min(2 ** (failures - 1), 720))


def seed_year(year: int) -> date:
    """The date under which a year's index stands."""
    return date(year, 1, 1)


def today(at: datetime | None = None) -> date:
    """The day in Japan, where the magazine's week begins."""
    return ((at or datetime.now(UTC)) + timedelta(hours=9)).date()
