"""robots.txt and its relatives, as pure rules: what may be asked, how often, and when."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from protego import Protego

from collector.errors import UsageError

PRODUCT_TOKEN = "paddock-collector"  # noqa: S105 (no secret: what a robots.txt group names us by)
READ_BYTES = 512 * 1024  # RFC 9309 section 2.5 asks for at least 500 KiB
LONGEST_DELAY = 30 * 86400.0  # seconds; what asks for more than this asks for nothing we could keep
SLOW_ANSWER = 5.0  # times the last response's duration, after Heritrix: a slow server is left alone longer
TOKYO = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address may be asked for, and the line that decides it (None: no line matches)."""

    allowed: bool
    line: str | None = None
    line_number: int | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    field: str
    value: str
    text: str


class Robots:
    """The rules of one robots.txt, for our own product token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rules = Protego.parse(text)

    @classmethod
    def parse(cls, body: bytes) -> "Robots":
        """From the bytes of the file: its first 512 KiB, cut at a line's end. Anything is accepted."""
        if len(body) > READ_BYTES:
            body = body[:READ_BYTES]
            body = body[: body.rfind(b"\n") + 1] or body
        return cls(body.decode("utf-8-sig", "replace"))

    @classmethod
    def allow_all(cls) -> "Robots":
        """The rules of a site that has no robots.txt."""
        return cls("")

    @classmethod
    def disallow_all(cls, reason: str) -> "Robots":
        """The rules while a site's robots.txt is out of reach."""
        return cls(f"User-agent: *\nDisallow: / # {reason}")

    def allowed(self, url: str) -> bool:
        """Whether an address may be asked for."""
        return self._rules.can_fetch(url, PRODUCT_TOKEN)

    def verdict(self, url: str) -> Verdict:
        """Whether an address may be asked for, and by which line."""
        allowed = self.allowed(url)
        wanted = "allow" if allowed else "disallow"
        matching = [line for line in self._own_lines if line.field == wanted and _matches(line, url)]
        if not matching:
            return Verdict(allowed)
        # The longest pattern decides (RFC 9309 section 2.2.2).
        best = max(matching, key=lambda line: len(line.value))
        return Verdict(allowed, best.text, best.number)

    @cached_property
    def _own_lines(self) -> list[_Line]:
        """The rules of every group that names us, or else of the groups for everybody."""
        groups: list[tuple[set[str], list[_Line]]] = []
        for line in _lines(self._text):
            if line.field == "user-agent":
                if not groups or groups[-1][1]:
                    groups.append((set(), []))
                groups[-1][0].add(line.value.lower())
            elif groups:
                groups[-1][1].append(line)
        own = [lines for agents, lines in groups if PRODUCT_TOKEN in agents]
        everybody = [lines for agents, lines in groups if "*" in agents]
        return [line for lines in own or everybody for line in lines]

    @cached_property
    def crawl_delay(self) -> float | None:
        """Seconds between two requests, as Crawl-delay asks."""
        return _sensible(self._rules.crawl_delay(PRODUCT_TOKEN))

    @cached_property
    def request_interval(self) -> float | None:
        """Seconds a request, as Request-rate asks."""
        rate = self._rules.request_rate(PRODUCT_TOKEN)
        return _sensible(rate.seconds / rate.requests) if rate and rate.requests else None

    @cached_property
    def visit_time(self) -> tuple[time, time] | None:
        """When the site wants to be visited, in UTC."""
        visit = self._rules.visit_time(PRODUCT_TOKEN)
        return (visit.start_time, visit.end_time) if visit else None


def _lines(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        field, colon, value = raw.partition("#")[0].partition(":")
        if colon:
            yield _Line(number, field.strip().lower(), value.strip(), raw.strip())


def _matches(line: _Line, url: str) -> bool:
    """Whether one rule is about an address, by the same matcher that decides."""
    if not line.value:
        return False
    if line.field == "disallow":
        return not Protego.parse(f"User-agent: *\nDisallow: {line.value}").can_fetch(url, "*")
    return Protego.parse(f"User-agent: *\nDisallow: /\nAllow: {line.value}").can_fetch(url, "*")


def _sensible(seconds: float | None) -> float | None:
    if seconds is None or math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, LONGEST_DELAY)


def delay_in_force(own: float, robots: Robots, last_took: float, loopback: bool) -> tuple[float, str]:
    """Seconds to the next request, and why: the longest of all that ask for a pause.

    A site on this machine for which nobody asks for a pause gets none, so that it can be used for measuring.
    """
    wishes = [
        (own, "our own crawl delay"),
        (robots.crawl_delay or 0.0, "Crawl-delay of robots.txt"),
        (robots.request_interval or 0.0, "Request-rate of robots.txt"),
    ]
    if loopback and not any(seconds for seconds, _ in wishes):
        return 0.0, "a site on this machine"
    wishes.append((SLOW_ANSWER * last_took, "five times the last answer's duration"))
    return max(wishes, key=lambda wish: wish[0])


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """What Retry-After asks for, in seconds from `now`; None where it says nothing usable (RFC 9110, 10.2.3)."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())


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
