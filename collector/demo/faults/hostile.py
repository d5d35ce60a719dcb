"""The faults of the look-alike: their names and options, and when each one applies. Pure."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from collector.errors import UsageError

GRAMMAR = "FAULT[=VALUE][@GLOB][:RATE][xCOUNT[each]]"
SPELLING = re.compile(
    r"(?P<name>[a-z0-9-]+?)(?:=(?P<value>[^@]+?))?(?:@(?P<glob>[/*].*?))?"
    r"(?::(?P<rate>0?\.\d+|0|1(?:\.0+)?))?(?:x(?P<count>\d+)(?P<each>each)?)?"
)
SECONDS = re.compile(r"\d{1,4}(\.\d{1,3})?")
STATUS = re.compile(r"[45]\d\d")
ROBOTS = "/robots.txt"
EVERYTHING = "*"  # without robots.txt, which needs its own glob or a robots fault
IMAGES = "/*.jpg"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    meaning: str
    glob: str = EVERYTHING  # the default
    value: str | None = None  # the default; None: it takes no value


KINDS = {
    "429-retry-after": Kind("429 with Retry-After: VALUE, in seconds (other text is sent unchanged)", value="3"),
    "429-retry-date": Kind("429 with Retry-After as a date VALUE seconds ahead", value="3"),
    "503-retry-after": Kind("503 with Retry-After: VALUE", value="3"),
    "503-retry-date": Kind("503 with Retry-After as a date VALUE seconds ahead", value="3"),
    "reset": Kind("connection reset before an answer"),
    "reset-body": Kind("connection reset in the middle of the body"),
    "slow": Kind("the answer itself, VALUE seconds late", value="3"),
    "stall": Kind("no answer ever comes"),
    "stall-body": Kind("the body stops midway, the connection stays open"),
    "truncate": Kind("half of the announced body, then the connection is closed"),
    "gzip-bomb": Kind("2 MB of gzip that become 2 GiB"),
    "br-bomb": Kind("200 KB of Brotli that become 1 GiB"),
    "zstd-bomb": Kind("64 KB of Zstandard that become 2 GiB"),
    "endless": Kind("a chunked body without an end"),
    "huge-png": Kind("a tiny PNG that claims 50,000 x 50,000 pixels", IMAGES),
    "many-scans": Kind("a JPEG of 1.6 MB that takes a minute to decode", IMAGES),
    "cut-jpeg": Kind("a JPEG without its last third, but with its end marker", IMAGES),
    "euc-jp": Kind("every page in EUC-JP, labelled Shift_JIS"),
    "broken-bytes": Kind("every page with bytes that are not text in any charset"),
    "deep-page": Kind("every page with 4 MB more, which take half an hour to parse"),
    "html-as-jpeg": Kind("an HTML page served as image/jpeg", IMAGES),
    "redirect-loop": Kind("a redirect to itself"),
    "redirect-private": Kind("a redirect to a private address, a different one at each visit"),
    "redirect-host": Kind("a redirect to VALUE, another site", value="http://elsewhere.invalid/"),
    "redirect-within": Kind("a harmless redirect within the site"),
    "layout": Kind("a changed layout: every page with other tables, classes and file names"),
    "block-page": Kind("a block page with status 200"),
    "huge-header": Kind("a header of 256 KB"),
    "noimageindex": Kind("X-Robots-Tag: noimageindex", IMAGES),
    "noai": Kind("X-Robots-Tag: noai", IMAGES),
    "robots-500": Kind("robots.txt answers 500", ROBOTS),
    "robots-429": Kind("robots.txt answers 429", ROBOTS),
    "robots-stall": Kind("robots.txt never answers", ROBOTS),
    "robots-disallow": Kind("robots.txt disallows everything", ROBOTS),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, with the paths it applies to and how often."""

    name: str
    glob: str = EVERYTHING
    value: str | None = None
    rate: float = 1.0  # the share of visits that it applies to
    count: int | None = None  # the number of times that it applies; None: always
    each: bool = False  # whether `count` is for each page

    def matches(self, path: str) -> bool:
        """Whether the fault applies to this path."""
        if self.glob == EVERYTHING:
            return path != ROBOTS
        return fnmatchcase(path, self.glob)


def parse_fault(text: str) -> Fault:
    """A fault from its text, such as `503@/keibabook/1601*`, `reset:0.05` or `429-retry-after=3x1`.

    Raises:
        UsageError: it is not a fault; names all faults.
    """
    match = SPELLING.fullmatch(text.strip())
    kind = _kind(match["name"]) if match else None
    if match is None or kind is None:
        raise UsageError(
            f"--hostile {text!r} is not a fault; `collector demo-site --hostile help` describes them: 400 .. 599, "
            f"{', '.join(KINDS)}."
        )
    if match["value"] and kind.value is None:
        raise UsageError(f"--hostile {text}: {match['name']} takes no value.")
    value = match["value"] or kind.value
    if match["name"].endswith("-retry-date") and not (value or "").isdigit():
        raise UsageError(f"--hostile {text}: {value!r} is not a number of seconds; write {match['name']}=3.")
    if match["name"] == "slow" and not SECONDS.fullmatch(value or ""):
        raise UsageError(f"--hostile {text}: {value!r} is not a number of seconds; write slow=0.5.")
    return Fault(
        name=match["name"],
        glob=match["glob"] or kind.glob,
        value=value,
        rate=float(match["rate"] or 1),
        count=int(match["count"]) if match["count"] else None,
        each=bool(match["each"]),
    )


def _kind(name: str) -> Kind | None:
    return Kind(f"status {name}") if STATUS.fullmatch(name) else KINDS.get(name)


def list_faults() -> list[str]:
    """All faults, and how to write them, line by line."""
    width = max(map(len, KINDS))
    return [
        f"Write a fault as {GRAMMAR}. GLOB is a pattern of paths (default: all paths that it can apply",
        "to, without robots.txt), RATE 0..1 a share of the visits, COUNT how often, in all or for each page.",
        f"  {'400 .. 599':{width}}  that status",
        *(f"  {name:{width}}  {kind.meaning}" for name, kind in KINDS.items()),
        "For example: 503@/keibabook/1601*  reset:0.05  429-retry-after=3x1  truncate@/*.jpgx1each",
    ]


class Hostility:
    """The faults of a site, and how often each has applied. `faults` may be changed while the site runs."""

    def __init__(self, faults: Sequence[Fault | str] = (), random_seed: int = 0) -> None:
        self.faults = [parse_fault(fault) if isinstance(fault, str) else fault for fault in faults]
        self.random_seed = random_seed
        self._visits = Counter[str]()
        self._applied = Counter[tuple[Fault, str]]()

    def visit(self, path: str, query: str = "") -> tuple[Fault | None, int]:
        """The first fault that applies to this visit, if any, and the number of the visit to this page, from 1.

        A fault's pattern matches paths, but pages that differ only in their query are different pages.
        """
        page = f"{path}?{query}" if query else path
        self._visits[page] += 1
        number = self._visits[page]
        for fault in self.faults:
            if fault.matches(path) and self._is_hit(fault, page, number) and self._has_left(fault, page):
                return fault, number
        return None, number

    def _is_hit(self, fault: Fault, page: str, number: int) -> bool:
        words = f"{self.random_seed}:{fault.name}:{page}:{number}"
        share = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8]) / 2**64
        return share < fault.rate

    def _has_left(self, fault: Fault, page: str) -> bool:
        key = (fault, page if fault.each else "")
        self._applied[key] += 1
        return fault.count is None or self._applied[key] <= fault.count
