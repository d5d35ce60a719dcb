"""robots.txt and its relatives, as pure rules: what may be asked, how often, and when."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import cached_property
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from protego import Protego

from collector import PRODUCT_TOKEN
from collector.codes import Delay
from collector.errors import TryLater, Unsafe, UsageError
from collector.fetch import keepout
from collector.fetch.headers import LONGEST
from collector.politeness.robots_text import robots_text

READ_BYTES = 512 * 1024  # RFC 9309 section 2.5 asks for at least 500 KiB
SLOW_ANSWER = 5.0  # times the last response's duration, after Heritrix: a slow server is left alone longer
TOKYO = ZoneInfo("Asia/Tokyo")
# Misspellings and missing colons are read as Protego reads them.
FIELD = re.compile(
    r"(user[- ]?agent|dis+al+[oa]w|diasllow|allow|crawl[- ]delay|request[- ]rate|visit[- ]time"
    r"|content-signal|content-usage)(?:\s*:|\s|$)(.*)",
    re.I,
)
SIGNALS = ("content-signal", "content-usage")
SITE_WIDE = re.compile(r"(sitemaps?|site-map|host)(\s*:|\s|$)", re.I)  # of no group, so it ends none
NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
NAMED = re.compile(r"\*(?=\s|$)|[a-z0-9_-]*")  # whom a user-agent line means: everybody, or a name without version


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


class _Rules:
    """Allow and Disallow lines; the longest pattern that matches decides (RFC 9309 section 2.2.2)."""

    def __init__(self, lines: Iterable[_Line]) -> None:
        self._lines = [line for line in lines if line.field in ("allow", "disallow")]
        # Protego gets our own group alone: it would also give us the groups of names that ours begins with, and
        # takes minutes for a file that names thousands of robots.
        self._protego = Protego.parse(
            "\n".join(["User-agent: *", *(f"{line.field}: {line.value}" for line in self._lines)])
        )

    def allowed(self, url: str) -> bool:
        return self._protego.can_fetch(url, PRODUCT_TOKEN)

    def verdict(self, url: str) -> Verdict:
        allowed = self.allowed(url)
        if "/robots.txt" in url and urlsplit(url).path == "/robots.txt":
            return Verdict(allowed)  # always, whatever the lines say
        for line, alone in self._matchers:
            if (line.field == "allow") == allowed == alone.can_fetch(url, "*"):
                return Verdict(allowed, line.text, line.number)
        return Verdict(allowed)

    @cached_property
    def _matchers(self) -> list[tuple[_Line, Protego]]:
        """Each rule as a file of its own; the longest pattern first."""
        found = []
        for line in self._lines:
            if line.value:
                other = "Disallow: /\n" if line.field == "allow" else ""
                found.append((line, Protego.parse(f"User-agent: *\n{other}{line.field}: {line.value}")))
        return sorted(found, key=lambda one: -len(quote(one[0].value, safe="/%*$=")))


class Robots:
    """The rules of one robots.txt, for our own product token."""

    def __init__(self, text: str, out_of_reach: str | None = None) -> None:
        self.out_of_reach = out_of_reach  # why it is not known what the site allows; None: these are its own rules
        self._lines = _own_lines(text)
        self._rules = _Rules(self._lines)

    @classmethod
    def parse(cls, body: bytes) -> "Robots":
        """From the bytes of the file: its first 512 KiB, cut at a line's end. Any text is accepted."""
        try:
            return cls(robots_text(body, READ_BYTES))
        except (TryLater, Unsafe) as error:
            return cls.disallow_all(str(error))

    @classmethod
    def allow_all(cls) -> "Robots":
        """The rules of a site that has no robots.txt."""
        return cls("")

    @classmethod
    def disallow_all(cls, reason: str) -> "Robots":
        """The rules while a site's robots.txt is out of reach."""
        return cls(f"User-agent: *\nDisallow: / # {' '.join(reason.split())}", reason)

    def allowed(self, url: str) -> bool:
        """Whether an address may be asked for."""
        return self._rules.allowed(url)

    def verdict(self, url: str) -> Verdict:
        """Whether an address may be asked for, and by which line."""
        return self._rules.verdict(url)

    def training(self, url: str) -> Verdict:
        """Whether a photo at this address may be trained on, by Content-Signal and Content-Usage; by which line."""
        return Verdict(True) if self._signals.allowed(url) else self._signals.verdict(url)

    @cached_property
    def _signals(self) -> _Rules:
        """The signals about training as rules, which their paths are; of two for one path the stricter one."""
        stated = [_as_rule(line) for line in self._lines if line.field in SIGNALS]
        kept_out = {rule.value for rule in stated if rule and rule.field == "disallow"}
        return _Rules(rule for rule in stated if rule and (rule.field == "disallow" or rule.value not in kept_out))

    def _asked(self, field: str) -> Iterator[str]:
        return (line.value for line in self._lines if line.field == field)

    @cached_property
    def crawl_delay(self) -> float | None:
        """Seconds between two requests, as Crawl-delay asks; the longest, if it asks twice."""
        return max(filter(None, map(_seconds, self._asked("crawl-delay"))), default=None)

    @cached_property
    def request_interval(self) -> float | None:
        """Seconds a request, as Request-rate asks; the slowest, if there is one for each time of day."""
        found = []
        for value in self._asked("request-rate"):
            if rate := Protego.parse(f"User-agent: *\nRequest-rate: {value}").request_rate("*"):
                too_long = rate.seconds // rate.requests >= LONGEST  # as whole numbers, which may be of any size
                found.append(LONGEST if too_long else rate.seconds / rate.requests)
        return max(found, default=None)

    @cached_property
    def visit_time(self) -> tuple[time, time] | None:
        """When the site wants to be visited, in UTC."""
        visit = None
        for value in self._asked("visit-time"):
            hours = value.replace("2400", "0000")  # midnight
            visit = Protego.parse(f"User-agent: *\nVisit-time: {hours}").visit_time("*") or visit
        return (visit.start_time, visit.end_time) if visit else None


