"""robots.txt and its relatives, as pure rules: what may be asked, and what they want of our pace."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import time
from functools import cached_property
from urllib.parse import quote, urlsplit

from protego import Protego

from collector import PRODUCT_TOKEN
from collector.errors import TryLater, Unsafe
from collector.fetch import keepout
from collector.fetch.headers import LONGEST
from collector.politeness.robots_text import robots_text

READ_BYTES = 512 * 1024  # RFC 9309 section 2.5 asks for at least 500 KiB
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
        return not self._lines or self._protego.can_fetch(url, PRODUCT_TOKEN)

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
