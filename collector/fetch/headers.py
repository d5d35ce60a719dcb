"""What a site says in headers, checked where it comes in: afterwards it is plain ASCII, or nothing. Pure.

A header is bytes of the site's choice. What is not ASCII reaches us as lone surrogates, which no database takes.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urljoin, urlsplit

from collector.errors import Unsafe

LONGEST = 100 * 365 * 86400.0  # seconds; a century stands for all that is longer, so that dates can be written
SECONDS = re.compile(r"(\d+(?:\.\d*)?) ?(?:s|secs?|seconds?)?", re.I | re.A)
LONGEST_VALIDATOR = 500  # characters; longer ones are a site's mistake
LONGEST_TYPE = 200
LONGEST_SHOWN = 300  # of a site's own words in an error
ETAG = re.compile(r'(?:W/)?"[\x20\x21\x23-\x7e]+"|[\x21\x23-\x7e]+')  # the second without its quotes, as some send it
MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
BACKSLASH = re.compile(rb"(?<![\x80-\xff])\\")  # a slash to browsers; after another byte half a letter of Shift_JIS
KEPT_IN_ADDRESSES = "!#$%&'()*+,/:;=?@[]~"  # quote() keeps letters, digits and _.- besides
# Codings that would have to be undone, and that nobody asked for; any other label names no coding at all.
NOT_ASKED_FOR = frozenset(("deflate", "compress", "x-compress", "exi", "pack200-gzip", "dcb", "dcz", "aes128gcm"))
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "br": "br", "zstd": "zstd"} | {label: label for label in NOT_ASKED_FOR}


def all_of(headers: Mapping[str, str], name: str) -> list[str]:
    """The values of all headers of this name, as they came."""
    if hasattr(headers, "getall"):
        return list(headers.getall(name, []))  # pyright: ignore[reportAttributeAccessIssue]
    return [headers[name]] if name in headers else []


def shown(text: object) -> str:
    """A site's words as part of an error: what can be stored and shown, and no more than a line of it."""
    plain = "".join(char if char.isprintable() else f"\\x{ord(char) & 0xFF:02x}" for char in str(text)[:LONGEST_SHOWN])
    return plain.encode("utf-8", "backslashreplace").decode()


def storable(text: str) -> str:
    """Any text as a database takes it: no lone surrogates, no zero bytes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def usable_etag(value: str | None) -> str | None:
    """An entity tag that can be sent back just as it came; None where there is none. `*` would match anything."""
    usable = value and value != "*" and len(value) <= LONGEST_VALIDATOR and ETAG.fullmatch(value)
    return value if usable else None


def usable_date(value: str | None) -> str | None:
    """A Last-Modified that can be sent back just as it came; None where it is not a date."""
    if not value or len(value) > LONGEST_VALIDATOR or not value.isascii() or not value.isprintable():
        return None
    return value if read_date(value) else None


def read_date(value: str | None) -> datetime | None:
    """A date as HTTP writes it, in UTC; None where it is none."""
    try:
        moment = parsedate_to_datetime((value or "").strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def content_type(value: str | None) -> str:
    """A Content-Type without what is not ASCII in it."""
    if value and len(value) <= LONGEST_TYPE and value.isascii() and value.isprintable():  # nearly always
        return value.strip()
    return "".join(char for char in (value or "")[:LONGEST_TYPE] if " " <= char <= "~").strip()


def media_type(value: str | None) -> str:
    """The media type alone, in small letters; empty where none is named."""
    named = MEDIA_TYPE.match(content_type(value).lower())
    return named[0] if named else ""


def codings(headers: Mapping[str, str]) -> list[str]:
    """How a body is packed, outermost last. Labels that name no coding (`utf-8`) say nothing, as in browsers."""
    if "Content-Encoding" not in headers:
        return []
    labels = ",".join(all_of(headers, "Content-Encoding")).lower().split(",")
    return [CODINGS[label.strip()] for label in labels if label.strip() in CODINGS]


def redirect_target(url: str, location: str | None) -> str:
    """Where a redirect leads, absolute and percent-encoded as browsers do it: raw bytes stay the bytes they are.

    Raises:
        Unsafe: nowhere, or to what is not an address.
    """
    raw = (location or "").encode("utf-8", "surrogateescape").strip(bytes(range(0x21)))
    if not raw:
        raise Unsafe("redirected to nowhere: not followed")
    path, mark, query = raw.partition(b"#")[0].replace(b"\t", b"").partition(b"?")
    written = quote(BACKSLASH.sub(b"/", path) + mark + query, safe=KEPT_IN_ADDRESSES)
    try:
        parts = urlsplit(urljoin(url, written))
        _ = parts.port  # raises where it is none
    except ValueError as error:
        raise Unsafe(f"redirected to {shown(written)}, which is not an address ({shown(error)})") from error
    return parts._replace(path=_without_dots(parts.path)).geturl()


def _without_dots(path: str) -> str:
    """A path with `.` and `..` resolved, so that robots.txt is asked about the one that is meant."""
    kept: list[str] = []
    segments = path.split("/")[1:] or [""]
    for number, segment in enumerate(segments, 1):
        name = segment.lower().replace("%2e", ".")
        if name == ".." and kept:
            kept.pop()
        if name not in (".", ".."):
            kept.append(segment)
        elif number == len(segments):
            kept.append("")
    return "/" + "/".join(kept)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """What Retry-After asks for, in seconds from `now`; None where it says nothing usable (RFC 9110, 10.2.3).

    Fractions and units are read, and of several numbers in one line, as proxies join them, the longest.
    """
    text = (value or "").strip()
    numbers = [SECONDS.fullmatch(part.strip()) for part in text.split(",")]
    asked = [float(number[1]) for number in numbers if number]
    if len(asked) == len(numbers):
        return min(max(asked), LONGEST)
    moment = read_date(text)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST) if moment else None
