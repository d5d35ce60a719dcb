"""Sizes and spans of time as people read and write them, in both programs and on their pages. Pure."""

import re
from datetime import timedelta

from collector.console.typed import half_width
from collector.errors import UsageError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
COARSE = ((86_400, "d"), (3_600, "h"), (60, "min"))  # seconds


def size_in_words(count: float) -> str:
    """A number of bytes in units of 1,000: `512 B`, `12.3 kB`, `200 MB`."""
    return _scaled(count, 1000, ("B", "kB", "MB", "GB", "TB"))


def limit_in_words(count: float) -> str:
    """A limit on bytes, which are powers of two, in units of 1,024: `64 KiB`, `1.5 MiB`."""
    return _scaled(count, 1024, ("B", "KiB", "MiB", "GiB", "TiB")).replace(".0 ", " ")


def _scaled(count: float, step: int, units: tuple[str, ...]) -> str:
    """Three digits or four, in the largest unit of which there is at least one as it is written."""
    index, value = 0, round(count)
    while index < len(units) - 1 and round(value) >= step:
        index, value = index + 1, value / step
    digits = 1 if index and round(value, 1) < 100 else 0
    return f"{value:.{digits}f} {units[index]}"


def span_in_words(seconds: float | None) -> str:
    """A span in its two largest units: `45 s`, `3 min 20 s`, `1 h 05 min`, `2 d 3 h`."""
    if seconds is None:
        return "not known yet"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours >= 48:
        return _two(hours // 24, "d", hours % 24, "h")
    if hours:
        return _two(hours, "h", minutes, "min")
    return _two(minutes, "min", rest, "s") if minutes else f"{rest} s"


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    width = 1 if unit == "d" else 2
    return f"{first} {unit} {second:0{width}} {smaller}" if second else f"{first} {unit}"


def age_in_words(seconds: float) -> str:
    """How old a thing is, in the largest unit of which there are two: `90 s`, `5 min`, `3 h`, `2 d`."""
    for unit, name in COARSE:
        if seconds >= 2 * unit:
            return f"{round(seconds / unit)} {name}"
    return f"{max(0, round(seconds))} s"


def read_span(text: str, option: str, *, units: str = "hdw") -> timedelta:
    """A span as a user writes it: `12h`, `30d`, `8w`.

    Raises:
        UsageError: with an example.
    """
    found = re.fullmatch(rf"([0-9]{{1,4}})\s?([{units}])", half_width(text))
    if not found:
        *others, last = (example for example in ("30m", "12h", "30d", "8w") if example[-1] in units)
        raise UsageError(f"{option} {text} is not a span of time; write it as {', '.join(others)} or {last}.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
