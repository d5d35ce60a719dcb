"""When the next request to a host may start: the delay between two requests, and the opening hours. Pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from collector.codes import Delay
from collector.errors import UsageError
from collector.politeness.robots import Robots

SLOW_ANSWER = 5.0  # times the last response's duration, after Heritrix: a slow server is left alone longer
TOKYO = ZoneInfo("Asia/Tokyo")


def delay_in_force(own: float, robots: Robots, last_took: float, loopback: bool) -> tuple[float, Delay]:
    """Seconds to the next request, and what asks for them: the longest of all that ask for a pause.

    A site on this machine for which nobody asks for a pause gets none, so that it can be used for measuring.
    """
    wishes = [
        (own, Delay.OWN),
        (robots.crawl_delay or 0.0, Delay.CRAWL_DELAY),
        (robots.request_interval or 0.0, Delay.REQUEST_RATE),
    ]
    if loopback and not any(seconds for seconds, _ in wishes):
        return 0.0, Delay.LOOPBACK
    wishes.append((SLOW_ANSWER * last_took, Delay.SLOW_ANSWER))
    return max(wishes, key=lambda wish: wish[0])


def next_opening(now: datetime, own: tuple[time, time] | None, site: tuple[time, time] | None) -> datetime:
    """The first moment from `now` on at which both our hours (Asia/Tokyo) and the site's (UTC) are open.

    Raises:
        UsageError: they are never open together.
    """
    windows = [(hours, zone) for hours, zone in ((own, TOKYO), (site, UTC)) if hours and hours[0] != hours[1]]
    moment = now
    for _ in range(2 * len(windows) + 1):
        opened = moment
        for (start, end), zone in windows:
            opened = _opening(opened, start, end, zone)
        if opened == moment:
            return moment
        moment = opened
    raise UsageError("PADDOCK_HOURS and the site's Visit-time are never open together; choose other hours.")


def _opening(now: datetime, start: time, end: time, zone: tzinfo) -> datetime:
    """The first moment from `now` on within one daily window, which may pass midnight."""
    local = now.astimezone(zone)
    clock = local.time()
    is_open = start <= clock < end if start < end else (clock >= start or clock < end)
    if is_open:
        return now
    opens = local.replace(hour=start.hour, minute=start.minute, second=start.second, microsecond=start.microsecond)
    return (opens if opens > local else opens + timedelta(days=1)).astimezone(UTC)
