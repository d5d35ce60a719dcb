"""What the addresses of keibado say: the issue's code, which is its date, and the photo's number."""

import re
from datetime import date

from collector.errors import ParseError

SOURCE = "keibado"
CODE = re.compile(r"/keibabook/(\d{6})/")
NUMBER = re.compile(r"/photo(\d{1,2})\.html$")


def code_of(url: str) -> str:
    """The issue's code, YYMMDD."""
    match = CODE.search(url)
    if not match:
        raise ParseError("code", f"{url} names no issue")
    return match[1]


def date_of(code: str) -> date | None:
    """The day an issue's code names; the archive begins in 2001."""
    try:
        return date(2000 + int(code[:2]), int(code[2:4]), int(code[4:]))
    except ValueError:
        return None


def number_of(url: str) -> int:
    """The photo's number within its issue."""
    match = NUMBER.search(url)
    if not match:
        raise ParseError("number", f"{url} names no photo")
    return int(match[1])
