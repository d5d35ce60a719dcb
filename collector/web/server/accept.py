"""Which of the types that an address has a request wants (RFC 9110, 12.5.1)."""

import re
from collections.abc import Sequence

from aiohttp import web

RANGE = re.compile(r"\s*([\w.+*-]+/[\w.+*-]+)\s*(?:;(.*))?", re.ASCII | re.DOTALL)
WEIGHT = re.compile(r"(?:^|;)\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.ASCII | re.I)


def accepted(request: web.Request, offered: Sequence[str]) -> str | None:
    """The type that a request likes best, of equals the first. Without Accept it is the first; None: it likes none."""
    header = ",".join(request.headers.getall("Accept", []))
    if not header.strip():
        return offered[0]
    ranges = _ranges(header)
    best = max(offered, key=lambda kind: _weight(kind, ranges))  # of equals the first
    return best if _weight(best, ranges) > 0 else None


def _ranges(header: str) -> dict[str, float]:
    """The weight of each range of types; what is not a range is passed over."""
    found: dict[str, float] = {}
    for part in header.split(","):
        if matched := RANGE.fullmatch(part):
            weight = WEIGHT.search(matched[2] or "")
            found[matched[1].lower()] = float(weight[1]) if weight else 1.0
    return found


def _weight(kind: str, ranges: dict[str, float]) -> float:
    """What the narrowest range says that a type is in."""
    narrowest = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((ranges[name] for name in narrowest if name in ranges), 0.0)