def _read(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        content = raw.partition("#")[0].strip()
        if match := FIELD.match(content):
            field = match[1].lower().replace(" ", "-").replace("useragent", "user-agent")
            field = "disallow" if field.startswith("di") else field
            yield _Line(number, field, match[2].strip(), raw.strip())
        elif ":" in content and not SITE_WIDE.match(content):
            yield _Line(number, "unknown", "", raw.strip())


def _as_rule(line: _Line) -> _Line | None:
    """What a signal says about training, of the path that it names or of everything; None where it says nothing."""
    path, _, stated = (
        line.value.replace("\t", " ").partition(" ") if line.value.startswith("/") else ("/", "", line.value)
    )
    if not keepout.states_training(stated):
        return None
    return replace(line, field="disallow" if keepout.of_signals([stated]) else "allow", value=path)


def _own_lines(text: str) -> list[_Line]:
    """The lines of all groups that name us, or else of the groups for everybody; signals of no group are for all."""
    groups: dict[str, list[_Line]] = {}
    agents: set[str] = set()
    of_none = list[_Line]()
    naming = anybody = False
    for line in _read(text):
        anybody = anybody or line.field == "user-agent"
        if not anybody and line.field in SIGNALS:
            of_none.append(line)
        if line.field == "user-agent":
            agents = agents if naming else set()
            match = NAMED.match(line.value.lower())
            if match and match[0] in (PRODUCT_TOKEN, "*"):
                agents.add(match[0])
                groups.setdefault(match[0], [])
        else:
            for agent in agents:
                groups[agent].append(line)
        naming = line.field == "user-agent"
    return of_none + groups.get(PRODUCT_TOKEN, groups.get("*", []))


def _seconds(value: str) -> float | None:
    """What Crawl-delay asks for, whatever stands behind the number; None where there is none."""
    number = NUMBER.match(value)
    try:
        seconds = float(number[0].replace(",", ".") if number else value)
    except ValueError:
        return None
    return min(seconds, LONGEST) if seconds >= 0 else None


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
