"""In which order pages are asked for, and when one is due again. Pure."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from collector.storage.roles import Role

# An issue is finished before the next one is begun, so that what is held is always whole issues.
PRIORITY = {
    Role.PICTURE: 40,
    Role.PHOTO_PAGE: 30,
    Role.ISSUE: 20,
    Role.LISTING: 10,
    Role.RESULT: 40,
    Role.CARD: 40,
    Role.RACE_DAY: 20,
    Role.COMING_DAY: 20,
    Role.CALENDAR: 10,
    Role.HORSE: 15,
    Role.HORSE_SEARCH: 15,
    Role.APTITUDE: 10,
    Role.REVIEWS: 10,
    Role.ROBOTS: 0,
}
LISTINGS = (Role.LISTING, Role.ISSUE, Role.CALENDAR)
RACING = (Role.RACE_DAY, Role.COMING_DAY, Role.RESULT, Role.CARD)
STILL_CHANGING = timedelta(days=28)  # after its date, a listing is not expected to change any more
SETTLED = timedelta(days=7)  # after a race, its result stands: disqualifications and corrections come within days
FIRST_INTERVAL = timedelta(days=30)  # between two looks at a horse's aptitude
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(days=7), timedelta(days=180)


def revisit_at(role: Role, dated: date, at: datetime) -> datetime | None:
    """When to ask again for a page that was read well at `at`; None for never.

    Only listings change, and only while they are young: a year's index and a month's calendar until four weeks after
    their end, an issue's until four weeks after its date. A race is asked for daily until its day, and once more a
    week after it, when the result stands. For a horse's aptitude see `ask_opinion_at`.
    """
    if role in RACING:
        return _after_the_race(role, dated, at)
    if role not in LISTINGS:
        return None
    return at + timedelta(days=1) if at.date() <= _last_day(role, dated) + STILL_CHANGING else None


def _last_day(role: Role, dated: date) -> date:
    """The last day that a page is about."""
    if role is Role.LISTING:
        return date(dated.year, 12, 31)
    if role is Role.CALENDAR:
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


def _after_the_race(role: Role, dated: date, at: datetime) -> datetime | None:
    if today(at) <= dated:
        return at + timedelta(days=1)
    if role in (Role.CARD, Role.COMING_DAY) or today(at) > dated + SETTLED:
        return None
    return at + (SETTLED + timedelta(days=1) if role is Role.RESULT else timedelta(days=1))


def recheck_at(role: Role, dated: date, at: datetime) -> datetime | None:
    """When to ask again for a page that is gone: a young one may only be late; others never."""
    return at + timedelta(days=7) if at.date() <= _last_day(role, dated) + STILL_CHANGING else None


def retry_at(failures: int, at: datetime) -> datetime:
    """When to try a failed page again: an hour, doubling to thirty days."""
    return at + timedelta(hours=min(2 ** (failures - 1), 720))


def seed_year(year: int) -> date:
    """The date under which a year's index stands."""
    return date(year, 1, 1)


def today(at: datetime | None = None) -> date:
    """The day in Japan, where the magazine's week begins."""
    return ((at or datetime.now(UTC)) + timedelta(hours=9)).date()
